/* A procfs of a PID namespace in which other processes are already. The kernel makes one of its caller's own namespace, and the
   process that mounts is not in there (late_clone.h). */
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/fsmount.h"
#include "base/inroot.h"
#include "container/internal.h"

/* Whether what is mounted shows that PID namespace, and is not something that was put in its place. */
static int shows(int mount, int pid_ns) {
  struct statfs fs;
  struct stat wanted, found;
  if (fstatfs(mount, &fs) < 0 || fstat(pid_ns, &wanted) < 0 || fstatat(mount, "1/ns/pid", &found, 0) < 0) return 0;
  return fs.f_type == PROC_SUPER_MAGIC && found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev;
}

int clone_of_process(int process, const char *path) {
  int host = namespaces_own(NS_MNT);
  cleanup_close int root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int ns = openat(process, "ns/mnt", O_RDONLY | O_CLOEXEC);
  cleanup_close int directory = root < 0 ? -1 : inroot_open(root, path, O_PATH | O_DIRECTORY, INROOT_REFUSE);
  if (host < 0 || ns < 0 || directory < 0 || setns(ns, CLONE_NEWNS) < 0) return -1;
  int clone = tree_clone(directory, "", 0), saved = errno;
  if (setns(host, CLONE_NEWNS) < 0) _exit(125);
  errno = saved;
  return clone;
}

/* Whether a path is "/proc/PID/ns/pid" and nothing longer: a pod's may lead through directories of these names. */
static int is_of_process(const char *path) {
  if (strncmp(path, "/proc/", 6)) return 0;
  size_t digits = strspn(path + 6, "0123456789");
  return digits > 0 && !strcmp(path + 6 + digits, "/ns/pid");
}

/* A clone of the procfs that shows the namespace: of a path "/proc/PID/ns/pid" it is that process's, of a pod's "DIRECTORY/pid"
   the one that was mounted beside it when the pod was made (pod/procfs.c). -1 with errno. */
static int clone_shared(const struct container_spec *spec) {
  FOR_EACH(namespace, &spec->namespaces) {
    if (namespace->kind != NS_PID || !namespace->path) continue;
    cleanup_free char *path = strdup(namespace->path);
    if (!path) return -1;
    int of_process = is_of_process(path);
    char *rest = strrchr(path, '/');
    if (!rest || strcmp(rest, "/pid")) break;
    if (of_process) rest -= strlen("/ns");
    *rest = 0;
    cleanup_close int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -1;
    if (of_process) return clone_of_process(directory, "/proc");
    cleanup_close int proc = openat(directory, "proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return proc < 0 ? -1 : tree_clone(proc, "", 0);
  }
  errno = EINVAL;
  return -1;
}

int procfs_shared(struct container *container, struct error *err) {
  int pid_ns = container->namespaces.join[NS_PID];
  if (pid_ns < 0) return 0;
  cleanup_close int context = getenv("BERTH_PROC_OF_OTHER") ? -1 : fs_open("proc");
  if (context >= 0 && fsconfig(context, FSCONFIG_SET_FD, "pidns", NULL, pid_ns) == 0) {
    container->proc_context = steal_fd(&context);
    return 0;
  }
  /* Before Linux 6.18 (fsconfig's "pidns"): the procfs of the container or pod whose namespace is shared. */
  cleanup_close int clone = clone_shared(container->spec);
  if (clone < 0) return fail(err, "mount", errno, "the procfs of the shared PID namespace");
  if (!shows(clone, pid_ns))
    return fail(err, "mount", ENXIO, "the /proc of the container whose PID namespace is shared does not show that namespace");
  if (tree_change(clone, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0, MS_PRIVATE) < 0)
    return fail(err, "mount", errno, "the procfs of the shared PID namespace");
  container->proc_clone = steal_fd(&clone);
  return 0;
}

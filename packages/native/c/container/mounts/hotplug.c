/* Binds that come to a running container, or go. The process that attaches them joins the container's mount namespace and
   nothing else: no process of the container sees it, and it has no descriptor that is not needed. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/inroot.h"
#include "container/mounts/kinds.h"
#include "container/runtime/runtime.h"

/* A place in the container may be a filesystem of its own making that answers nobody. */
enum { patience_ms = 3000 };

struct change {
  struct container *container;
  const struct mount_spec *mount; /* NULL: what is at `destination` goes */
  const char *destination;
  int fd;        /* the detached mount */
  int directory; /* whether it is one */
  int proc;      /* the host's procfs */
};

static int attach(const struct change *change, struct error *err) {
  cleanup_close int target = open_target(change->container, change->mount, change->directory, err);
  if (target < 0) return -1;
  if (tree_attach(change->fd, target) < 0)
    return fail_text(err, "mount", errno, "error mounting \"%s\" to rootfs at \"%s\": %s", change->mount->source,
                     change->destination, go_strerror(errno));
  return 0;
}

/* umount2() takes a path alone: the descriptor's name in the host's procfs, from there. */
static int detach(const struct change *change, struct error *err) {
  cleanup_close int target = inroot_open(change->container->root, change->destination, O_PATH, INROOT_FOLLOW);
  char name[32];
  snprintf(name, sizeof name, "self/fd/%d", target);
  if (target < 0 || fchdir(change->proc) < 0 || umount2(name, MNT_DETACH) < 0)
    return fail(err, "mount", errno, "unmount %s", change->destination);
  return 0;
}

/* The container's own /dev is guarded by its device number, which only its first process has noted. */
static void note_dev(struct container *container) {
  cleanup_close int dev = inroot_open(container->root, "/dev", O_PATH, INROOT_REFUSE);
  struct stat st;
  if (dev >= 0 && fstat(dev, &st) == 0) container->dev = st.st_dev;
}

static void run_change(const struct change *change, int channel) __attribute__((noreturn));
static void run_change(const struct change *change, int channel) {
  struct error err = {0};
  prctl(PR_SET_DUMPABLE, 0);
  if (namespaces_join(change->container->pidfd, CLONE_NEWNS, &err) == 0) {
    note_dev(change->container);
    if (change->mount ? attach(change, &err) : detach(change, &err)) err.status = err.status ? err.status : EIO;
  }
  ssize_t written = write(channel, &err, sizeof err);
  _exit(written == sizeof err ? 0 : 1);
}

static int carry_out(const struct change *change, pid_t *left, struct error *err) {
  const struct runtime *runtime = change->container->runtime;
  int channel[2];
  *left = 0;
  if (runtime && !runtime->kernel_root)
    return fail(err, "mount", ENOTSUP, "mounts of a running container under %s", runtime->program);
  if (pipe2(channel, O_CLOEXEC) < 0) return fail(err, "mount", errno, "pipe");
  cleanup_close int ours = channel[0], theirs = channel[1];
  pid_t pid = namespaces_clone_beside(-1, err);
  if (pid == 0) run_change(change, theirs);
  if (pid < 0) return -1;
  close(steal_fd(&theirs));
  struct pollfd wait = {.fd = ours, .events = POLLIN};
  struct error said;
  int answered = poll(&wait, 1, patience_ms) > 0 && read(ours, &said, sizeof said) == sizeof said;
  if (!answered) kill(pid, SIGKILL);
  if (waitpid(pid, NULL, answered ? 0 : WNOHANG) != pid) *left = pid;
  if (!answered) return fail(err, "mount", ETIMEDOUT, "%s does not answer", change->destination);
  if (!said.status) return 0;
  if (err) *err = said;
  return -1;
}

int container_mount(struct container *container, const struct launch_record *record, pid_t *left, struct error *err) {
  *left = 0;
  struct launch launch = {.records = (struct launch_record *) record, .count = 1};
  cleanup_spec struct container_spec *spec = NULL;
  if (spec_decode(&launch, SPEC_FOR_MOUNT, &spec, err) < 0) return -1;
  const struct mount_spec *mount = &spec->mounts.items[0];
  if (mount->kind != MOUNT_BIND) return fail(err, "mount", ENOTSUP, "a mount of type %s in a running container", mount->type);
  cleanup_close int bind = open_bind(container, mount, -1, err);
  struct stat st;
  if (bind < 0) return -1;
  if (fstat(bind, &st) < 0) return fail(err, "mount", errno, "stat %s", mount->source);
  struct change change = {.container = container,
                          .mount = mount,
                          .destination = mount->destination,
                          .fd = bind,
                          .directory = S_ISDIR(st.st_mode),
                          .proc = -1};
  return carry_out(&change, left, err);
}

int container_unmount(struct container *container, const char *destination, pid_t *left, struct error *err) {
  *left = 0;
  cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return fail(err, "mount", errno, "/proc");
  struct change change = {.container = container, .destination = destination, .fd = -1, .proc = proc};
  return carry_out(&change, left, err);
}

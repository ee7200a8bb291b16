#include "pod/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsmount.h"

int procfs_keep(pid_t first, const char *path, struct error *err) {
  char source[48];
  snprintf(source, sizeof source, "/proc/%d/ns/pid", first);
  cleanup_close int pid_ns = open(source, O_RDONLY | O_CLOEXEC);
  if (pid_ns < 0) return fail(err, "pod", errno, "%s", source);
  cleanup_close int context = getenv("BERTH_PROC_OF_OTHER") ? -1 : fs_open("proc");
  if (context >= 0 && fsconfig(context, FSCONFIG_SET_FD, "pidns", NULL, pid_ns) == 0) return 0;
  if (mkdir(path, 0700) < 0 || setns(pid_ns, CLONE_NEWPID) < 0) return fail(err, "pod", errno, "the procfs at %s", path);
  pid_t inside = fork();
  if (inside < 0) return fail(err, "pod", errno, "fork");
  if (inside == 0)
    _exit(mount("proc", path, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ||
                  mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0
              ? errno
              : 0);
  int status;
  while (waitpid(inside, &status, 0) < 0)
    if (errno != EINTR) return fail(err, "pod", errno, "wait");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  return fail(err, "pod", WIFEXITED(status) ? WEXITSTATUS(status) : EIO, "mount the procfs at %s", path);
}

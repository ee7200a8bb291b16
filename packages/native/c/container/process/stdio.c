/* The standard streams of a container's process. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "base/cleanup.h"
#include "base/inroot.h"
#include "container/process/process.h"

/* The user has to be able to open /dev/stdout and the like, so pipes are given to it; /dev/null is everyone's. */
int stdio_own(uid_t uid, struct error *err) {
  for (int fd = 0; fd < 3; fd++) {
    struct stat st;
    if (fstat(fd, &st) < 0) return fail(err, "stdio", errno, "fd %d", fd);
    if (st.st_uid == uid || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))) continue;
    if (fchown(fd, uid, (gid_t) -1) < 0 && errno != EINVAL && errno != EPERM && errno != EROFS)
      return fail(err, "stdio", errno, "owner of fd %d", fd);
  }
  return 0;
}

static int is_null(int fd) {
  struct stat st;
  return fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* The container's own /dev/null, if it has one there: looked at before it is opened, for the container's root chooses what
   that is. -1: none. */
static int open_own_null(const struct child *child) {
  char path[40];
  cleanup_close int node = inroot_open(child->root, "/dev/null", O_PATH | O_NOFOLLOW, INROOT_REFUSE);
  if (!is_null(node) || child->self < 0) return -1;
  snprintf(path, sizeof path, "self/fd/%d", node);
  return openat(child->self, path, O_RDWR | O_CLOEXEC);
}

int stdio_set(const struct child *child, struct error *err) {
  int from[3] = {child->io->in, child->io->out, child->io->err};
  cleanup_close int null = child->io->terminal ? -1 : open_own_null(child);
  for (int fd = 0; fd < 3; fd++) {
    if (null >= 0 && is_null(from[fd])) from[fd] = null;
    /* Out of the way of the three first: a source may be one of them. */
    from[fd] = fcntl(child->io->terminal ? child->terminal : from[fd], F_DUPFD_CLOEXEC, 3);
    if (from[fd] < 0) return fail(err, "stdio", errno, "fd %d", fd);
  }
  for (int fd = 0; fd < 3; fd++) {
    if (dup2(from[fd], fd) < 0) return fail(err, "stdio", errno, "fd %d", fd);
  }
  if (child->io->terminal && !child->late_clone && ioctl(0, TIOCSCTTY, 0) < 0)
    return fail(err, "terminal", errno, "controlling terminal");
  return 0;
}

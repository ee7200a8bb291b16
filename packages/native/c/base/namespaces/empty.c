#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/namespaces/namespaces.h"

/* In a child: a mount namespace whose only mount is a read-only tmpfs with nothing in it but a null device. */
static int enter_empty(void) {
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -1;
  /* On a directory that every host has; what is there is covered in this namespace alone. */
  if (mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=4k,nr_inodes=4,mode=0555") < 0) return -1;
  umask(0);
  if (mknod("/proc/null", S_IFCHR | 0666, makedev(1, 3)) < 0) return -1;
  if (chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0) return -1;
  if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) return -1;
  return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL);
}

int make_empty_mntns(int *null, struct error *err) {
  int ready[2], leave[2];
  if (pipe2(ready, O_CLOEXEC) < 0) return fail(err, "empty", errno, "pipe");
  if (pipe2(leave, O_CLOEXEC) < 0) {
    close(ready[0]);
    close(ready[1]);
    return fail(err, "empty", errno, "pipe");
  }
  pid_t child = fork();
  if (child == 0) {
    close(ready[0]);
    close(leave[1]);
    int status = enter_empty() < 0 ? errno : 0;
    ssize_t n = write(ready[1], &status, sizeof status);
    n += read(leave[0], &status, sizeof status); /* until the parent has the namespace */
    _exit(n < 0);
  }
  close(ready[1]);
  close(leave[0]);
  int status = child < 0 ? errno : ECHILD, fd = -1;
  if (child > 0 && read(ready[0], &status, sizeof status) == sizeof status && status == 0) {
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", child);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/root/null", child);
    *null = fd < 0 ? -1 : open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (*null < 0) {
      status = errno;
      if (fd >= 0) close(fd);
      fd = -1;
    }
  }
  close(ready[0]);
  close(leave[1]);
  if (child > 0) waitpid(child, NULL, 0);
  return fd < 0 ? fail(err, "empty", status, "make an empty mount namespace") : fd;
}

/* System calls that the C library has no wrapper for. They return as glibc's do: -1 and errno. */
#ifndef BERTH_SYS_H
#define BERTH_SYS_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif

static inline int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
  return (int) syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static inline pid_t sys_clone3(struct clone_args *args) {
  return (pid_t) syscall(SYS_clone3, args, sizeof *args);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int) syscall(SYS_close_range, first, last, flags);
}

/* Since Linux 6.6: before, ENOSYS. */
static inline int sys_fchmodat2(int dir, const char *path, mode_t mode, int flags) {
#ifdef SYS_fchmodat2
  return (int) syscall(SYS_fchmodat2, dir, path, mode, flags);
#else
  return (int) syscall(452, dir, path, mode, flags);
#endif
}

static inline int sys_pidfd_send_signal(int pidfd, int signal) {
  return (int) syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

#endif

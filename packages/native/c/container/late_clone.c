#include "container/late_clone.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As fork(), but for whose child it is and where its number is written: the parent's memory, before it runs. */
#define LATE_CLONE_FLAGS (CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD)

const struct late_clone_pass late_clone_passes[] = {
    {SYS_capset, -1, 0},       {SYS_clone, 0, LATE_CLONE_FLAGS}, {SYS_exit_group, -1, 0},          {SYS_setsid, -1, 0},
    {SYS_ioctl, 1, TIOCSCTTY}, {SYS_prctl, 0, PR_SET_PDEATHSIG}, {SYS_prlimit64, 1, RLIMIT_NPROC},
};
const int late_clone_pass_count = sizeof late_clone_passes / sizeof *late_clone_passes;

struct late_clone *late_clone_new(struct error *err) {
  void *page = mmap(NULL, sizeof(struct late_clone), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    fail(err, "start", errno, "mmap");
    return NULL;
  }
  return page;
}

void late_clone_free(struct late_clone *late_clone) {
  if (late_clone) munmap(late_clone, sizeof *late_clone);
}

int late_clone_key(uint64_t *key, struct error *err) {
  do {
    if (getrandom(key, sizeof *key, 0) != sizeof *key) return fail(err, "start", errno, "getrandom");
  } while (!*key);
  return 0;
}

int late_clone_hide(struct late_clone *late_clone, struct error *err) {
  if (madvise(late_clone, sizeof *late_clone, MADV_DONTFORK) < 0) return fail(err, "start", errno, "madvise");
  /* Here, for a change of user may have undone it (fs.suid_dumpable). */
  return prctl(PR_SET_DUMPABLE, 0) < 0 ? fail(err, "start", errno, "prctl") : 0;
}

int late_clone_make(struct late_clone *late_clone, uint64_t key, struct error *err) {
  long pid = syscall(SYS_clone, LATE_CLONE_FLAGS, 0, &late_clone->pid, 0, 0, key);
  if (pid < 0) return fail(err, "start", errno, "clone the process");
  if (pid == 0) return 0;
  for (;;) syscall(SYS_exit_group, 0, 0, 0, 0, 0, key);
}

int late_clone_begin(int terminal, const struct rlimit *processes, uint64_t key, struct error *err) {
  if (syscall(SYS_setsid, 0, 0, 0, 0, 0, key) < 0) return fail(err, "session", errno, "setsid");
  if (terminal && syscall(SYS_ioctl, 0, TIOCSCTTY, 0, 0, 0, key) < 0)
    return fail(err, "terminal", errno, "controlling terminal");
  if (processes && syscall(SYS_prlimit64, 0, RLIMIT_NPROC, processes, NULL, 0, key) < 0)
    return fail(err, "rlimit", errno, "limit of processes");
  /* Without its supervisor nobody would read its output or hear of its end. */
  if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, key) < 0) return fail(err, "exec", errno, "prctl");
  return 0;
}

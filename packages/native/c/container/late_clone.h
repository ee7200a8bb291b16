/* The late clone: how a process comes into a PID namespace in which others run already.
 *
 * The others see a process there from its first instant on: its root, working directory, descriptors, memory, and with
 * CAP_SYS_PTRACE they can make it do whatever it is able to do (CVE-2016-9962, CVE-2019-5736, CVE-2024-21626). So all work
 * is done by a process outside, which no one in the container can name. At its end it has the container's root and
 * descriptors, user, capabilities and seccomp filter; only then does it clone the process that runs the program, as a child
 * of its own parent, and ends. */
#ifndef BERTH_LATE_CLONE_H
#define BERTH_LATE_CLONE_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"

struct child;

/* Memory that the supervisor and the process outside share; the late clone has no part in it. */
struct late_clone {
  pid_t pid; /* of the late clone, as the supervisor sees it; 0 before */
};

/* Maps it. NULL with stage "start". */
struct late_clone *late_clone_new(struct error *err);
/* Unmaps it in this process; NULL is allowed. */
void late_clone_free(struct late_clone *late_clone);
static inline void late_clone_cleanup_(struct late_clone **late_clone) {
  late_clone_free(*late_clone);
}
#define cleanup_late_clone __attribute__((cleanup(late_clone_cleanup_)))

/* A new key, never 0. */
int late_clone_key(uint64_t *key, struct error *err);
/* The calls that late_clone_make() and late_clone_begin() make behind the container's filter, which knows nothing of them: they pass
   it with the key as their sixth argument, of which the kernel takes no notice. The key is gone from memory when the
   program runs. `argument` is -1, or the index of the one that has to be `value`. */
struct late_clone_pass {
  int number;
  int argument;
  uint32_t value;
};
extern const struct late_clone_pass late_clone_passes[];
extern const int late_clone_pass_count;

/* The late clone gets no part of this memory, and nobody may look into it; the last thing before the filter. */
int late_clone_hide(struct late_clone *late_clone, struct error *err);
/* Makes the process that runs the program: returns in it. The caller ends there. Returns -1 when there could be none. */
int late_clone_make(struct late_clone *late_clone, uint64_t key, struct error *err);
/* Does in the new process what only it can do for itself: its session, terminal, end with the supervisor's, and the limit of the
   user's processes (NULL: none), among which the one outside was for a moment. */
int late_clone_begin(int terminal, const struct rlimit *processes, uint64_t key, struct error *err);

#endif

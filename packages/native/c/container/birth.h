/* How a process comes into a PID namespace in which others run already.
 *
 * Those others see a process from its first instant on: its root, working directory, descriptors, memory, and with
 * CAP_SYS_PTRACE they can make it do whatever it is able to do (CVE-2016-9962, CVE-2019-5736, CVE-2024-21626). So all work
 * is done by a process outside, which no one in the container can name. At its end it has the container's root and
 * descriptors, user, capabilities and seccomp filter; only then does it clone the process that runs the program, as a child
 * of its own parent, and ends. */
#ifndef BERTH_BIRTH_H
#define BERTH_BIRTH_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"

struct child;

/* Memory that the supervisor and the process outside share; the one that is born has no part in it. */
struct birth {
  pid_t pid; /* of the process that was born, as the supervisor sees it; 0 before */
};

/* Maps it. NULL with stage "start". */
struct birth *birth_new(struct error *err);
/* Unmaps it in this process; NULL is allowed. */
void birth_free(struct birth *birth);
static inline void birth_cleanup_(struct birth **birth) {
  birth_free(*birth);
}
#define cleanup_birth __attribute__((cleanup(birth_cleanup_)))

/* A new key, never 0. */
int birth_key(uint64_t *key, struct error *err);
/* The calls that birth_give() and birth_begin() make behind the container's filter, which knows nothing of them: they pass
   it with the key as their sixth argument, of which the kernel takes no notice. The key is gone from memory when the
   program runs. `argument` is -1, or the index of the one that has to be `value`. */
struct birth_pass {
  int number;
  int argument;
  uint32_t value;
};
extern const struct birth_pass birth_passes[];
extern const int birth_pass_count;

/* The one that will be born gets no part of `birth`, and nobody may look into it; the last thing before the filter. */
int birth_hide(struct birth *birth, struct error *err);
/* Makes the process that runs the program: returns in it. The caller ends there. Returns -1 when there could be none. */
int birth_give(struct birth *birth, uint64_t key, struct error *err);
/* Does in the new process what only it can do for itself: its session, terminal, end with the supervisor's, and the limit of the
   user's processes (NULL: none), among which the one outside was for a moment. */
int birth_begin(int terminal, const struct rlimit *processes, uint64_t key, struct error *err);

#endif

/* One call of a runtime's program. */
#ifndef BERTH_CONTAINER_RUNTIME_CALL_H
#define BERTH_CONTAINER_RUNTIME_CALL_H

#include "container/runtime/runtime.h"

struct call_request {
  const char *command;            /* "create" ... */
  const char *const *options;     /* of the command, NULL-terminated; the container's id follows them */
  const char *last;               /* behind the id, or NULL */
  const struct process_io *io;    /* NULL: the null device */
  const struct container *bundle; /* whose bundle is attached first; NULL: none is needed */
  int makes_process;              /* it leaves a process (--pid-file), with a terminal by --console-socket */
};

struct call;

/* Starts the program. NULL with an error. */
struct call *call_begin(struct runtime *runtime, const struct call_request *request, struct error *err);
/* Is readable when call_step() is to be called. */
int call_fd(const struct call *call);
/* Takes in what has happened. 1: it is still under way; 0: it has succeeded, `*process` (may be NULL) is the process that it
   left; -1: it has failed, with the runtime's own words. */
int call_step(struct call *call, pid_t *process, struct error *err);
/* The same, until it has ended. It is killed after so many milliseconds, -1 with ETIMEDOUT; or once `cgroup` (NULL: none) has been
   removed, by which the daemon gives a start up, -1 with ECANCELED. */
int call_await(struct call *call, int milliseconds, const struct cgroup *cgroup, pid_t *process, struct error *err);
/* Kills the program; call_step() will say so. */
void call_kill(const struct call *call);
/* Kills and reaps what is left of it; NULL is allowed. */
void call_free(struct call *call);

#endif

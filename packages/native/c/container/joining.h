/* A process on its way to become the program, or where there is a late clone, to make the one that does. The rest of its interface
 * is in container.h. */
#ifndef BERTH_JOINING_H
#define BERTH_JOINING_H

#include "container/late_clone.h"
#include "container/container.h"

/* Takes `*channel` and `*late_clone` (which may be NULL) over. NULL with an error: then the process is killed and reaped. */
struct joining *joining_new(int *channel, pid_t pid, const struct process_io *io, struct late_clone **late_clone,
                            struct error *err);
struct container_spec;
/* An exec under another runtime. NULL with an error. */
struct joining *joining_foreign(struct container *container, const struct container_spec *spec, const struct process_io *io,
                                struct error *err);
/* Waits until it is the program. Returns the program's pid; -1 with the error, and all processes reaped. */
pid_t joining_await(int *channel, pid_t pid, const struct process_io *io, struct late_clone **late_clone, struct error *err);
/* Kills and reaps a child. */
void end_child(pid_t pid);

#endif

/* A container's inside: namespaces, mounts, devices, cgroup, privileges, exec. The supervisor calls these. */
#ifndef BERTH_CONTAINER_H
#define BERTH_CONTAINER_H

#include <sys/types.h>

#include "base/error.h"
#include "base/records/launch.h"

struct container; /* container.c owns it */

/* The supervisor ignores SIGPIPE and blocks no signal; it has no children but those made here, so that container_*
   functions may fork and wait for helpers of their own by pid. A child resets SIGPIPE before exec. */

/* The fds a process of the container gets as 0, 1, 2; with a terminal all three are the pty's slave, or -1 when the
   container's own devpts must make the pair (then `console` receives the master). */
struct process_io {
  int in, out, err;
  int terminal; /* 1: make a pty in the container's devpts, its master is put in *console */
  int *console;
};

/* Host-side preparation, in the supervisor: opens sources, makes detached mounts, creates cgroup directories and writes
   limits. Nothing visible is left in the host's mount table. */
int container_prepare(const struct launch *launch, struct container **out, struct error *err);

/* Whether it runs under another OCI runtime (runtime/runtime.h). What follows holds for it, too, but where it says otherwise.
   Its processes may be left in the supervisor's care one by one: see supervisor/reap.c. */
int container_is_foreign(const struct container *container);

/* Clones the first process into its namespaces and lets it run up to, and through, exec. Returns its pid when the
   program was really exec'ed (a CLOEXEC pipe tells), else -1 with the child's own error (stage "exec" with ENOENT,
   EACCES, ... when the program can't be run). */
pid_t container_start(struct container *container, const struct process_io *io, struct error *err);

/* A process on its way into a running container. It may be frozen there, so nothing may wait for it. */
struct joining;

/* One more process in a running container (docker exec): setns + clone, joined to its cgroup, confined likewise. `launch`
   has the records of the exec; neither it nor the fds of `io` are needed any more when this returns. NULL with `err`. */
struct joining *container_exec(struct container *container, const struct launch *launch, const struct process_io *io,
                               struct error *err);
/* Is readable when joining_step() is to be called. */
int joining_fd(const struct joining *joining);
/* Takes in what the process has said. 1: it is still under way; 0: the program runs, its pid is in *program; -1: it never
   will, `err` says why. */
int joining_step(struct joining *joining, pid_t *program, struct error *err);
/* Two children that the end of a joining has left to be reaped, each 0 where there is none. */
const pid_t *joining_left(const struct joining *joining);
/* Kills it; joining_step() will say so. */
void joining_kill(const struct joining *joining);
/* Frees it; kills nothing. */
void joining_free(struct joining *joining);

/* Sends a signal to the first process, whose pidfd is `process`. Another runtime is asked to: the process may stand for what
   runs in a sandbox. Returns 0, or -1. */
int container_signal(const struct container *container, int process, int signal, struct error *err);

/* A bind more, or one less, in a running container: by a process that joins its mount namespace alone and is waited for, at
   most some seconds. `record`: as the launch's `mount`; `destination`: where one is mounted. Only a container without a user
   namespace of its own. A child that is not gone by then is put in `*left` (else 0), to be reaped. */
int container_mount(struct container *container, const struct launch_record *record, pid_t *left, struct error *err);
/* Takes away what container_mount() has mounted at `destination`. Returns 0, or -1. */
int container_unmount(struct container *container, const char *destination, pid_t *left, struct error *err);

/* A descriptor of the network namespace that the container joins, or -1: it has one of its own, or the host's. */
int container_netns(const struct container *container);

/* Kills what is left in the cgroup (PID namespaces do it themselves unless the host's is shared). */
void container_kill_all(struct container *container);
/* The first process has ended: removes the container's cgroups (cgroup/cgroup.h), and has another runtime forget it. */
void container_ended(const struct container *container);
/* How often the container has run out of memory since the start: as cgroup_ooms(). */
long container_ooms(struct container *container);
/* The kernel has told that it runs out of memory: as cgroup_oom_told(). */
void container_oom_told(struct container *container);
/* Something to poll for the OOM killer, -1 where there is none: as cgroup_oom_fd(). */
int container_oom_fd(const struct container *container, int *counter);
/* Closes and frees all that is held of it; its cgroups and processes stay. NULL is allowed. */
void container_free(struct container *container);

#endif

/* From here on a container's first process and an exec are the same: what makes a child of the set-up the program. All return
 * 0, or -1 with an error, where nothing else is said. */
#ifndef BERTH_CONTAINER_PROCESS_H
#define BERTH_CONTAINER_PROCESS_H

#include <sys/resource.h>

#include "base/users/users.h"
#include "container/internal.h"

/* process.c: becomes the program, by a table of steps. Does not return when it succeeds; -1 with an error that names the
   step. */
int process_run(struct child *child, struct error *err);
/* Makes the working directory where the spec asks for it, while the root can still be written. */
int process_make_cwd(const struct child *child, struct error *err);
/* True for the container's first process where it runs under our own init. */
int process_runs_init(const struct child *child);

/* limits.c: sets the resource limits (setrlimit(2)). With a late clone the limit of the user's processes is one higher for now,
   for it is set last; `*processes` receives its value, or stays as it is. */
int limits_set(const struct child *child, struct rlimit *processes, struct error *err);
/* The user of a spec by the files of a root, with its groups: those that the files give it, as the policy has it, and the
   spec's. The caller frees user->groups, also after an error. */
int process_user(const struct container_spec *spec, int root, struct user *user, struct error *err);
/* Sets the OOM score of a process in a user namespace, which may not do it itself (proc_pid_oom_score_adj(5)). */
int oom_score_of(const struct container_spec *spec, pid_t pid, struct error *err);
/* Sets the OOM score of the caller, while it still has the machine's rights. */
int oom_score_own(const struct child *child, struct error *err);

/* security.c: the AppArmor profile or SELinux label of the program to come. */
int security_label(const struct child *child, struct error *err);
/* A session keyring of its own: the parent's must not be the container's. */
int security_keyring(const struct container_spec *spec, struct error *err);
/* Closes all that is the host's. The container's other processes see this one, and may reach for what it holds as soon as it
   can do no more than they can: by then nothing of the host's is open any more, and none of them may look. */
int security_forget_host(struct child *child, struct error *err);

/* terminal.c: a pty of the container's devpts, with the spec's size. */
int terminal_open(const struct container_spec *spec, int root, int *master, int *slave, struct error *err);
/* Binds the slave over /dev/console. */
int terminal_console(int root, int slave, struct error *err);

/* stdio.c: the descriptors 0, 1 and 2 become those of the launch, or the child's end of the terminal. */
int stdio_set(const struct child *child, struct error *err);
/* Gives them to a user, who has to be able to open /dev/stdout. */
int stdio_own(uid_t uid, struct error *err);

/* seccomp.c: reads the filter while the host's files can still be named, into memory that the caller frees. */
int seccomp_read(const struct container_spec *spec, struct child *child, struct error *err);
/* Loads it. With a `key` (not 0) the few calls that the process has yet to make before it is the program pass whatever the
   filter says, if that is their sixth argument (late_clone.c). */
int seccomp_load(const struct child *child, uint64_t key, struct error *err);

#endif

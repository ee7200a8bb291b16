/* The steps of a set-up: tables whose order counts. */
#ifndef BERTH_CONTAINER_STEPS_H
#define BERTH_CONTAINER_STEPS_H

#include "container/internal.h"

/* `run` returns 0, or -1 with an error, in which run_steps() puts the step's name. */
struct step {
  const char *name;
  int (*run)(struct child *child, struct error *err);
};

/* Runs all steps up to the first that fails. */
int run_steps(const struct step *steps, size_t count, struct child *child, struct error *err);
/* Tells the supervisor the error that ends the child. */
void report_to_supervisor(struct child *child, const struct error *err) __attribute__((noreturn));

/* Steps that start and exec share. */

/* Joins the v1 cgroups. */
int step_cgroup(struct child *child, struct error *err);
/* Begins a session, unless the process that the child makes is to. */
int step_session(struct child *child, struct error *err);
/* Takes the container's root as the child's own. */
int step_root_directory(struct child *child, struct error *err);
/* Opens the terminal of the container's devpts and sends its master to the supervisor; nothing without a terminal. */
int step_terminal(struct child *child, struct error *err);
/* Sets the child's OOM score, which needs the machine's rights where it is lowered. */
int step_own_oom_score(struct child *child, struct error *err);

#endif

#include "container/steps.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "container/init_message.h"
#include "container/process/process.h"

int run_steps(const struct step *steps, size_t count, struct child *child, struct error *err) {
  for (const struct step *step = steps; step < steps + count; step++) {
    if (step->run(child, err) == 0) continue;
    snprintf(err->step, sizeof err->step, "%s", step->name);
    return -1;
  }
  return 0;
}

void report_to_supervisor(struct child *child, const struct error *err) {
  if (!strcmp(err->stage, "run")) {
    /* The program was found but the kernel can't run it: to Docker the container has started, and says so itself. */
    dprintf(2, "%s\n", err->message);
    _exit(1);
  }
  send_init_error(child->channel, err);
  _exit(125);
}

int step_cgroup(struct child *child, struct error *err) {
  return cgroup_join(&child->container->cgroup, err);
}

int step_session(struct child *child, struct error *err) {
  umask(0);
  return !child->late_clone && setsid() < 0 ? fail(err, "session", errno, "setsid") : 0;
}

int step_root_directory(struct child *child, struct error *err) {
  if (fchdir(child->root) < 0 || chroot(".") < 0) return fail(err, "rootfs", errno, "enter the container's root");
  return 0;
}

int step_terminal(struct child *child, struct error *err) {
  if (!child->io->terminal) return 0;
  cleanup_close int master = -1;
  if (terminal_open(child->spec, child->root, &master, &child->terminal, err) < 0) return -1;
  if (send_init_terminal(child->channel, master) < 0) return fail(err, "terminal", errno, "pass the terminal on");
  return 0;
}

int step_own_oom_score(struct child *child, struct error *err) {
  return oom_score_own(child, err);
}

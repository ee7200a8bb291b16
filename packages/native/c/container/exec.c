/* docker exec: one more process in a running container. */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "container/joining.h"
#include "container/internal.h"
#include "container/process/process.h"
#include "container/steps.h"

static uint64_t joined_namespaces(const struct container *container) {
  uint64_t all = 0;
  for (int i = 0; i < NS_COUNT; i++) {
    if ((container->namespaces.create & namespaces_flag(i)) || container->namespaces.join[i] >= 0) all |= namespaces_flag(i);
  }
  return all;
}

static int join(struct child *child, struct error *err) {
  return namespaces_join(child->container->pidfd, child->join, err);
}

static int user_namespace_root(struct child *child, struct error *err) {
  if (!(child->join & CLONE_NEWUSER)) return 0;
  if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
    return fail(err, "namespace", errno, "become the user namespace's root");
  return 0;
}

static const struct step enter[] = {
    {"cgroup", step_cgroup},     {"OOM score", step_own_oom_score}, /* with the machine's rights still */
    {"namespaces", join},        {"user namespace", user_namespace_root},
    {"session", step_session},   {"root directory", step_root_directory},
    {"terminal", step_terminal},
};

static void run_exec(struct child *child) __attribute__((noreturn));
static void run_exec(struct child *child) {
  struct error err = {0};
  if (run_steps(enter, sizeof enter / sizeof *enter, child, &err) == 0) process_run(child, &err);
  report_to_supervisor(child, &err);
}

struct joining *container_exec(struct container *container, const struct launch *launch, const struct process_io *io,
                               struct error *err) {
  cleanup_spec struct container_spec *spec = NULL;
  int channel[2];
  if (spec_decode(launch, SPEC_FOR_EXEC, &spec, err) < 0) return NULL;
  if (!container->runtime != !spec->config_head) {
    fail(err, "launch", EINVAL, "an exec for another runtime than the container's");
    return NULL;
  }
  if (container->runtime) return joining_foreign(container, spec, io, err);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) {
    fail(err, "start", errno, "socketpair");
    return NULL;
  }
  cleanup_close int ours = channel[0], theirs = channel[1];
  /* The host's procfs, through which the child reaches its own files before and after it joins. */
  cleanup_close int self = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct child child = {.container = container,
                        .spec = spec,
                        .io = io,
                        .channel = theirs,
                        .root = container->root,
                        .proc = -1,
                        .self = self,
                        .terminal = -1,
                        .join = joined_namespaces(container)};
  if (self < 0) {
    fail(err, "start", errno, "/proc");
    return NULL;
  }
  if (seccomp_read(spec, &child, err) < 0) return NULL;
  cleanup_free void *filter = child.seccomp;
  cleanup_late_clone struct late_clone *late_clone = NULL;
  if ((child.join & CLONE_NEWPID) && !(child.late_clone = late_clone = late_clone_new(err))) return NULL;
  pid_t pid = namespaces_clone_beside(cgroup_clone_fd(&container->cgroup), err);
  if (pid == 0) run_exec(&child);
  if (pid < 0) return NULL;
  close(steal_fd(&theirs));
  return joining_new(&ours, pid, io, &late_clone, err);
}

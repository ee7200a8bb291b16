/* The start of a container: its first process, from the clone to the program. */
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "container/joining.h"
#include "container/internal.h"
#include "container/process/process.h"
#include "container/runtime/runtime.h"
#include "container/steps.h"

/* A network namespace that the container's user namespace does not own. */
static int foreign_network(const struct container *c) {
  return namespaces_has_user(&c->namespaces) && c->namespaces.join[NS_NET] >= 0;
}

/* Only the machine's root may set the parameters of such a network namespace. */
static int foreign_network_sysctls(const struct container *c, struct error *err) {
  int own = namespaces_own(NS_NET);
  cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (own < 0 || proc < 0 || setns(c->namespaces.join[NS_NET], CLONE_NEWNET) < 0)
    return fail(err, "sysctl", errno, "the container's network namespace");
  int done = sysctls_apply(c->spec, proc, SYSCTLS_NET, err);
  if (setns(own, CLONE_NEWNET) < 0) _exit(125);
  return done;
}

static int user_namespace(struct child *child, struct error *err) {
  return namespaces_child(&child->container->namespaces, child->channel, err);
}

/* Its root is the cgroup that the child has joined by now. */
static int cgroup_namespace(struct child *child, struct error *err) {
  if (!(child->container->namespaces.create & CLONE_NEWCGROUP)) return 0;
  return unshare(CLONE_NEWCGROUP) < 0 ? fail(err, "namespace", errno, "cgroup namespace") : 0;
}

static int loopback(struct child *child, struct error *err) {
  return child->container->namespaces.create & CLONE_NEWNET ? loopback_up(err) : 0;
}

static int attach_root(struct child *child, struct error *err) {
  if (move_mount(child->container->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fail(err, "rootfs", errno, "attach the root");
  return 0;
}

static int mounts(struct child *child, struct error *err) {
  if (mounts_apply(child->container, err) < 0) return -1;
  child->proc = child->container->proc;
  if (!child->late_clone) child->self = child->proc;
  return 0;
}

static int devices(struct child *child, struct error *err) {
  return devices_apply(child->container, err);
}

static int console(struct child *child, struct error *err) {
  return child->terminal >= 0 ? terminal_console(child->root, child->terminal, err) : 0;
}

static int names(struct child *child, struct error *err) {
  return names_apply(child->spec, err);
}

static int sysctls(struct child *child, struct error *err) {
  return sysctls_apply(child->spec, child->proc, foreign_network(child->container) ? SYSCTLS_OTHER : SYSCTLS_ALL, err);
}

static int masks(struct child *child, struct error *err) {
  return masks_apply(child->container, err);
}

static int working_directory(struct child *child, struct error *err) {
  return process_make_cwd(child, err);
}

static int readonly_root(struct child *child, struct error *err) {
  return root_readonly_apply(child->container, err);
}

/* Under a user namespace the supervisor has set it. */
static int oom_score(struct child *child, struct error *err) {
  return namespaces_has_user(&child->container->namespaces) ? 0 : step_own_oom_score(child, err);
}

static int pid_namespace(struct child *child, struct error *err) {
  return child->late_clone ? namespaces_join_pid(&child->container->namespaces, err) : 0;
}

static const struct step set_up[] = {
    {"cgroup", step_cgroup},
    {"user namespace", user_namespace}, /* its maps are written in its cgroup's time */
    {"session", step_session},
    {"cgroup namespace", cgroup_namespace}, /* shows the cgroup joined above as its root */
    {"loopback", loopback},
    {"root", attach_root},
    {"mounts", mounts},   /* from the host's null device, which the root covers, to /proc */
    {"devices", devices}, /* in the /dev that was mounted */
    {"root directory", step_root_directory},
    {"terminal", step_terminal}, /* of the devpts that was mounted */
    {"console", console},
    {"names", names},
    {"sysctls", sysctls}, /* before /proc/sys is read-only */
    {"masked paths", masks},
    {"working directory", working_directory}, /* is made before the root is read-only */
    {"read-only root", readonly_root},
    {"OOM score", oom_score},
    {"PID namespace", pid_namespace}, /* the child's own child begins there */
};

static void run_first(struct child *child) __attribute__((noreturn));
static void run_first(struct child *child) {
  struct error err = {0};
  if (run_steps(set_up, sizeof set_up / sizeof *set_up, child, &err) == 0) process_run(child, &err);
  report_to_supervisor(child, &err);
}

/* Does what the child, which waits for it, may not do itself: its OOM score and its id maps. */
static int prepare_user_namespace(const struct container *container, pid_t pid, int channel, struct error *err) {
  if (oom_score_of(container->spec, pid, err) < 0) return -1;
  if ((container->namespaces.create & CLONE_NEWUSER) && id_maps_write(&container->spec->id_maps, pid, err) < 0) return -1;
  return send(channel, "g", 1, MSG_NOSIGNAL) < 0 ? fail(err, "start", errno, "start the child") : 0;
}

pid_t container_start(struct container *container, const struct process_io *io, struct error *err) {
  int channel[2];
  if (container->runtime) return runtime_start(container, io, err);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) return fail(err, "start", errno, "socketpair");
  cleanup_close int ours = channel[0], theirs = channel[1];
  struct child child = {.container = container,
                        .spec = container->spec,
                        .io = io,
                        .channel = theirs,
                        .root = container->root,
                        .proc = -1,
                        .self = -1,
                        .terminal = -1};
  if (seccomp_read(container->spec, &child, err) < 0) return -1;
  cleanup_free void *filter = child.seccomp;
  cleanup_late_clone struct late_clone *late_clone = NULL;
  cleanup_close int self = -1;
  if (container->namespaces.join[NS_PID] >= 0) {
    if (!(child.late_clone = late_clone = late_clone_new(err))) return -1;
    child.self = self = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self < 0) return fail(err, "start", errno, "/proc");
  }
  if (foreign_network(container) && foreign_network_sysctls(container, err) < 0) return -1;

  pid_t pid = namespaces_clone(&container->namespaces, cgroup_clone_fd(&container->cgroup), &container->pidfd, err);
  if (pid == 0) run_first(&child);
  if (pid < 0) return -1;
  close(steal_fd(&theirs));
  if (namespaces_has_user(&container->namespaces) && prepare_user_namespace(container, pid, ours, err) < 0) {
    end_child(pid);
    return -1;
  }
  int has_late_clone = late_clone != NULL;
  container->pid = joining_await(&ours, pid, io, &late_clone, err);
  if (container->pid < 0) return -1;
  if (has_late_clone) {
    close(steal_fd(&container->pidfd));
    container->pidfd = (int) syscall(SYS_pidfd_open, container->pid, 0);
    if (container->pidfd < 0) {
      end_child(container->pid);
      return fail(err, "start", errno, "watch the container's process");
    }
  }
  container_forget_start(container);
  return container->pid;
}

/* The life of a container under another runtime. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "container/process/process.h"
#include "container/runtime/call.h"

/* How long a call may take, in milliseconds: a runtime that hangs must not hold up the supervisor for ever. */
enum { START_MS = 60000, KILL_MS = 5000, DELETE_MS = 3000 };

static int run(struct runtime *runtime, const struct call_request *request, int milliseconds, const struct cgroup *cgroup,
               pid_t *process, struct error *err) {
  struct call *call = call_begin(runtime, request, err);
  int status = call ? call_await(call, milliseconds, cgroup, process, err) : -1;
  call_free(call);
  return status;
}

static int plain(const struct runtime *runtime, const char *command, const char *const *options, const char *last,
                 int milliseconds, const struct cgroup *cgroup, struct error *err) {
  struct call_request request = {.command = command, .options = options, .last = last};
  return run((struct runtime *) runtime, &request, milliseconds, cgroup, NULL, err);
}

/* The working directory that the spec asks for. In a user namespace only its own root may make it, so the runtime does. */
static int make_cwd(struct container *container, struct error *err) {
  if (namespaces_has_user(&container->namespaces)) return 0;
  struct child child = {.container = container, .spec = container->spec, .root = container->root};
  return process_make_cwd(&child, err);
}

/* Makes the container, or its processes as a checkpoint has them, which then run. */
static int create(struct container *container, const struct process_io *io, pid_t *process, struct error *err) {
  const struct container_spec *spec = container->spec;
  const char *bundle = container->runtime->bundle;
  const char *plain_options[] = {"--bundle", bundle, NULL};
  const char *restore_options[] = {"--detach",    "--bundle",         bundle, "--image-path", spec->restore_image,
                                   "--work-path", spec->restore_work, NULL};
  struct call_request request = {.command = spec->restore_image ? "restore" : "create",
                                 .options = spec->restore_image ? restore_options : plain_options,
                                 .io = io,
                                 .bundle = container,
                                 .makes_process = 1};
  if (make_cwd(container, err) < 0 || bundle_write(container, err) < 0) return -1;
  return run(container->runtime, &request, START_MS, &container->cgroup, process, err);
}

static int watch(struct container *container, pid_t process, struct error *err) {
  container->pidfd = (int) syscall(SYS_pidfd_open, process, 0);
  return container->pidfd < 0 ? fail(err, "runtime", errno, "watch the container's process") : 0;
}

/* The root as the container's processes have it, with its mounts, in the place of the one that they were made from. A sandbox
   has a kernel of its own, whose root nobody can open. */
static void take_root(struct container *container) {
  struct stat layers, processes;
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/root", container->pid);
  cleanup_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0 || fstat(root, &processes) < 0 || fstat(container->root, &layers) < 0) return;
  if (layers.st_dev != processes.st_dev || layers.st_ino != processes.st_ino) return;
  close(container->root);
  container->root = steal_fd(&root);
  container->runtime->kernel_root = 1;
}

pid_t runtime_start(struct container *container, const struct process_io *io, struct error *err) {
  static const char *const none[] = {NULL};
  struct runtime *runtime = container->runtime;
  pid_t process = -1;
  if (create(container, io, &process, err) < 0 || watch(container, process, err) < 0 ||
      (!container->spec->restore_image && plain(runtime, "start", none, NULL, START_MS, &container->cgroup, err) < 0)) {
    if (io->terminal && *io->console >= 0) close(steal_fd(io->console));
    runtime_delete(runtime);
    return -1;
  }
  if (runtime->user_ns >= 0) close(steal_fd(&runtime->user_ns));
  container->pid = process;
  take_root(container);
  container_forget_start(container);
  return process;
}

int runtime_kill(const struct runtime *runtime, int signal, struct error *err) {
  static const char *const none[] = {NULL};
  char number[16];
  snprintf(number, sizeof number, "%d", signal);
  return plain(runtime, "kill", none, number, KILL_MS, NULL, err);
}

void runtime_delete(const struct runtime *runtime) {
  static const char *const force[] = {"--force", NULL};
  struct error err;
  plain(runtime, "delete", force, NULL, DELETE_MS, NULL, &err);
  bundle_remove(runtime);
}

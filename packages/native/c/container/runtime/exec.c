/* docker exec under another runtime. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "container/runtime/call.h"

struct runtime_exec {
  struct runtime *runtime;
  struct call *call;
  char process[32]; /* the name of process.json in the bundle's directory */
};

/* The process's user is looked up in the container's root as its layers are. */
static int write_process(const struct runtime_exec *exec, const struct container_spec *spec, int root, struct error *err) {
  cleanup_free char *user = bundle_user(spec, root, err);
  if (!user) return -1;
  cleanup_close int fd = openat(exec->runtime->directory, exec->process, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0 || dprintf(fd, "%s%s%s\n", spec->config_head, user, spec->config_tail) < 0)
    return fail(err, "runtime", errno, "write %s", exec->process);
  return 0;
}

static struct call *begin(const struct runtime_exec *exec, const struct process_io *io, struct error *err) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", exec->runtime->bundle, exec->process);
  const char *options[] = {"--detach", "--process", path, NULL};
  struct call_request request = {.command = "exec", .options = options, .io = io, .makes_process = 1};
  return call_begin(exec->runtime, &request, err);
}

struct runtime_exec *runtime_exec_begin(struct container *container, const struct container_spec *spec,
                                        const struct process_io *io, struct error *err) {
  struct runtime_exec *exec = calloc(1, sizeof *exec);
  if (!exec) {
    fail(err, "runtime", ENOMEM, "exec");
    return NULL;
  }
  exec->runtime = container->runtime;
  snprintf(exec->process, sizeof exec->process, "process.%d", container->runtime->calls + 1);
  if (write_process(exec, spec, container->root, err) == 0) exec->call = begin(exec, io, err);
  if (exec->call) return exec;
  runtime_exec_free(exec);
  return NULL;
}

int runtime_exec_fd(const struct runtime_exec *exec) {
  return call_fd(exec->call);
}

int runtime_exec_step(struct runtime_exec *exec, pid_t *program, struct error *err) {
  return call_step(exec->call, program, err);
}

void runtime_exec_kill(const struct runtime_exec *exec) {
  call_kill(exec->call);
}

void runtime_exec_free(struct runtime_exec *exec) {
  if (!exec) return;
  call_free(exec->call);
  unlinkat(exec->runtime->directory, exec->process, 0);
  free(exec);
}

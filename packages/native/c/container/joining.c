#include "container/joining.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "container/init_message.h"
#include "container/runtime/runtime.h"

void end_child(pid_t pid) {
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

struct joining {
  struct runtime_exec *foreign; /* a call of another runtime, which is all there is then; or NULL */
  int channel;                  /* init messages come here */
  int terminal, master;
  int *console;
  pid_t pid;
  struct late_clone *late_clone; /* or NULL */
  pid_t left[2];                 /* children that are still to be reaped when it is over, or 0 */
};

int joining_fd(const struct joining *joining) {
  return joining->foreign ? runtime_exec_fd(joining->foreign) : joining->channel;
}

void joining_kill(const struct joining *joining) {
  if (joining->foreign) {
    runtime_exec_kill(joining->foreign);
    return;
  }
  kill(joining->pid, SIGKILL);
  if (joining->late_clone && joining->late_clone->pid > 0) kill(joining->late_clone->pid, SIGKILL);
}

const pid_t *joining_left(const struct joining *joining) {
  return joining->left;
}

int joining_step(struct joining *joining, pid_t *program, struct error *err) {
  if (joining->foreign) return runtime_exec_step(joining->foreign, program, err);
  const struct late_clone *late_clone = joining->late_clone;
  int fd = -1;
  enum init_message message = receive_init_message(joining->channel, err, &fd);
  if (message == INIT_NONE) return 1;
  /* The terminal comes first. A later one may be somebody else's, who has got hold of the late clone. */
  if (message == INIT_TERMINAL && joining->terminal && joining->master < 0) {
    joining->master = fd;
    return 1;
  }
  if (fd >= 0) close(fd);
  int running = message == INIT_ENDED && (!late_clone || late_clone->pid);
  if (running) {
    if (joining->console) *joining->console = steal_fd(&joining->master);
  } else if (message != INIT_ERROR) {
    int status = message == INIT_ENDED ? ESRCH : message == INIT_TERMINAL ? EPROTO : errno;
    fail(err, "start", status, "the container's process was lost");
  }
  if (!running) joining_kill(joining);
  joining->left[0] = !running || late_clone ? joining->pid : 0;
  joining->left[1] = !running && late_clone && late_clone->pid > 0 ? late_clone->pid : 0;
  *program = late_clone ? late_clone->pid : joining->pid;
  return running ? 0 : -1;
}

void joining_free(struct joining *joining) {
  if (!joining) return;
  runtime_exec_free(joining->foreign);
  if (joining->channel >= 0) close(joining->channel);
  if (joining->master >= 0) close(joining->master);
  late_clone_free(joining->late_clone);
  free(joining);
}

struct joining *joining_new(int *channel, pid_t pid, const struct process_io *io, struct late_clone **late_clone,
                            struct error *err) {
  struct joining *joining = calloc(1, sizeof *joining);
  if (!joining) {
    end_child(pid);
    fail(err, "start", ENOMEM, "start");
    return NULL;
  }
  *joining = (struct joining){.channel = steal_fd(channel),
                              .terminal = io->terminal,
                              .master = -1,
                              .console = io->console,
                              .pid = pid,
                              .late_clone = *late_clone};
  *late_clone = NULL;
  fcntl(joining->channel, F_SETFL, O_NONBLOCK);
  return joining;
}

struct joining *joining_foreign(struct container *container, const struct container_spec *spec, const struct process_io *io,
                                struct error *err) {
  struct joining *joining = calloc(1, sizeof *joining);
  if (!joining) {
    fail(err, "start", ENOMEM, "exec");
    return NULL;
  }
  *joining = (struct joining){.channel = -1, .master = -1};
  joining->foreign = runtime_exec_begin(container, spec, io, err);
  if (joining->foreign) return joining;
  free(joining);
  return NULL;
}

pid_t joining_await(int *channel, pid_t pid, const struct process_io *io, struct late_clone **late_clone, struct error *err) {
  struct joining *joining = joining_new(channel, pid, io, late_clone, err);
  if (!joining) return -1;
  pid_t program = -1;
  int status;
  while ((status = joining_step(joining, &program, err)) > 0) {
    struct pollfd wait = {.fd = joining->channel, .events = POLLIN};
    poll(&wait, 1, -1);
  }
  for (int i = 0; i < 2; i++) {
    if (joining->left[i]) end_child(joining->left[i]);
  }
  joining_free(joining);
  return status < 0 ? -1 : program;
}

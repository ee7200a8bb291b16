#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/core.h"

/* How long outputs may stay open after the process's end when something else holds them. */
enum {
  drain_ms = 300,
  linger_ms = 10000, /* how long clients have to take their last output */
};

struct exec {
  struct exec *next;
  struct supervisor *supervisor;
  char *id;
  pid_t pid;
  struct joining *joining; /* until the program runs */
  struct source channel;   /* of the joining */
  exec_done done;
  void *data;
  struct source process; /* fd -1: it has ended, or is still joining */
  struct streams streams;
  int code, ended, told, timer;
};

int exec_parse(const struct launch *message, struct exec_request *request, struct error *err) {
  *request = (struct exec_request){.launch = {.count = message->count - 1, .records = message->records + 1}};
  return fields_decode("launch", exec_fields, &message->records[0], &request->asked, NULL, err);
}

struct exec *exec_find(struct supervisor *supervisor, const char *id) {
  struct exec *exec = supervisor->execs;
  while (exec && strcmp(exec->id, id) != 0) exec = exec->next;
  return exec;
}

pid_t exec_pid(const struct exec *exec) {
  return exec->pid;
}

struct streams *exec_streams(struct exec *exec) {
  return &exec->streams;
}

int exec_kill(struct exec *exec, int signal) {
  if (exec->process.fd >= 0) return process_signal(exec->process.fd, signal);
  errno = ESRCH;
  return -1;
}

static void exec_free(void *data) {
  struct exec *exec = data;
  for (struct exec **at = &exec->supervisor->execs; *at; at = &(*at)->next) {
    if (*at == exec) {
      *at = exec->next;
      break;
    }
  }
  streams_close(&exec->streams);
  if (exec->timer) loop_cancel(exec->supervisor->loop, exec->timer);
  free(exec->id);
  free(exec);
}

static void set_timer(struct exec *exec, int ms, void (*fn)(void *)) {
  if (exec->timer) loop_cancel(exec->supervisor->loop, exec->timer);
  exec->timer = fn ? loop_timer(exec->supervisor->loop, ms, fn, exec) : 0;
}

/* Tells the end once the process and its outputs have ended; forgets the exec when its clients have gone too. Freeing
   is left to the loop: callers are inside the streams. */
static void check(struct exec *exec) {
  if (exec->joining || exec->process.fd >= 0 || !exec->ended) return;
  if (!streams_waiting(&exec->streams))
    set_timer(exec, 0, exec_free);
  else if (!exec->told)
    set_timer(exec, linger_ms, exec_free);
  if (!exec->told) ended_add(exec->supervisor, exec->id, exec->code);
  exec->told = 1;
}

static void outputs_ended(struct streams *streams, void *data) {
  struct exec *exec = data;
  exec->ended = 1;
  check(exec);
}

static void deserted(struct streams *streams, void *data) {
  struct exec *exec = data;
  check(exec);
  supervisor_check(exec->supervisor);
}

static void detached(struct client *client, void *data) {
  struct exec *exec = data;
  supervisor_tell(exec->supervisor, "detached", client->token);
}

static void cut(void *data) {
  struct exec *exec = data;
  exec->timer = 0;
  streams_cut(&exec->streams);
}

static void process_ended(struct source *source, uint32_t events) {
  struct exec *exec = (struct exec *) ((char *) source - offsetof(struct exec, process));
  struct supervisor *supervisor = exec->supervisor;
  int status;
  pid_t pid;
  do pid = waitpid(exec->pid, &status, WNOHANG);
  while (pid < 0 && errno == EINTR);
  if (pid == 0) return;
  exec->code = pid < 0 ? 255 : process_code(status);
  loop_remove(exec->supervisor->loop, &exec->process);
  close(exec->process.fd);
  exec->process.fd = -1;
  streams_drain(&exec->streams);
  if (!exec->ended && supervisor->reporting)
    streams_cut(&exec->streams);
  else if (!exec->ended)
    set_timer(exec, drain_ms, cut);
  check(exec);
  supervisor_check(supervisor);
}

/* The program runs: its end and its streams are watched. */
static int watch(struct exec *exec, struct error *err) {
  exec->process.fd = process_fd(exec->pid);
  if (exec->process.fd >= 0 && streams_start(&exec->streams, exec->supervisor->loop) == 0 &&
      loop_add(exec->supervisor->loop, &exec->process, EPOLLIN) == 0)
    return 0;
  fail(err, "exec", errno, "watch the process");
  return -1;
}

void exec_abandon(struct exec *exec) {
  struct loop *loop = exec->supervisor->loop;
  if (exec->process.fd >= 0) {
    loop_remove(loop, &exec->process);
    close(exec->process.fd);
  }
  kill(exec->pid, SIGKILL);
  reap_later(loop, exec->pid);
  exec_free(exec);
}

static void stop_joining(struct exec *exec) {
  struct loop *loop = exec->supervisor->loop;
  loop_remove(loop, &exec->channel);
  for (int i = 0; i < 2; i++) reap_later(loop, joining_left(exec->joining)[i]);
  joining_free(exec->joining);
  exec->joining = NULL;
}

static void joining_ready(struct source *source, uint32_t events) {
  struct exec *exec = (struct exec *) ((char *) source - offsetof(struct exec, channel));
  struct supervisor *supervisor = exec->supervisor;
  struct error err;
  int status = joining_step(exec->joining, &exec->pid, &err);
  if (status > 0) return;
  stop_joining(exec);
  if (status < 0) {
    exec->done(NULL, &err, exec->data);
    exec_free(exec);
  } else if (watch(exec, &err) < 0) {
    exec->done(NULL, &err, exec->data);
    exec_abandon(exec);
  } else {
    exec->done(exec, NULL, exec->data);
  }
  reap_adopted(supervisor);
  supervisor_check(supervisor);
}

int exec_start(struct supervisor *supervisor, const struct exec_request *request, exec_done done, void *data,
               struct error *err) {
  struct exec *exec = calloc(1, sizeof *exec);
  if (!exec || !(exec->id = strdup(request->asked.id))) {
    free(exec);
    return fail(err, "exec", ENOMEM, "exec");
  }
  exec->supervisor = supervisor;
  exec->process = (struct source){.fd = -1, .ready = process_ended};
  exec->channel = (struct source){.fd = -1, .ready = joining_ready};
  exec->done = done;
  exec->data = data;
  struct process_io io;
  const struct exec_message *asked = &request->asked;
  struct streams_options options = {.in = asked->client.in != 0,
                                    .out = asked->client.out != 0,
                                    .err = asked->client.err != 0,
                                    .terminal = asked->terminal != 0};
  if (streams_open(&exec->streams, &options, &io, err) == 0)
    exec->joining = container_exec(supervisor->container, &request->launch, &io, err);
  streams_close_ends(&io);
  if (!exec->joining) {
    exec_free(exec);
    return -1;
  }
  exec->streams.close_input = 1;
  exec->streams.ended = outputs_ended;
  exec->streams.detached = detached;
  exec->streams.deserted = deserted;
  exec->streams.data = exec;
  exec->ended = !options.terminal && !options.out && !options.err;
  exec->channel.fd = joining_fd(exec->joining);
  if (loop_add(supervisor->loop, &exec->channel, EPOLLIN) < 0) {
    fail(err, "exec", errno, "watch the process");
    joining_kill(exec->joining);
    stop_joining(exec);
    exec_free(exec);
    return -1;
  }
  exec->next = supervisor->execs;
  supervisor->execs = exec;
  return 0;
}

void exec_announce(struct supervisor *supervisor) {
  for (struct exec *exec = supervisor->execs; exec; exec = exec->next) {
    char pid[16];
    snprintf(pid, sizeof pid, "%d", exec->pid);
    if (exec->process.fd >= 0) supervisor_tell(supervisor, "exec", exec->id, pid);
  }
  ended_announce(supervisor);
}

int exec_end_all(struct supervisor *supervisor) {
  int left = 0;
  for (struct exec *exec = supervisor->execs; exec; exec = exec->next) {
    if (exec->joining) {
      joining_kill(exec->joining);
      left++;
    } else if (exec->process.fd >= 0) {
      exec_kill(exec, SIGKILL);
      left++;
    } else {
      streams_cut(&exec->streams);
    }
  }
  return left;
}

int exec_of(const struct supervisor *supervisor, pid_t pid) {
  for (const struct exec *exec = supervisor->execs; exec; exec = exec->next) {
    if (exec->joining || exec->pid == pid) return 1;
  }
  return 0;
}

int exec_clients(const struct supervisor *supervisor) {
  int count = 0;
  for (const struct exec *exec = supervisor->execs; exec; exec = exec->next) count += streams_waiting(&exec->streams);
  return count;
}

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/core.h"

void control_reply(struct supervisor *supervisor, const char *sequence, const struct error *err) {
  char status[16];
  snprintf(status, sizeof status, "%d", err ? err->status : 0);
  if (err)
    supervisor_tell(supervisor, "reply", sequence, "failed", err->stage, status, err->message);
  else
    supervisor_tell(supervisor, "reply", sequence, "ok");
}

static int signal_process(struct supervisor *supervisor, const struct launch *message, struct error *err) {
  const char *const *argv = message->records[0].argv;
  if (message->records[0].argc < 3) return fail(err, "control", EPROTO, "kill");
  return container_signal(supervisor->container, supervisor->process.fd, atoi(argv[2]), err);
}

static int resize(struct supervisor *supervisor, const struct launch *message, struct error *err) {
  const char *const *argv = message->records[0].argv;
  if (message->records[0].argc < 4) return fail(err, "control", EPROTO, "resize");
  if (streams_resize(&supervisor->streams, atoi(argv[2]), atoi(argv[3])) < 0) return fail(err, "resize", errno, "resize");
  return 0;
}

static struct exec *find_exec(struct supervisor *supervisor, const struct launch_record *record, int argc, struct error *err) {
  struct exec *exec = record->argc < argc ? NULL : exec_find(supervisor, record->argv[2]);
  if (!exec) fail(err, "exec", ESRCH, "no such exec");
  return exec;
}

static int exec_signal(struct supervisor *supervisor, const struct launch *message, struct error *err) {
  struct exec *exec = find_exec(supervisor, &message->records[0], 4, err);
  if (!exec) return -1;
  if (exec_kill(exec, atoi(message->records[0].argv[3])) < 0) return fail(err, "kill", errno, "signal");
  return 0;
}

static int exec_resize(struct supervisor *supervisor, const struct launch *message, struct error *err) {
  const char *const *argv = message->records[0].argv;
  struct exec *exec = find_exec(supervisor, &message->records[0], 5, err);
  if (!exec) return -1;
  if (streams_resize(exec_streams(exec), atoi(argv[3]), atoi(argv[4])) < 0) return fail(err, "resize", errno, "resize");
  return 0;
}

static int reopen_log(struct supervisor *supervisor, const struct launch *message, struct error *err) {
  if (!supervisor->streams.log) return fail(err, "log", ENOENT, "the container has no log");
  return log_reopen(supervisor->streams.log, err);
}

/* A record for a part of the program that has registered for its name. */
static int pass_on(struct supervisor *supervisor, const struct launch *message, struct error *err) {
  if (message->count < 2) return fail(err, "control", EPROTO, "control");
  const struct launch_record *record = &message->records[1];
  const struct supervisor_part *part = part_find(record->argv[0]);
  if (!part || !part->control) return fail(err, "control", ENOSYS, "no part takes %s", record->argv[0]);
  return part->control(supervisor, record, err);
}

static const struct {
  const char *name;
  int (*run)(struct supervisor *supervisor, const struct launch *message, struct error *err);
} requests[] = {
    {"kill", signal_process},     {"resize", resize},   {"exec-kill", exec_signal},
    {"exec-resize", exec_resize}, {"control", pass_on}, {"log-reopen", reopen_log},
};

void control_message(struct supervisor *supervisor, const struct launch *message) {
  const struct launch_record *first = &message->records[0];
  if (!strcmp(first->argv[0], "release")) {
    supervisor->released = 1;
    supervisor_check(supervisor);
    return;
  }
  if (first->argc < 2) return;
  if (!strcmp(first->argv[0], "exec-seen")) {
    ended_seen(supervisor, first->argv[1]);
    return;
  }
  struct error err;
  int status = fail(&err, "control", ENOSYS, "unknown request %s", first->argv[0]);
  if (!supervisor->started) {
    status = fail(&err, "control", EAGAIN, "the container is not started");
  } else {
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
      if (!strcmp(requests[i].name, first->argv[0])) status = requests[i].run(supervisor, message, &err);
    }
  }
  control_reply(supervisor, first->argv[1], status < 0 ? &err : NULL);
}

/* The daemon's requests on the control connection (messages.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/core.h"

static void reply(struct supervisor *supervisor, const char *sequence, const struct error *err) {
  char status[16];
  snprintf(status, sizeof status, "%d", err ? err->status : 0);
  if (err)
    supervisor_tell(supervisor, "reply", sequence, "failed", err->stage, status, err->message, err->step);
  else
    supervisor_tell(supervisor, "reply", sequence, "ok");
}

/* A request that is carried out; `message` is whole, for those that have more than their first record. */
typedef int control_request(struct supervisor *supervisor, const union control_message *asked, const struct launch *message,
                            struct error *err);

static int signal_process(struct supervisor *supervisor, const union control_message *asked, const struct launch *message,
                          struct error *err) {
  return container_signal(supervisor->container, supervisor->process.fd, (int) asked->kill.signal, err);
}

static int resize_streams(struct streams *streams, long rows, long columns, struct error *err) {
  return streams_resize(streams, (int) rows, (int) columns) < 0 ? fail(err, "resize", errno, "resize") : 0;
}

static int resize(struct supervisor *supervisor, const union control_message *asked, const struct launch *message,
                  struct error *err) {
  return resize_streams(&supervisor->streams, asked->resize.rows, asked->resize.columns, err);
}

static struct exec *find_exec(struct supervisor *supervisor, const char *id, struct error *err) {
  struct exec *exec = exec_find(supervisor, id);
  if (!exec) fail(err, "exec", ESRCH, "no such exec");
  return exec;
}

static int exec_signal(struct supervisor *supervisor, const union control_message *asked, const struct launch *message,
                       struct error *err) {
  struct exec *exec = find_exec(supervisor, asked->exec_kill.exec, err);
  if (!exec) return -1;
  return exec_kill(exec, (int) asked->exec_kill.signal) < 0 ? fail(err, "kill", errno, "signal") : 0;
}

static int exec_resize(struct supervisor *supervisor, const union control_message *asked, const struct launch *message,
                       struct error *err) {
  struct exec *exec = find_exec(supervisor, asked->exec_resize.exec, err);
  return exec ? resize_streams(exec_streams(exec), asked->exec_resize.rows, asked->exec_resize.columns, err) : -1;
}

static int reopen_log(struct supervisor *supervisor, const union control_message *asked, const struct launch *message,
                      struct error *err) {
  if (!supervisor->streams.log) return fail(err, "log", ENOENT, "the container has no log");
  return log_reopen(supervisor->streams.log, err);
}

/* The second record is for a plugin of the program that has registered for its name. */
static int pass_on(struct supervisor *supervisor, const union control_message *asked, const struct launch *message,
                   struct error *err) {
  if (message->count < 2) return fail(err, "control", EPROTO, "control without a record");
  const struct launch_record *record = &message->records[1];
  const struct supervisor_plugin *plugin = plugin_find(record->argv[0]);
  if (!plugin || !plugin->control) return fail(err, "control", ENOSYS, "no plugin takes %s", record->argv[0]);
  return plugin->control(supervisor, record, err);
}

static const struct {
  const char *name;
  const struct field *fields; /* or NULL: it has only its sequence number */
  control_request *run;
} requests[] = {
    {"kill", signal_fields, signal_process},
    {"resize", resize_fields, resize},
    {"exec-kill", exec_signal_fields, exec_signal},
    {"exec-resize", exec_resize_fields, exec_resize},
    {"control", NULL, pass_on},
    {"log-reopen", NULL, reopen_log},
};

static int carry_out(struct supervisor *supervisor, const struct launch *message, struct error *err) {
  const struct launch_record *first = &message->records[0];
  union control_message asked = {0};
  if (!supervisor->started) return fail(err, "control", EAGAIN, "the container is not started");
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    if (strcmp(requests[i].name, first->argv[0])) continue;
    if (requests[i].fields && fields_decode("control", requests[i].fields, first, &asked, NULL, err) < 0) return -1;
    return requests[i].run(supervisor, &asked, message, err);
  }
  return fail(err, "control", ENOSYS, "unknown request %s", first->argv[0]);
}

void control_message(struct supervisor *supervisor, const struct launch *message) {
  const struct launch_record *first = &message->records[0];
  const char *name = first->argv[0], *argument = first->argv[1];
  if (!strcmp(name, "release")) {
    supervisor->released = 1;
    supervisor_check(supervisor);
  } else if (argument && !strcmp(name, "exec-seen")) {
    ended_seen(supervisor, argument);
  } else if (argument) {
    struct error err;
    int status = carry_out(supervisor, message, &err);
    reply(supervisor, argument, status < 0 ? &err : NULL);
  }
}

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

static const struct request {
  const char *name;
  const struct field *fields;
  control_request *run;
} requests[] = {
    {"kill", signal_fields, signal_process},
    {"resize", resize_fields, resize},
    {"exec-kill", exec_signal_fields, exec_signal},
    {"exec-resize", exec_resize_fields, exec_resize},
    {"control", plain_fields, pass_on},
    {"log-reopen", plain_fields, reopen_log},
};

static const struct request *find_request(const char *name) {
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    if (!strcmp(requests[i].name, name)) return &requests[i];
  }
  return NULL;
}

/* Fills `asked` in any case as far as it goes: the answer wants the sequence. */
static int carry_out(struct supervisor *supervisor, union control_message *asked, const struct launch *message,
                     struct error *err) {
  const struct launch_record *first = &message->records[0];
  const struct request *request = find_request(first->argv[0]);
  int decoded = fields_decode("control", request ? request->fields : plain_fields, first, asked, NULL, err);
  if (!supervisor->started) return fail(err, "control", EAGAIN, "the container is not started");
  if (!request) return fail(err, "control", ENOSYS, "unknown request %s", first->argv[0]);
  return decoded < 0 ? -1 : request->run(supervisor, asked, message, err);
}

static void release(struct supervisor *supervisor, const union control_message *told) {
  supervisor->released = 1;
  supervisor_check(supervisor);
}

static void exec_seen(struct supervisor *supervisor, const union control_message *told) {
  ended_seen(supervisor, told->exec_seen.exec);
}

/* Messages without a sequence, which are not answered. */
static const struct {
  const char *name;
  const struct field *fields; /* NULL: whatever comes with it does not count */
  void (*take)(struct supervisor *supervisor, const union control_message *told);
} notices[] = {
    {"release", NULL, release},
    {"exec-seen", seen_fields, exec_seen},
};

void control_message(struct supervisor *supervisor, const struct launch *message) {
  const struct launch_record *first = &message->records[0];
  union control_message asked = {0};
  struct error err = {0};
  for (size_t i = 0; i < sizeof notices / sizeof notices[0]; i++) {
    if (strcmp(notices[i].name, first->argv[0])) continue;
    if (!notices[i].fields || fields_decode("control", notices[i].fields, first, &asked, NULL, &err) == 0)
      notices[i].take(supervisor, &asked);
    return;
  }
  int status = carry_out(supervisor, &asked, message, &err);
  if (asked.plain.sequence) reply(supervisor, asked.plain.sequence, status < 0 ? &err : NULL);
}

/* The start of a container by its supervisor: from the daemon's records to the running program. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervisor/core.h"

enum { early_ms = 30000 }; /* how long the start waits for its clients */

/* Opens the log that a record describes. `*log` is NULL for the driver none. */
static int open_log(const struct launch_record *record, struct log **log, struct error *err) {
  struct log_message asked = {0};
  if (!record) return fail(err, "launch", EPROTO, "no log record");
  if (fields_decode("launch", log_fields, record, &asked, NULL, err) < 0) return -1;
  struct log_options options = {.driver = asked.driver,
                                .path = asked.path,
                                .max_size = (uint64_t) asked.max_size,
                                .max_file = (unsigned) asked.max_file,
                                .compress = asked.compress != 0,
                                .attrs = asked.attrs,
                                .position = asked.position,
                                .limit = (uint64_t) asked.limit};
  *log = log_open(&options, err);
  return !*log && err->stage[0] ? -1 : 0;
}

/* The control record `log`: other options of the log, or another log, from the next line on. */
static int change_log(struct supervisor *supervisor, const struct launch_record *record, struct error *err) {
  struct streams *streams = &supervisor->streams;
  struct log *log;
  if (open_log(record, &log, err) < 0) return -1;
  log_replace(streams->log, log);
  streams->log = log;
  streams->lost = 0;
  streams_update(streams);
  return 0;
}

static struct supervisor_plugin log_plugin = {.record = "log", .control = change_log};

__attribute__((constructor)) static void register_log(void) {
  supervisor_register(&log_plugin);
}

static int decode_start(struct supervisor *supervisor, struct error *err) {
  const struct launch_record *head = launch_find(supervisor->request, "start");
  if (!head) return fail(err, "launch", EPROTO, "no start record");
  if (fields_decode("launch", start_fields, head, &supervisor->start, NULL, err) < 0) return -1;
  return supervisor->start.id && supervisor->start.directory ? 0
                                                             : fail(err, "launch", EPROTO, "start: id or folder is missing");
}

static int decode_early(struct supervisor *supervisor, size_t count, struct error *err) {
  const struct launch_record *records = supervisor->request->records;
  supervisor->early = calloc(count + 1, sizeof *supervisor->early);
  if (!supervisor->early) return fail(err, "launch", ENOMEM, "clients");
  for (size_t i = 0; i < count; i++) {
    struct early *early = &supervisor->early[supervisor->early_count];
    if (strcmp(records[i].argv[0], "early") != 0) continue;
    if (fields_decode("launch", client_fields, &records[i], &early->client, NULL, err) < 0) return -1;
    supervisor->early_count++;
  }
  supervisor->early_missing = supervisor->early_count;
  return 0;
}

/* Sorts the records: the supervisor's own up to `launch`, then the container's and those that plugins take. */
static int sort_records(struct supervisor *supervisor, struct launch *for_plugins, struct error *err) {
  const struct launch *request = supervisor->request;
  size_t at = 0;
  while (at < request->count && strcmp(request->records[at].argv[0], "launch") != 0) at++;
  if (at == request->count) return fail(err, "launch", EPROTO, "no launch record");
  size_t rest = request->count - at - 1;
  for_plugins->records = calloc(rest + 1, sizeof *for_plugins->records);
  supervisor->launch.records = calloc(rest + 1, sizeof *supervisor->launch.records);
  if (!for_plugins->records || !supervisor->launch.records) return fail(err, "launch", ENOMEM, "records");
  for (size_t i = at + 1; i < request->count; i++) {
    struct launch *to = plugin_find(request->records[i].argv[0]) ? for_plugins : &supervisor->launch;
    to->records[to->count++] = request->records[i];
  }
  return decode_early(supervisor, at, err);
}

static void give_up_waiting(void *data) {
  struct supervisor *supervisor = data;
  supervisor->timer = 0;
  loop_stop(supervisor->loop);
}

static int wait_for_clients(struct supervisor *supervisor, struct error *err) {
  if (!supervisor->early_missing) return 0;
  supervisor->timer = loop_timer(supervisor->loop, early_ms, give_up_waiting, supervisor);
  loop_run(supervisor->loop);
  if (supervisor->timer) loop_cancel(supervisor->loop, supervisor->timer);
  supervisor->timer = 0;
  return supervisor->early_missing ? fail(err, "attach", ETIMEDOUT, "clients did not connect") : 0;
}

/* Opens what clients connect to: the run directory, the streams, the socket. */
static int open_for_clients(struct supervisor *supervisor, struct process_io *io, struct error *err) {
  const struct start_message *asked = &supervisor->start;
  struct streams_options options = {.in = asked->open_stdin != 0, .out = 1, .err = 1, .terminal = asked->terminal != 0};
  if (directory_open(supervisor, asked->directory, err) < 0 || streams_open(&supervisor->streams, &options, io, err) < 0 ||
      listen_at(supervisor, err) < 0)
    return -1;
  if (supervisor->launcher_lock >= 0) close(steal_fd(&supervisor->launcher_lock));
  supervisor->streams.close_input = asked->stdin_once != 0;
  supervisor_follow_streams(supervisor);
  supervisor->attachable = 1;
  if (supervisor->early_count) supervisor_tell(supervisor, "listening");
  return 0;
}

static int run_container(struct supervisor *supervisor, struct process_io *io, struct error *err) {
  supervisor->pid = container_start(supervisor->container, io, err);
  streams_close_ends(io);
  if (supervisor->pid < 0) return -1;
  supervisor->process.fd = process_fd(supervisor->pid);
  if (supervisor->process.fd < 0 || loop_add(supervisor->loop, &supervisor->process, EPOLLIN) < 0 ||
      streams_start(&supervisor->streams, supervisor->loop) < 0)
    return fail(err, "watch", errno, "watch the process");
  supervisor->started = 1;
  reap_adopted(supervisor);
  return 0;
}

/* All up to the running program. */
static int start(struct supervisor *supervisor, struct error *err) {
  struct launch for_plugins = {0};
  struct process_io io;
  if (decode_start(supervisor, err) < 0 || sort_records(supervisor, &for_plugins, err) < 0 ||
      open_for_clients(supervisor, &io, err) < 0 ||
      open_log(launch_find(supervisor->request, "log"), &supervisor->streams.log, err) < 0 ||
      container_prepare(&supervisor->launch, &supervisor->container, err) < 0 ||
      plugins_launch(supervisor, &for_plugins, err) < 0 || wait_for_clients(supervisor, err) < 0)
    return -1;
  free(for_plugins.records);
  /* A supervisor that went on after its launcher's end could be there too late to be found by the next daemon. */
  if (!supervisor->control || peer_gone(supervisor->control)) return fail(err, "launch", EPIPE, "the launcher has gone");
  return run_container(supervisor, &io, err);
}

static _Noreturn void give_up(struct supervisor *supervisor, const struct error *err) {
  char status[16];
  snprintf(status, sizeof status, "%d", err->status);
  if (supervisor->pid > 0) kill(supervisor->pid, SIGKILL);
  plugins_stop(supervisor);
  if (supervisor->container) {
    container_kill_all(supervisor->container);
    container_free(supervisor->container);
  }
  directory_remove(supervisor);
  streams_close(&supervisor->streams);
  supervisor_tell(supervisor, "failed", err->stage, status, err->message, err->step);
  _exit(1);
}

static void tell_started(struct supervisor *supervisor) {
  char name[16], pid[16], own[16];
  snprintf(name, sizeof name, "berth:%.9s", supervisor->start.id);
  prctl(PR_SET_NAME, name);
  snprintf(pid, sizeof pid, "%d", supervisor->pid);
  snprintf(own, sizeof own, "%d", getpid());
  supervisor_tell(supervisor, "started", pid, own, container_is_foreign(supervisor->container) ? "1" : "0");
}

_Noreturn void supervise(int control, int lock, const struct launch *request) {
  struct supervisor supervisor = {.launcher_lock = lock,
                                  .directory = -1,
                                  .request = request,
                                  .process = {.fd = -1, .ready = supervisor_process_ended},
                                  .streams = {.input.fd = -1, .outputs = {{.source.fd = -1}, {.source.fd = -1}}, .console = -1},
                                  .loop = loop_new()};
  struct error err = {0};
  signal(SIGPIPE, SIG_IGN);
  /* Fixed, or glibc raises it after a burst and keeps what was freed. */
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  if (!supervisor.loop || !(supervisor.control = peer_new(&supervisor, control))) _exit(1);
  supervisor.control->control = 1;
  if (start(&supervisor, &err) < 0) give_up(&supervisor, &err);

  tell_started(&supervisor);
  loop_run(supervisor.loop);
  directory_remove(&supervisor);
  streams_close(&supervisor.streams);
  log_close(supervisor.streams.log);
  container_free(supervisor.container);
  _exit(0);
}

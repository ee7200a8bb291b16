#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervisor/core.h"

enum {
  drain_ms = 300,    /* how long something else may hold the outputs after the process's end */
  early_ms = 30000,  /* how long the start waits for its clients */
  linger_ms = 10000, /* how long clients have to take their last output after the release */
};

struct loop *supervisor_loop(struct supervisor *supervisor) {
  return supervisor->loop;
}

struct container *supervisor_container(struct supervisor *supervisor) {
  return supervisor->container;
}

int supervisor_netns(struct supervisor *supervisor) {
  return supervisor->container ? container_netns(supervisor->container) : -1;
}

int process_fd(pid_t pid) {
  return (int) syscall(SYS_pidfd_open, pid, 0);
}

int process_signal(int pidfd, int signal) {
  return (int) syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int process_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* To a client that reads the log up to here. */
static void send_unfinished(struct client *client, const struct log *log) {
  for (int stream = 1; stream <= 2; stream++) {
    size_t size;
    const char *data = log_partial(log, stream, &size);
    if (data) client_output(client, stream, data, size);
  }
}

int attach_client(struct streams *streams, struct loop *loop, int fd, const char *const argv[5], int behind_log,
                  const char *typed, size_t typed_size) {
  struct client *client = streams_attach(streams, loop, fd, argv[0]);
  if (!client) return -1;
  /* A process without an input takes none; what the client sends is not read as its end either. */
  client->in = argv[1][0] == '1' && (streams->input.fd >= 0 || streams->terminal);
  client->out = argv[2][0] == '1';
  client->err = argv[3][0] == '1';
  detach_init(&client->detach, argv[4]);
  if (behind_log && streams->log) send_unfinished(client, streams->log);
  if (client->in && typed_size) client_typed(client, typed, typed_size);
  if (streams->finished && streams->outputs[0].source.fd < 0 && streams->outputs[1].source.fd < 0) client_end(client);
  return 0;
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void stop(void *data) {
  struct supervisor *supervisor = data;
  supervisor->timer = 0;
  loop_stop(supervisor->loop);
}

/* After the exit: the end of the supervisor, when nobody needs it any more. */
static void check_end(struct supervisor *supervisor) {
  if (!supervisor->released && !supervisor->control && !supervisor->recorded) {
    folder_leave_exit(supervisor);
    supervisor->recorded = 1;
  }
  if (!supervisor->released && supervisor->control) return;
  if (!streams_waiting(&supervisor->streams) && !exec_clients(supervisor)) {
    loop_stop(supervisor->loop);
    return;
  }
  /* The next run need not wait for those who still read of this one. */
  if (supervisor->released) folder_remove(supervisor);
  if (!supervisor->timer) supervisor->timer = loop_timer(supervisor->loop, linger_ms, stop, supervisor);
}

static void report(struct supervisor *supervisor);

void supervisor_check(struct supervisor *supervisor) {
  if (supervisor->reported)
    check_end(supervisor);
  else if (supervisor->reporting)
    report(supervisor);
  else if (!supervisor->started && (!supervisor->control || !supervisor->early_missing))
    loop_stop(supervisor->loop);
}

static void report_now(void *data) {
  struct supervisor *supervisor = data;
  if (supervisor->timer) loop_cancel(supervisor->loop, supervisor->timer);
  supervisor->timer = 0;
  supervisor->reported = 1;
  char code[16], finished[24];
  snprintf(code, sizeof code, "%d", supervisor->exit_code);
  snprintf(finished, sizeof finished, "%lld", (long long) supervisor->finished_at);
  supervisor_tell(supervisor, "exited", code, supervisor->oom_kills ? "1" : "0", finished);
  check_end(supervisor);
}

/* Process and outputs have ended: the daemon may know, once it was told of the execs' ends. In a PID namespace of the
   container's own they are gone by now; else one that does not die is not waited for. */
static void report(struct supervisor *supervisor) {
  if (supervisor->reported) return;
  int left = exec_end_all(supervisor);
  if (!left) {
    report_now(supervisor);
  } else if (!supervisor->reporting) {
    supervisor->reporting = 1;
    if (supervisor->timer) loop_cancel(supervisor->loop, supervisor->timer);
    supervisor->timer = loop_timer(supervisor->loop, drain_ms, report_now, supervisor);
  }
}

void supervisor_oom_again(struct supervisor *supervisor) {
  char kills[24];
  if (supervisor->oom_kills == 0) return;
  snprintf(kills, sizeof kills, "%ld", supervisor->oom_kills);
  supervisor_tell(supervisor, "oom", kills);
}

void supervisor_oom(struct supervisor *supervisor) {
  long kills = container_oom_kills(supervisor->container);
  if (kills <= supervisor->oom_kills) return;
  supervisor->oom_kills = kills;
  supervisor_oom_again(supervisor);
}

static void outputs_ended(struct streams *streams, void *data) {
  struct supervisor *supervisor = data;
  if (supervisor->exited) report(supervisor);
}

static void cut(void *data) {
  struct supervisor *supervisor = data;
  supervisor->timer = 0;
  streams_cut(&supervisor->streams);
}

static void deserted(struct streams *streams, void *data) {
  supervisor_check(data);
}

static void log_lost_entries(struct streams *streams, uint64_t lost, int reason, int over, void *data) {
  struct supervisor *supervisor = data;
  char count[24];
  snprintf(count, sizeof count, "%llu", (unsigned long long) lost);
  supervisor_tell(supervisor, over ? "log-whole" : "log-lost", count, strerror(reason));
}

static void detached(struct client *client, void *data) {
  struct supervisor *supervisor = data;
  supervisor_tell(supervisor, "detached", client->token);
}

static int outputs_open(const struct streams *streams) {
  return streams->outputs[0].source.fd >= 0 || streams->outputs[1].source.fd >= 0;
}

static void process_ended(struct source *source, uint32_t events) {
  struct supervisor *supervisor = (struct supervisor *) ((char *) source - offsetof(struct supervisor, process));
  int status;
  pid_t pid = waitpid(supervisor->pid, &status, WNOHANG);
  /* A runtime's process that is not our child has ended without a word. */
  if (pid != supervisor->pid && !(pid < 0 && errno == ECHILD)) return;
  supervisor->finished_at = now_ns();
  supervisor->exit_code = pid < 0 ? 255 : process_code(status);
  supervisor->exited = 1;
  supervisor_oom(supervisor);
  loop_remove(supervisor->loop, &supervisor->process);
  /* Before anybody knows of the end, and may start the container again: its cgroup has the same name. */
  container_ended(supervisor->container);
  parts_stop(supervisor);
  /* With a PID namespace of its own, everything in the container is dead by now, and this reads to the end. */
  streams_drain(&supervisor->streams);
  if (!outputs_open(&supervisor->streams)) {
    report(supervisor);
    return;
  }
  container_kill_all(supervisor->container);
  supervisor->timer = loop_timer(supervisor->loop, drain_ms, cut, supervisor);
}

static int open_log_of(const struct launch_record *record, struct log **log, struct error *err) {
  if (!record || record->argc != 9) return fail(err, "launch", EPROTO, "no log record");
  struct log_options options = {.driver = record->argv[1],
                                .path = record->argv[2],
                                .max_size = strtoull(record->argv[3], NULL, 10),
                                .max_file = (unsigned) strtoul(record->argv[4], NULL, 10),
                                .compress = record->argv[5][0] == '1',
                                .attrs = record->argv[6],
                                .position = record->argv[7],
                                .limit = strtoull(record->argv[8], NULL, 10)};
  *log = log_open(&options, err);
  return !*log && err->stage[0] ? -1 : 0;
}

/* As control: other options of the log, or another log, from the next line on. */
static int change_log(struct supervisor *supervisor, const struct launch_record *record, struct error *err) {
  struct streams *streams = &supervisor->streams;
  struct log *log;
  if (open_log_of(record, &log, err) < 0) return -1;
  log_replace(streams->log, log);
  streams->log = log;
  streams->lost = 0;
  streams_update(streams);
  return 0;
}

static struct supervisor_part log_part = {.record = "log", .control = change_log};

__attribute__((constructor)) static void register_log(void) {
  supervisor_register(&log_part);
}

/* Sorts the records: ours up to `launch`, then the container's and those that parts of the program take. */
static int sort_records(struct supervisor *supervisor, struct launch *for_parts, struct error *err) {
  struct launch *request = &supervisor->request;
  size_t at = 0;
  while (at < request->count && strcmp(request->records[at].argv[0], "launch") != 0) at++;
  if (at == request->count) return fail(err, "launch", EPROTO, "no launch record");
  size_t rest = request->count - at - 1;
  for_parts->records = calloc(rest + 1, sizeof *for_parts->records);
  supervisor->launch.records = calloc(rest + 1, sizeof *supervisor->launch.records);
  supervisor->early = calloc(at + 1, sizeof *supervisor->early);
  if (!for_parts->records || !supervisor->launch.records || !supervisor->early) return fail(err, "launch", ENOMEM, "records");
  for (size_t i = 0; i < at; i++) {
    if (!strcmp(request->records[i].argv[0], "early") && request->records[i].argc == 6)
      supervisor->early[supervisor->early_count++].record = &request->records[i];
  }
  supervisor->early_missing = supervisor->early_count;
  for (size_t i = at + 1; i < request->count; i++) {
    struct launch *to = part_find(request->records[i].argv[0]) ? for_parts : &supervisor->launch;
    to->records[to->count++] = request->records[i];
  }
  return 0;
}

static int wait_for_clients(struct supervisor *supervisor, struct error *err) {
  if (!supervisor->early_missing) return 0;
  supervisor->timer = loop_timer(supervisor->loop, early_ms, stop, supervisor);
  loop_run(supervisor->loop);
  if (supervisor->timer) loop_cancel(supervisor->loop, supervisor->timer);
  supervisor->timer = 0;
  return supervisor->early_missing ? fail(err, "attach", ETIMEDOUT, "clients did not connect") : 0;
}

/* All up to the running program. */
static int start(struct supervisor *supervisor, struct error *err) {
  const struct launch_record *head = launch_find(&supervisor->request, "start");
  if (!head || head->argc != 6) return fail(err, "launch", EPROTO, "no start record");
  supervisor->id = head->argv[1];
  struct launch for_parts = {0};
  struct streams_options options = {head->argv[3][0] == '1', 1, 1, head->argv[5][0] == '1'};
  struct process_io io;
  if (sort_records(supervisor, &for_parts, err) < 0 || folder_open(supervisor, head->argv[2], err) < 0 ||
      streams_open(&supervisor->streams, &options, &io, err) < 0 || listen_at(supervisor, err) < 0)
    return -1;
  if (supervisor->launcher_lock >= 0) close(steal_fd(&supervisor->launcher_lock));
  supervisor->streams.close_input = head->argv[4][0] == '1';
  supervisor->streams.ended = outputs_ended;
  supervisor->streams.detached = detached;
  supervisor->streams.deserted = deserted;
  supervisor->streams.log_lost = log_lost_entries;
  supervisor->streams.data = supervisor;
  supervisor->attachable = 1;
  if (supervisor->early_count) supervisor_tell(supervisor, "listening");
  if (open_log_of(launch_find(&supervisor->request, "log"), &supervisor->streams.log, err) < 0 ||
      container_prepare(&supervisor->launch, &supervisor->container, err) < 0 ||
      parts_launch(supervisor, &for_parts, err) < 0 || wait_for_clients(supervisor, err) < 0)
    return -1;
  free(for_parts.records);
  /* One that went on after its launcher's end could be there too late to be found by the next daemon. */
  if (!supervisor->control || peer_gone(supervisor->control)) return fail(err, "launch", EPIPE, "the launcher has gone");
  supervisor->pid = container_start(supervisor->container, &io, err);
  streams_close_ends(&io);
  if (supervisor->pid < 0) return -1;
  supervisor->process.fd = process_fd(supervisor->pid);
  if (supervisor->process.fd < 0 || loop_add(supervisor->loop, &supervisor->process, EPOLLIN) < 0 ||
      streams_start(&supervisor->streams, supervisor->loop) < 0)
    return fail(err, "watch", errno, "watch the process");
  supervisor->started = 1;
  reap_adopted(supervisor);
  return 0;
}

static _Noreturn void give_up(struct supervisor *supervisor, const struct error *err) {
  char status[16];
  snprintf(status, sizeof status, "%d", err->status);
  if (supervisor->pid > 0) kill(supervisor->pid, SIGKILL);
  parts_stop(supervisor);
  if (supervisor->container) {
    container_kill_all(supervisor->container);
    container_free(supervisor->container);
  }
  folder_remove(supervisor);
  streams_close(&supervisor->streams);
  supervisor_tell(supervisor, "failed", err->stage, status, err->message, err->step);
  _exit(1);
}

_Noreturn void supervise(int control, int lock, const char *records, size_t size) {
  struct supervisor supervisor = {.launcher_lock = lock,
                                  .folder = -1,
                                  .process = {.fd = -1, .ready = process_ended},
                                  .streams = {.input.fd = -1, .outputs = {{.source.fd = -1}, {.source.fd = -1}}, .console = -1},
                                  .loop = loop_new()};
  struct error err = {0};
  signal(SIGPIPE, SIG_IGN);
  /* Fixed, or glibc raises it after a burst and keeps what was freed. */
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  if (!supervisor.loop || !(supervisor.control = peer_new(&supervisor, control))) _exit(1);
  supervisor.control->control = 1;
  if (launch_parse(records, size, &supervisor.request, &err) < 0 || start(&supervisor, &err) < 0) give_up(&supervisor, &err);

  char name[16], pid[16], own[16];
  snprintf(name, sizeof name, "berth:%.9s", supervisor.id);
  prctl(PR_SET_NAME, name);
  snprintf(pid, sizeof pid, "%d", supervisor.pid);
  snprintf(own, sizeof own, "%d", getpid());
  supervisor_tell(&supervisor, "started", pid, own, container_is_foreign(supervisor.container) ? "1" : "0");
  loop_run(supervisor.loop);
  folder_remove(&supervisor);
  streams_close(&supervisor.streams);
  log_close(supervisor.streams.log);
  container_free(supervisor.container);
  _exit(0);
}

#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervisor/core.h"

enum {
  drain_ms = 300,    /* how long something else may hold the outputs after the process's end */
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

void begin_client(struct client *client, const struct client_message *asked, const char *typed, size_t typed_size) {
  struct streams *streams = client->streams;
  /* A process without an input takes none; what the client sends is not read as its end either. */
  client->in = asked->in && (streams->input.fd >= 0 || streams->terminal);
  client->out = asked->out != 0;
  client->err = asked->err != 0;
  detach_init(&client->detach, asked->keys);
  if (asked->behind_log) seam_begin(client);
  if (client->in && typed_size) client_typed(client, typed, typed_size);
  if (streams->finished && streams->outputs[0].source.fd < 0 && streams->outputs[1].source.fd < 0) client_end(client);
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
    directory_leave_exit(supervisor);
    supervisor->recorded = 1;
  }
  if (!supervisor->released && supervisor->control) return;
  if (!streams_waiting(&supervisor->streams) && !exec_clients(supervisor)) {
    loop_stop(supervisor->loop);
    return;
  }
  /* The next run need not wait for those who still read of this one. */
  if (supervisor->released) directory_remove(supervisor);
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
  long kills = container_ooms(supervisor->container);
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

void supervisor_process_ended(struct source *source, uint32_t events) {
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
  plugins_stop(supervisor);
  /* With a PID namespace of its own, everything in the container is dead by now, and this reads to the end. */
  streams_drain(&supervisor->streams);
  if (!outputs_open(&supervisor->streams)) {
    report(supervisor);
    return;
  }
  container_kill_all(supervisor->container);
  supervisor->timer = loop_timer(supervisor->loop, drain_ms, cut, supervisor);
}

void supervisor_follow_streams(struct supervisor *supervisor) {
  supervisor->streams.ended = outputs_ended;
  supervisor->streams.detached = detached;
  supervisor->streams.deserted = deserted;
  supervisor->streams.log_lost = log_lost_entries;
  supervisor->streams.data = supervisor;
}

#include "launcher/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/namespaces/namespaces.h"
#include "base/records/fields.h"
#include "layer/cache.h"

/* The daemon's end of the socket pair, and the file that only one launcher at a time has locked, as it spawned us. */
enum { daemon_fd = 3, daemon_lock_fd = 4 };

struct launcher launcher = {.lock = -1};

int launcher_daemon_gone(void) {
  struct pollfd daemon = {.fd = daemon_fd};
  return poll(&daemon, 1, 0) > 0 && daemon.revents & POLLHUP;
}

void launcher_flush(void) {
  if (channel_flush(&launcher.daemon) < 0) loop_stop(launcher.loop);
  loop_change(launcher.loop, &launcher.daemon_source, EPOLLIN | (buffer_size(&launcher.daemon.out) ? EPOLLOUT : 0));
}

struct adopt_message {
  const char *directory;
};
static const struct field adopt_fields[] = {PLACED(FIELD_WORD, adopt_message, directory), FIELDS_END};

static void adopt(uint32_t handle, const struct launch *message) {
  struct adopt_message asked = {0};
  struct error err;
  if (fields_decode("launch", adopt_fields, &message->records[0], &asked, NULL, &err) < 0)
    launcher_tell(handle, "lost");
  else
    adopt_supervisor(handle, asked.directory);
}

/* Requests of a daemon that has died have no one to answer to. */
static void start(uint32_t handle, const struct launch *message) {
  if (!launcher_daemon_gone()) fork_supervisor(handle, message);
}

static void make_pod(uint32_t handle, const struct launch *message) {
  if (!launcher_daemon_gone()) fork_pod_maker(handle, message);
}

static void run_plugin(uint32_t handle, const struct launch *message) {
  if (!launcher_daemon_gone()) fork_plugin_runner(handle, message);
}

static void answer_ping(uint32_t handle, const struct launch *message) {
  launcher_tell(0, "pong");
}

static void tell_process(uint32_t handle, const struct launch *message) {
  links_tell_process(handle);
}

/* The messages that are the launcher's own, by their first record; all others are the supervisor's of the handle. */
static const struct {
  const char *name;
  void (*take)(uint32_t handle, const struct launch *message);
} messages[] = {
    {"start", start},        /* KEY=VALUE..., and what comes after it (supervisor/messages.h) */
    {"pod", make_pod},       /* DIRECTORY, and what comes after it (pod/pod.h) */
    {"plugin", run_plugin},  /* PATH MILLISECONDS, and what comes after it (pod/plugin.h) */
    {"adopt", adopt},        /* DIRECTORY */
    {"ping", answer_ping},   /* answered by `pong` */
    {"which", tell_process}, /* answered by `process PID` */
};

/* Whether the frame's first record is `name` (its string count precedes it). */
static int is(const char *records, size_t size, const char *name) {
  size_t length = strlen(name) + 1;
  return size > length && !memcmp(records + 1, name, length);
}

static void take(uint32_t handle, const char *records, size_t size) {
  size_t i = 0, count = sizeof messages / sizeof *messages;
  while (i < count && !is(records, size, messages[i].name)) i++;
  if (i == count) {
    links_pass(handle, records, size);
    return;
  }
  struct launch message;
  struct error err;
  if (launch_parse(records, size, &message, &err) < 0) {
    launcher_tell(handle, "lost");
    return;
  }
  messages[i].take(handle, &message);
  /* Environments have secrets, and the next supervisors are copies of this process. */
  launch_wipe(&message);
}

static void daemon_ready(struct source *source, uint32_t events) {
  if (events & EPOLLOUT) launcher_flush();
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  uint32_t handle;
  const char *records;
  size_t size;
  int status = channel_read(&launcher.daemon);
  while (status > 0 && (status = frame_next(&launcher.daemon.in, &handle, &records, &size)) > 0) {
    take(handle, records, size);
    buffer_consume(&launcher.daemon.in, size + frame_head);
  }
  if (status < 0) loop_stop(launcher.loop);
  launcher_flush();
}

/* Waits until the launcher before this one has ended, and every supervisor that it forked can be connected to: what a daemon
   is told of then is all that runs. Not for ever, for one of them may be stopped. */
static void take_turn(void) {
  enum { pause_ms = 5, tries = 1000 };
  struct stat st;
  if (fstat(daemon_lock_fd, &st) < 0 || !S_ISREG(st.st_mode) || fcntl(daemon_lock_fd, F_SETFD, FD_CLOEXEC) < 0)
    return; /* started without one */
  launcher.lock = daemon_lock_fd;
  for (int i = 0; i < tries; i++) {
    if (flock(daemon_lock_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
    if (launcher_daemon_gone()) exit(0);
    usleep(pause_ms * 1000);
  }
  fprintf(stderr, "berth-native launcher: an earlier launcher, or a start of its, does not end; not waiting any longer\n");
}

/* The mount namespace without files that supervisors begin in, made by a child, which has to be waited for. */
static void make_empty_namespace(void) {
  struct error err;
  signal(SIGCHLD, SIG_DFL);
  namespaces_empty_mnt = make_empty_mntns(&namespaces_null, &err);
  signal(SIGCHLD, SIG_IGN);
  if (namespaces_empty_mnt < 0) fprintf(stderr, "berth-native launcher: %s\n", err.message);
}

/* Lives as long as the daemon's end of fd 3 is open. Supervisors, in sessions of their own, live on. */
int launcher_main(int argc, char **argv) {
  struct error err;
  struct stat st;
  if (fstat(daemon_fd, &st) < 0 || !S_ISSOCK(st.st_mode)) {
    fprintf(stderr, "berth-native launcher: file descriptor 3 is not the daemon's socket\n");
    return 2;
  }
  char *sealed[] = {"berth-native", "launcher", NULL};
  if (seal_self(sealed, &err) < 0) {
    fprintf(stderr, "berth-native launcher: not sealed: %s\n", err.message);
    return 1;
  }
  prctl(PR_SET_NAME, "berth-launcher");
  setsid();
  launcher.mask = umask(077);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN); /* supervisors are reaped by the kernel */
  fcntl(daemon_fd, F_SETFD, FD_CLOEXEC);
  take_turn();
  if (chdir("/") < 0) return 1;
  make_empty_namespace();
  launcher.loop = loop_new();
  launcher.daemon = (struct channel){.fd = daemon_fd, .in.wiped = 1, .out.wiped = 1};
  launcher.daemon_source = (struct source){.fd = daemon_fd, .ready = daemon_ready};
  if (!launcher.loop || loop_add(launcher.loop, &launcher.daemon_source, EPOLLIN) < 0) return 1;
  spare_schedule();
  layer_cache_serve(launcher.loop);
  loop_run(launcher.loop);
  return 0;
}

#include "pod/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/records/fields.h"
#include "base/records/frame.h"
#include "base/sys.h"

enum {
  output_max = 1024 * 1024, /* the result is kept with the pod, and handed to the next plugin */
  errors_max = 4096,
  afterwards_ms = 500, /* how long its streams may be held by what it has left running */
  control_fd = 3,
  piece = 16 * 1024,
};

struct plugin_request {
  const char *path;
  long patience;
};
static const struct field plugin_fields[] = {
    PLACED(FIELD_WORD, plugin_request, path),
    PLACED(FIELD_NUMBER, plugin_request, patience),
    FIELDS_END,
};
struct text_request {
  const char *text;
};
static const struct field text_fields[] = {PLACED(FIELD_WORD, text_request, text), FIELDS_END};

/* A plugin that runs. */
struct plugin {
  struct plugin_request asked;
  const char *input;
  char **environment;
  pid_t pid;
  int pidfd, in, out, err; /* our ends; -1 when closed */
  int status;              /* as waitpid(2) has it, once `pidfd` is closed */
  struct buffer output, errors;
};

static int read_request(const struct launch *request, struct plugin *plugin, struct error *err) {
  const struct launch_record *record = launch_find(request, "input");
  struct text_request text = {""};
  size_t at = 0, count = 0;
  if (fields_decode("launch", plugin_fields, &request->records[0], &plugin->asked, NULL, err) < 0) return -1;
  if (record && fields_decode("launch", text_fields, record, &text, NULL, err) < 0) return -1;
  plugin->input = text.text;
  plugin->environment = calloc(launch_count(request, "env") + 1, sizeof *plugin->environment);
  if (!plugin->environment) return fail(err, "plugin", ENOMEM, "environment");
  while ((record = launch_next(request, "env", &at))) {
    if (fields_decode("launch", text_fields, record, &text, NULL, err) < 0) return -1;
    plugin->environment[count++] = (char *) text.text;
  }
  return 0;
}

/* In the child, which shares the memory of its parent until it execs. */
static void become(const struct plugin *plugin, const int streams[3], mode_t mask, volatile int *failed) {
  char *words[] = {(char *) plugin->asked.path, NULL};
  setsid();
  for (int fd = 0; fd < 3; fd++) dup2(streams[fd], fd);
  sys_close_range(control_fd, ~0U, 0);
  signal(SIGPIPE, SIG_DFL);
  umask(mask);
  execve(plugin->asked.path, words, plugin->environment);
  *failed = errno;
  _exit(127);
}

static int begin(struct plugin *plugin, mode_t mask, struct error *err) {
  int in[2], out[2], errors[2];
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
    return fail(err, "plugin", errno, "pipe");
  int streams[3] = {in[0], out[1], errors[1]};
  volatile int failed = 0;
  pid_t pid = vfork();
  if (pid == 0) become(plugin, streams, mask, &failed);
  if (pid < 0) return fail(err, "plugin", errno, "fork");
  for (int fd = 0; fd < 3; fd++) close(streams[fd]);
  if (failed) {
    waitpid(pid, NULL, 0);
    return fail(err, "plugin", failed, "%s", plugin->asked.path);
  }
  plugin->pid = pid;
  plugin->in = in[1];
  plugin->out = out[0];
  plugin->err = errors[0];
  fcntl(plugin->in, F_SETFL, O_NONBLOCK);
  plugin->pidfd = process_fd(pid);
  return plugin->pidfd < 0 ? fail(err, "plugin", errno, "pidfd_open") : 0;
}

static void shut(int *fd) {
  close(*fd);
  *fd = -1;
}

static void feed(struct plugin *plugin) {
  ssize_t n = write(plugin->in, plugin->input, strlen(plugin->input));
  if (n > 0) plugin->input += n;
  /* One that reads nothing more needs nothing more. */
  if (!*plugin->input || (n < 0 && errno != EAGAIN && errno != EINTR)) shut(&plugin->in);
}

/* Reads what there is; what is beyond `most` is dropped. Returns whether there was more than that. */
static int take(int *fd, struct buffer *into, size_t most) {
  char bytes[piece];
  ssize_t n = read(*fd, bytes, sizeof bytes);
  if (n < 0 && errno == EINTR) return 0;
  if (n <= 0) {
    shut(fd);
    return 0;
  }
  size_t room = most - buffer_size(into), size = (size_t) n < room ? (size_t) n : room;
  if (size && buffer_append(into, bytes, size) < 0) shut(fd);
  return (size_t) n > room;
}

static long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* It is reaped where it ends soon: one that waits for a disk does not. */
static const char *killed(const struct plugin *plugin, const char *why) {
  struct pollfd ended = {.fd = plugin->pidfd, .events = POLLIN};
  kill(-plugin->pid, SIGKILL);
  if (poll(&ended, 1, afterwards_ms) > 0) waitpid(plugin->pid, NULL, WNOHANG);
  return why;
}

/* Until it has ended and its streams are read. Returns NULL, or why it was killed. `pidfd` is closed when it is reaped. */
static const char *attend(struct plugin *plugin) {
  long until = now_ms() + plugin->asked.patience;
  while (plugin->pidfd >= 0 || plugin->out >= 0 || plugin->err >= 0) {
    long left = until - now_ms();
    if (left <= 0) return plugin->pidfd < 0 ? NULL : killed(plugin, "late");
    struct pollfd fds[] = {
        {.fd = plugin->in, .events = POLLOUT},
        {.fd = plugin->out, .events = POLLIN},
        {.fd = plugin->err, .events = POLLIN},
        {.fd = plugin->pidfd, .events = POLLIN},
        {.fd = control_fd},
    };
    if (poll(fds, sizeof fds / sizeof *fds, left > 1000000 ? 1000000 : (int) left) < 0) continue;
    if (fds[4].revents) _exit(0);
    if (fds[0].revents) feed(plugin);
    if (fds[1].revents && take(&plugin->out, &plugin->output, output_max)) return killed(plugin, "long");
    if (fds[2].revents) take(&plugin->err, &plugin->errors, errors_max);
    if (fds[3].revents && waitpid(plugin->pid, &plugin->status, WNOHANG) == plugin->pid) {
      shut(&plugin->pidfd);
      until = now_ms() + afterwards_ms;
    }
  }
  return NULL;
}

static void answer(const struct buffer *out) {
  const char *at = buffer_head(out);
  fcntl(control_fd, F_SETFL, 0);
  for (size_t left = buffer_size(out); left > 0;) {
    ssize_t n = write(control_fd, at, left);
    if (n < 0) _exit(1);
    at += n;
    left -= (size_t) n;
  }
  _exit(0);
}

static const char *text_of(struct buffer *buffer) {
  return buffer_append(buffer, "", 1) < 0 ? "" : buffer_head(buffer);
}

_Noreturn void plugin_run(int control, const struct launch *request, mode_t mask) {
  struct plugin plugin = {.pidfd = -1, .in = -1, .out = -1, .err = -1};
  struct error err = {0};
  struct buffer out = {0};
  char number[16];
  /* None of the launcher's descriptors is kept open for as long as a plugin takes. */
  if (dup3(control, control_fd, O_CLOEXEC) < 0 && control != control_fd) _exit(1);
  sys_close_range(control_fd + 1, ~0U, 0);
  signal(SIGPIPE, SIG_IGN);
  const char *why = NULL;
  int status = read_request(request, &plugin, &err) < 0 || begin(&plugin, mask, &err) < 0 ? -1 : 0;
  if (status == 0) why = attend(&plugin);
  size_t mark = frame_begin(&out, 0);
  if (status < 0) {
    snprintf(number, sizeof number, "%d", err.status);
    frame_record(&out, "failed", err.stage, number, err.message, err.step, NULL);
  } else {
    int signalled = WIFSIGNALED(plugin.status);
    snprintf(number, sizeof number, "%d", signalled ? WTERMSIG(plugin.status) : WEXITSTATUS(plugin.status));
    frame_record(&out, "plugin-done",
                 why         ? why
                 : signalled ? "signal"
                             : "exit",
                 number, text_of(&plugin.output), text_of(&plugin.errors), NULL);
  }
  frame_end(&out, mark);
  answer(&out);
  _exit(0);
}

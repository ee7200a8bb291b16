// An attached stream of a container, and the signals that go to it meanwhile.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run.h"

static int signals[2] = {-1, -1};

static void note_signal(int signal) {
  int saved = errno;
  unsigned char number = (unsigned char) signal;
  ssize_t written = write(signals[1], &number, 1);
  (void) written;
  errno = saved;
}

/** The signals that a container gets in place of its client. */
static const struct {
  int number;
  const char *name;
} FORWARDED[] = {{SIGHUP, "HUP"},   {SIGINT, "INT"},     {SIGQUIT, "QUIT"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"},
                 {SIGALRM, "ALRM"}, {SIGTERM, "TERM"},   {SIGCONT, "CONT"}, {SIGTSTP, "TSTP"}, {SIGTTIN, "TTIN"},
                 {SIGTTOU, "TTOU"}, {SIGWINCH, "WINCH"}, {SIGIO, "IO"}};
#define SIGNALS (sizeof FORWARDED / sizeof *FORWARDED)

static void handle_signals(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  for (size_t index = 0; index < SIGNALS; index++) sigaction(FORWARDED[index].number, &action, NULL);
}

void catch_signals(void) {
  if (pipe2(signals, O_CLOEXEC | O_NONBLOCK) == 0) handle_signals(note_signal);
}

void release_signals(void) {
  handle_signals(SIG_DFL);
}

/** Sends the signals that came to the container; it may be gone, which matters no more. */
static void forward_signals(const char *socket, const char *id) {
  unsigned char number;
  while (read(signals[0], &number, 1) == 1)
    for (size_t index = 0; index < SIGNALS; index++) {
      struct connection connection;
      struct text answer = {0};
      char target[256];
      if (FORWARDED[index].number != number || !dial(&connection, socket)) continue;
      snprintf(target, sizeof target, "/containers/%s/kill?signal=%s", id, FORWARDED[index].name);
      if (send_request(&connection, "POST", target, NULL, false) && read_head(&connection)) read_body(&connection, &answer);
      free(answer.bytes);
      close(connection.fd);
    }
}

/** The frames of an attached stream: 8 bytes of header (stream, three zeros, length), then the bytes. */
struct frames {
  unsigned char header[8];
  size_t filled;
  uint32_t left;
  /** An error that the daemon tells in the stream, as stream 3. */
  struct text failure;
};

/** Writes the output that is in the buffer. 0, or the exit code of an end before the container's. */
static int show_output(struct connection *connection, struct frames *frames) {
  while (connection->start < connection->end) {
    char *at = connection->buffer + connection->start;
    size_t part = connection->end - connection->start;
    if (frames->left == 0) {
      frames->header[frames->filled++] = (unsigned char) *at;
      connection->start++;
      if (frames->filled < 8) continue;
      frames->filled = 0;
      frames->left = (uint32_t) frames->header[4] << 24 | (uint32_t) frames->header[5] << 16 |
                     (uint32_t) frames->header[6] << 8 | frames->header[7];
      if (frames->header[0] > 3) {
        char message[64];
        snprintf(message, sizeof message, "Unrecognized input header: %d\n", frames->header[0]);
        warn_text(message);
        return 1;
      }
      continue;
    }
    if (part > frames->left) part = frames->left;
    if (frames->header[0] == 3)
      text_add(&frames->failure, at, part);
    else if (!write_all(frames->header[0] == 2 ? 2 : 1, at, part))
      return 141;
    connection->start += part;
    frames->left -= (uint32_t) part;
    if (frames->failure.length && frames->left == 0) {
      warn_text("error from daemon in stream: ");
      warn_text(frames->failure.bytes);
      warn_text("\n");
      return 1;
    }
  }
  return 0;
}

int follow(struct connection *output, const char *socket, const char *id) {
  struct frames frames = {0};
  for (;;) {
    int code = show_output(output, &frames);
    if (code) return code;
    struct pollfd watched[] = {{.fd = output->fd, .events = POLLIN}, {.fd = signals[0], .events = POLLIN}};
    if (poll(watched, 2, -1) < 0 && errno != EINTR) return 1;
    if (watched[1].revents) forward_signals(socket, id);
    if (watched[0].revents && fill(output) <= 0) return 0;
  }
}

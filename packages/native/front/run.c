#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "front-body.h"
#include "front.h"

#define FLAGS (sizeof FRONT_FLAGS / sizeof *FRONT_FLAGS)

/** What the command line says. A list's values are JSON already. */
struct order {
  const char *image, *name;
  char **command;
  int words;
  bool detach, remove;
  struct text values[FLAGS];
};

/** Characters of names that mean the same in a query, and of images that no rule of their names is needed for. */
static bool only(const char *string, const char *allowed) {
  return *string && !string[strspn(string, allowed)];
}
#define PLAIN "abcdefghijklmnopqrstuvwxyz0123456789._-"
#define NAME PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define IMAGE PLAIN "/:"

/** Takes a flag's value; false for one that needs Node. */
static bool take(struct order *order, size_t flag, const char *value) {
  struct text *text = &order->values[flag];
  if (!is_utf8(value)) return false;
  switch (FRONT_FLAGS[flag].kind) {
  case FRONT_VARIABLE:
    // One without a value gets the client's own.
    if (!strchr(value, '=') || *value == '=') return false;
    // fall through
  case FRONT_LIST:
    text_puts(text, text->length ? "," : "[");
    text_json(text, value);
    return true;
  default:
    text->length = 0;
    text_json(text, value);
    return true;
  }
}

/** Reads the command line; false when there is anything in it that Node knows better. */
static bool parse(const struct invocation *invocation, struct order *order) {
  int at = 0;
  for (; at < invocation->count && invocation->words[at][0] == '-'; at++) {
    const char *word = invocation->words[at];
    const char *equals = word[1] == '-' ? strchr(word, '=') : NULL;
    size_t length = equals ? (size_t) (equals - word) : strlen(word), flag = 0;
    if (!strcmp(word, "-d") || !strcmp(word, "--detach")) {
      order->detach = true;
      continue;
    }
    bool name = length == 6 && !strncmp(word, "--name", 6);
    if (!name) {
      for (; flag < FLAGS; flag++) {
        const struct front_flag *known = &FRONT_FLAGS[flag];
        if (word[1] == '-' ? strlen(known->name) == length - 2 && !strncmp(word + 2, known->name, length - 2)
                           : known->letter && word[1] == known->letter && !word[2])
          break;
      }
      if (flag == FLAGS) return false;
      if (FRONT_FLAGS[flag].kind == FRONT_SWITCH) {
        if (equals) return false;
        order->values[flag].length = 0;
        text_puts(&order->values[flag], "true");
        order->remove |= !strcmp(FRONT_FLAGS[flag].name, "rm");
        continue;
      }
    }
    const char *value = equals ? equals + 1 : ++at < invocation->count ? invocation->words[at] : NULL;
    if (!value || (name ? !only(value, NAME) : !take(order, flag, value))) return false;
    if (name) order->name = value;
  }
  if (at == invocation->count || !only(invocation->words[at], IMAGE)) return false;
  order->image = invocation->words[at++];
  order->command = invocation->words + at;
  order->words = invocation->count - at;
  for (int index = 0; index < order->words; index++)
    if (!is_utf8(order->command[index])) return false;
  return true;
}

/** The body of the create request: what the client's own code makes of no flags, with the values of the command line. */
static void write_body(const struct order *order, struct text *body) {
  for (const struct front_piece *piece = FRONT_BODY; piece->text; piece++) {
    text_puts(body, piece->text);
    struct winsize size = {0};
    char rows[48];
    switch (piece->hole) {
    case FRONT_NOTHING: break;
    case FRONT_IMAGE: text_json(body, order->image); break;
    case FRONT_ATTACH: text_puts(body, order->detach ? "false" : "true"); break;
    case FRONT_COMMAND:
      for (int index = 0; index < order->words; index++) {
        text_puts(body, index ? "," : "[");
        text_json(body, order->command[index]);
      }
      text_puts(body, order->words ? "]" : "null");
      break;
    case FRONT_CONSOLE:
      if (!isatty(1) || ioctl(1, TIOCGWINSZ, &size) != 0) size = (struct winsize){0};
      snprintf(rows, sizeof rows, "[%d,%d]", size.ws_row, size.ws_col);
      text_puts(body, rows);
      break;
    default: {
      const struct text *value = &order->values[piece->hole];
      text_puts(body, value->length ? value->bytes : piece->initial);
      if (value->length && FRONT_FLAGS[piece->hole].kind >= FRONT_LIST) text_puts(body, "]");
    }
    }
  }
}

static char warned[2048];

const char *warned_text(void) {
  return warned;
}

void warn_text(const char *string) {
  snprintf(warned + strlen(warned), sizeof warned - strlen(warned), "%s", string);
  struct text text = {0};
  text_puts(&text, "");
  bool terminal = isatty(2);
  for (const char *at = string; *at; at++) {
    unsigned char c = (unsigned char) *at;
    char code[8];
    // The controls past 0x7f are two bytes of UTF-8.
    bool high = c == 0xc2 && (unsigned char) at[1] >= 0x80 && (unsigned char) at[1] < 0xa0;
    if (terminal && ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f || high)) {
      snprintf(code, sizeof code, c == '\r' ? "\\r" : "\\x%02x", high ? (unsigned char) *++at : c);
      text_puts(&text, code);
    } else {
      text_add(&text, at, 1);
    }
  }
  write_all(2, text.bytes, text.length);
  free(text.bytes);
}

static int signals[2] = {-1, -1};

static void note_signal(int signal) {
  int saved = errno;
  unsigned char number = (unsigned char) signal;
  ssize_t written = write(signals[1], &number, 1);
  (void) written;
  errno = saved;
}

/** Those that a container gets in place of its client. */
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

/** What the daemon says of an error, without the blanks around it. */
static char *reason(struct connection *connection) {
  struct text body = {0};
  read_body(connection, &body);
  char *message = json_string(json_member(body.bytes, "message"));
  if (!message) message = body.bytes;
  message += strspn(message, " \t\r\n");
  for (size_t length = strlen(message); length && strchr(" \t\r\n", message[length - 1]); length--) message[length - 1] = '\0';
  return message;
}

/** Docker's exit code for a container that could not be started. */
static int start_exit_code(const char *message) {
  if (strstr(message, "executable file not found") || strstr(message, "no such file or directory") ||
      strstr(message, "system cannot find the file specified"))
    return 127;
  return strstr(message, "permission denied") || strstr(message, "is a directory") ? 126 : 125;
}

/** Starts the container; 0, or the exit code after the reason has been shown. */
static int start(const char *socket, const char *id) {
  struct connection connection;
  char target[256];
  snprintf(target, sizeof target, "/containers/%s/start", id);
  if (!dial(&connection, socket) || !send_request(&connection, "POST", target, NULL, false) || !read_head(&connection)) {
    warn_text("berth: error during connect: the daemon went away before it answered.\n");
    return 125;
  }
  if (connection.status < 400) {
    close(connection.fd);
    return 0;
  }
  char *message = reason(&connection);
  size_t length = strlen(message);
  if (length && message[length - 1] == '.') message[length - 1] = '\0';
  struct text text = {0};
  text_puts(&text, "berth: Error response from daemon: ");
  text_puts(&text, message);
  text_puts(&text, ".\n");
  warn_text(text.bytes);
  return start_exit_code(message);
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

/** Shows the container's output until it ends, and hands signals on. */
static int follow(struct connection *output, const char *socket, const char *id) {
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

/** The exit code that the daemon answers with. */
static int exit_code(struct connection *waiting) {
  struct text body = {0};
  if (!read_body(waiting, &body) || !json_skip(body.bytes)) {
    warn_text("error waiting for container: the daemon closed the connection\n");
    return 125;
  }
  const char *failure = json_member(body.bytes, "Error"), *code = json_member(body.bytes, "StatusCode");
  char *message = failure && *failure == '{' ? json_string(json_member(failure, "Message")) : NULL;
  if (message) {
    warn_text("Error waiting for container: ");
    warn_text(message);
    warn_text("\n");
    return 125;
  }
  return code ? (int) strtol(code, NULL, 10) : 125;
}

static int run_attached(const struct order *order, const char *socket, const char *id, struct connection *waiting) {
  struct connection output;
  char target[256];
  // Both listen before the start, so that nothing is missed; neither waits for the other.
  snprintf(target, sizeof target, "/containers/%s/attach?stream=1&stdin=0&stdout=1&stderr=1", id);
  bool attached = dial(&output, socket) && send_request(&output, "POST", target, NULL, true);
  snprintf(target, sizeof target, "/containers/%s/wait?condition=%s", id, order->remove ? "removed" : "next-exit");
  if (!attached || !send_request(waiting, "POST", target, NULL, false) || !read_head(&output) || !read_head(waiting)) {
    warn_text("error during connect: the daemon went away before it answered\n");
    return 1;
  }
  struct connection *refused = output.status >= 400 ? &output : waiting->status >= 400 ? waiting : NULL;
  if (refused) {
    warn_text("Error response from daemon: ");
    warn_text(reason(refused));
    warn_text("\n");
    return 1;
  }
  int failed = start(socket, id);
  if (failed) {
    if (order->remove) exit_code(waiting);
    return failed;
  }
  int ended = follow(&output, socket, id);
  if (ended) return ended;
  handle_signals(SIG_DFL);
  return exit_code(waiting);
}

/** `berth run` with the flags of FRONT_FLAGS, `-d` and `--name`, without a standard input. */
int front_run(const struct invocation *invocation) {
  static struct order order;
  static struct connection connection;
  struct text body = {0}, target = {0}, answer = {0};
  const char *platform = getenv("DOCKER_DEFAULT_PLATFORM");
  if ((platform && *platform) || !parse(invocation, &order)) return HAND_OVER;
  text_puts(&target, "/containers/create");
  if (order.name) {
    text_puts(&target, "?name=");
    text_puts(&target, order.name);
  }
  write_body(&order, &body);
  // Nothing is made when this fails, so that Node finds out why, pulls the image, and says it.
  if (!dial(&connection, invocation->socket) || !send_request(&connection, "POST", target.bytes, body.bytes, false) ||
      !read_head(&connection) || connection.status != 201 || connection.close)
    return HAND_OVER;
  if (!read_body(&connection, &answer) || !json_skip(answer.bytes)) {
    warn_text("error during connect: the daemon closed the connection before the answer was complete\n");
    return 125;
  }
  char *id = json_string(json_member(answer.bytes, "Id"));
  if (!id || !only(id, "0123456789abcdef") || strlen(id) > 64) {
    warn_text("berth: the daemon answered without the container's id\n");
    return 125;
  }
  const char *warnings = json_member(answer.bytes, "Warnings");
  for (const char *item = warnings ? json_first(warnings) : NULL; item; item = json_next(item)) {
    char *warning = json_string(item);
    if (!warning) continue;
    warn_text("WARNING: ");
    warn_text(warning);
    warn_text("\n");
  }
  signal(SIGPIPE, SIG_IGN);
  if (order.detach) {
    if (!write_all(1, id, strlen(id)) || !write_all(1, "\n", 1)) {
      // Who asked for the id is gone; the container is started all the same.
    }
    return start(invocation->socket, id);
  }
  if (pipe2(signals, O_CLOEXEC | O_NONBLOCK) == 0) handle_signals(note_signal);
  return run_attached(&order, invocation->socket, id, &connection);
}

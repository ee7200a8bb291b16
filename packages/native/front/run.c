#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

/** The text of an error answer, without the blanks around it. */
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
  release_signals();
  return exit_code(waiting);
}

/** The warnings of a create's answer. */
static void show_warnings(const char *answer) {
  const char *warnings = json_member(answer, "Warnings");
  for (const char *item = warnings ? json_first(warnings) : NULL; item; item = json_next(item)) {
    char *warning = json_string(item);
    if (!warning) continue;
    warn_text("WARNING: ");
    warn_text(warning);
    warn_text("\n");
  }
}

/** `berth run` with the flags of FRONT_FLAGS, `-d` and `--name`, without a standard input. */
int front_run(const struct invocation *invocation) {
  static struct order order;
  static struct connection connection;
  struct text body = {0}, target = {0}, answer = {0};
  const char *platform = getenv("DOCKER_DEFAULT_PLATFORM");
  if ((platform && *platform) || !order_parse(invocation, &order)) return HAND_OVER;
  text_puts(&target, "/containers/create");
  if (order.name) {
    text_puts(&target, "?name=");
    text_puts(&target, order.name);
  }
  order_body(&order, &body);
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
  show_warnings(answer.bytes);
  signal(SIGPIPE, SIG_IGN);
  if (order.detach) {
    // The reader of the id may be gone; the container is started all the same.
    if (write_all(1, id, strlen(id))) write_all(1, "\n", 1);
    return start(invocation->socket, id);
  }
  catch_signals();
  return run_attached(&order, invocation->socket, id, &connection);
}

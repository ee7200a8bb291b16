#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "front-body.h"
#include "front.h"

bool dial(struct connection *connection, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memset(connection, 0, offsetof(struct connection, buffer));
  connection->start = connection->end = 0;
  if (strlen(path) >= sizeof address.sun_path) return false;
  strcpy(address.sun_path, path);
  connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) return false;
  if (connect(connection->fd, (struct sockaddr *) &address, sizeof address) == 0) return true;
  close(connection->fd);
  return false;
}

bool write_all(int fd, const char *bytes, size_t length) {
  while (length) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) {
      if (errno == EAGAIN) usleep(2000);
      continue;
    }
    if (written < 0) return false;
    bytes += written;
    length -= (size_t) written;
  }
  return true;
}

bool send_request(struct connection *connection, const char *method, const char *target, const char *body, bool upgrade) {
  struct text request = {0};
  char length[96];
  text_puts(&request, method);
  text_puts(&request, " /v" FRONT_API_VERSION);
  text_puts(&request, target);
  text_puts(&request, " HTTP/1.1\r\nHost: api.moby.localhost\r\nUser-Agent: " FRONT_USER_AGENT "\r\n");
  if (upgrade) text_puts(&request, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
  if (body) {
    snprintf(length, sizeof length, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    text_puts(&request, length);
  } else if (!strcmp(method, "POST")) {
    text_puts(&request, "Content-Length: 0\r\n");
  }
  text_puts(&request, "\r\n");
  if (body) text_puts(&request, body);
  bool sent = write_all(connection->fd, request.bytes, request.length);
  free(request.bytes);
  return sent;
}

long fill(struct connection *connection) {
  ssize_t got;
  do got = read(connection->fd, connection->buffer, sizeof connection->buffer);
  while (got < 0 && errno == EINTR);
  connection->start = 0;
  connection->end = got > 0 ? (size_t) got : 0;
  return got;
}

/** Reads a line without its end; false for the end of the connection or a line that is too long. */
static bool read_line(struct connection *connection, char *line, size_t room) {
  for (size_t length = 0;;) {
    if (connection->start == connection->end && fill(connection) <= 0) return false;
    char c = connection->buffer[connection->start++];
    if (c == '\n') {
      line[length && line[length - 1] == '\r' ? length - 1 : length] = '\0';
      return true;
    }
    if (length + 1 == room) return false;
    line[length++] = c;
  }
}

bool read_head(struct connection *connection) {
  char line[8192];
  do {
    if (!read_line(connection, line, sizeof line) || sscanf(line, "HTTP/1.%*d %d", &connection->status) != 1) return false;
    connection->chunked = connection->close = false;
    connection->left = connection->status == 204 || connection->status == 304 ? 0 : -1;
    for (;;) {
      if (!read_line(connection, line, sizeof line)) return false;
      if (!*line) break;
      char *value = strchr(line, ':');
      if (!value) return false;
      *value++ = '\0';
      value += strspn(value, " \t");
      if (!strcasecmp(line, "content-length"))
        connection->left = strtol(value, NULL, 10);
      else if (!strcasecmp(line, "transfer-encoding"))
        connection->chunked = !strcasecmp(value, "chunked");
      else if (!strcasecmp(line, "connection"))
        connection->close = !strcasecmp(value, "close");
    }
    // Others than 101 only announce an answer.
  } while (connection->status < 200 && connection->status != 101);
  return true;
}

/** Reads `length` bytes of a body, or all until the end of the connection for -1. */
static bool read_bytes(struct connection *connection, struct text *body, long length) {
  while (length) {
    if (connection->start == connection->end) {
      long got = fill(connection);
      if (got <= 0) return got == 0 && length < 0;
    }
    size_t part = connection->end - connection->start;
    if (length >= 0 && part > (size_t) length) part = (size_t) length;
    text_add(body, connection->buffer + connection->start, part);
    connection->start += part;
    if (length > 0) length -= (long) part;
  }
  return true;
}

bool read_body(struct connection *connection, struct text *body) {
  char line[256];
  text_puts(body, "");
  if (!connection->chunked) return read_bytes(connection, body, connection->left);
  for (;;) {
    if (!read_line(connection, line, sizeof line)) return false;
    char *end;
    long size = strtol(line, &end, 16);
    if (end == line || size < 0 || !read_bytes(connection, body, size) || !read_line(connection, line, sizeof line))
      return false;
    if (size == 0) return true;
  }
}

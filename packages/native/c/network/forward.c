/* One connection to a port of a network namespace's loopback, carried to and from standard input and output.
   Arguments: the namespace's file, or "-" for the own one, and the port. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/records/fields.h"

enum { block = 64 * 1024 };

/* Bytes that were read from one side and not yet written to the other. */
struct flow {
  int from, to;
  size_t start, end;
  int over; /* `from` has ended */
  char bytes[block];
};

static int connect_to(int family, unsigned short port) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
  cleanup_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int status = family == AF_INET ? connect(fd, (struct sockaddr *) &four, sizeof four)
                                 : connect(fd, (struct sockaddr *) &six, sizeof six);
  return status < 0 ? -1 : steal_fd(&fd);
}

/* Reads or writes once. Returns -1 when the flow is through, and its end was passed on. */
static int step(struct flow *flow, short in, short out) {
  if (flow->start == flow->end && !flow->over && in) {
    ssize_t n = read(flow->from, flow->bytes, sizeof flow->bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    flow->over = n <= 0;
    flow->start = 0;
    flow->end = n > 0 ? (size_t) n : 0;
  } else if (flow->start < flow->end && out) {
    ssize_t n = write(flow->to, flow->bytes + flow->start, flow->end - flow->start);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n < 0) return -1;
    flow->start += (size_t) n;
  }
  if (!flow->over || flow->start < flow->end) return 0;
  if (shutdown(flow->to, SHUT_WR) < 0) close(flow->to);
  return -1;
}

static void carry(int fd) {
  static struct flow there, back;
  there = (struct flow){.from = 0, .to = fd};
  back = (struct flow){.from = fd, .to = 1};
  int going = 1, coming = 1;
  while (coming) {
    struct pollfd fds[4] = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};
    if (going && there.start == there.end) fds[0] = (struct pollfd){.fd = 0, .events = POLLIN};
    if (going && there.start < there.end) fds[1] = (struct pollfd){.fd = fd, .events = POLLOUT};
    if (back.start == back.end) fds[2] = (struct pollfd){.fd = fd, .events = POLLIN};
    if (back.start < back.end) fds[3] = (struct pollfd){.fd = 1, .events = POLLOUT};
    if (poll(fds, 4, -1) < 0 && errno != EINTR) return;
    if (going && step(&there, fds[0].revents, fds[1].revents) < 0) going = 0;
    if (step(&back, fds[2].revents, fds[3].revents) < 0) coming = 0;
  }
}

struct forward_request {
  const char *namespace; /* its file; "-": the one it runs in */
  long port;             /* 1 to 65535 */
};

static const struct field forward_fields[] = {
    PLACED(FIELD_WORD, forward_request, namespace),
    PLACED(FIELD_NUMBER, forward_request, port),
    FIELDS_END,
};

/* Decodes the command line; -1 when it makes no sense, which is told. */
static int decode(int argc, char **argv, struct forward_request *asked) {
  const struct launch_record record = {.argc = argc, .argv = (const char **) argv};
  struct error err = {0};
  int result = fields_decode("forward", forward_fields, &record, asked, NULL, &err);
  if (result == 0 && (asked->port < 1 || asked->port > 65535))
    result = fail(&err, "forward", EINVAL, "forward: no port is %ld", asked->port);
  if (result < 0) fprintf(stderr, "%s\nusage: berth-native forward NAMESPACE PORT\n", err.message);
  return result;
}

int forward_main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  struct forward_request asked = {0};
  if (decode(argc, argv, &asked) < 0) return 2;
  int own = !strcmp(asked.namespace, "-");
  cleanup_close int ns = own ? -1 : open(asked.namespace, O_RDONLY | O_CLOEXEC);
  if (!own && (ns < 0 || setns(ns, CLONE_NEWNET) < 0)) {
    fprintf(stderr, "the pod's network namespace cannot be entered: %s", strerror(errno));
    return 1;
  }
  cleanup_close int fd = connect_to(AF_INET, (unsigned short) asked.port);
  if (fd < 0) fd = connect_to(AF_INET6, (unsigned short) asked.port);
  if (fd < 0) {
    fprintf(stderr, "nothing listens on port %ld of the pod: %s", asked.port, strerror(errno));
    return 1;
  }
  carry(fd);
  return 0;
}

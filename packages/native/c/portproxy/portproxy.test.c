/* Published ports: what is carried arrives whole, ends and refusals are passed on, a taken port is told in dockerd's words. */
#include "portproxy/portproxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(what)                                                                \
  do {                                                                             \
    if (!(what)) {                                                                 \
      fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #what, errno); \
      _exit(1);                                                                    \
    }                                                                              \
  } while (0)

static int bound(int type, const char *host, int *port) {
  struct sockaddr_in at = {.sin_family = AF_INET};
  socklen_t size = sizeof at;
  inet_pton(AF_INET, host, &at.sin_addr);
  int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  CHECK(bind(fd, (struct sockaddr *) &at, sizeof at) == 0 && getsockname(fd, (struct sockaddr *) &at, &size) == 0);
  *port = ntohs(at.sin_port);
  return fd;
}

static int reach(int type, const char *host, int port) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t) port)};
  int is_four = inet_pton(AF_INET, host, &four.sin_addr) == 1;
  if (!is_four) inet_pton(AF_INET6, host, &six.sin6_addr);
  int fd = socket(is_four ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);
  CHECK(connect(fd, is_four ? (struct sockaddr *) &four : (struct sockaddr *) &six, is_four ? sizeof four : sizeof six) == 0);
  return fd;
}

/* Sends everything back, and "end" when the other has no more. */
static void echo_stream(int listener) {
  static char bytes[65536];
  CHECK(listen(listener, 16) == 0);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fork() == 0) {
      ssize_t n;
      while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t at = 0, m; at < n; at += m) {
          m = write(fd, bytes + at, (size_t) (n - at));
          if (m <= 0) _exit(1);
        }
      }
      CHECK(write(fd, "end", 3) == 3);
      _exit(0);
    }
    close(fd);
  }
}

static void echo_datagram(int fd) {
  char bytes[2048];
  for (;;) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *) &from, &size);
    if (n >= 0) sendto(fd, bytes, (size_t) n, 0, (struct sockaddr *) &from, size);
  }
}

static void stream_client(const char *host, int port, size_t total) {
  int fd = reach(SOCK_STREAM, host, port);
  pid_t writer = fork();
  static unsigned char bytes[60001];
  if (writer == 0) {
    for (size_t sent = 0; sent < total;) {
      size_t size = total - sent < sizeof bytes ? total - sent : sizeof bytes;
      for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char) ((sent + i) * 31 >> 3);
      for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, bytes + at, size - at);
        CHECK(n > 0);
        at += (size_t) n;
      }
      sent += size;
    }
    shutdown(fd, SHUT_WR);
    _exit(0);
  }
  size_t got = 0;
  ssize_t n;
  while ((n = read(fd, bytes, sizeof bytes)) > 0) {
    for (ssize_t i = 0; i < n; i++, got++)
      CHECK(got < total ? bytes[i] == (unsigned char) (got * 31 >> 3) : bytes[i] == (unsigned char) "end"[got - total]);
  }
  CHECK(n == 0 && got == total + 3);
  int status;
  CHECK(waitpid(writer, &status, 0) == writer && status == 0);
}

static void client(int stream, int dead, int datagram, int six) {
  stream_client("127.0.0.1", stream, 20 << 20);
  if (six) stream_client("::1", stream, 1 << 20);
  stream_client("127.0.0.1", stream, 0);
  char bytes[64];
  int fd = reach(SOCK_STREAM, "127.0.0.1", dead);
  /* Without a listener behind it the connection is accepted and closed, as docker-proxy does. */
  CHECK(read(fd, bytes, sizeof bytes) == 0);
  /* The answer comes from the address that was asked, or the connected socket would not take it. */
  for (int i = 0; i < 3; i++) {
    struct pollfd wait = {.fd = reach(SOCK_DGRAM, i == 1 ? "127.0.0.2" : "127.0.0.1", datagram), .events = POLLIN};
    for (int k = 0; k < 3; k++) {
      CHECK(send(wait.fd, "ping", 4, 0) == 4 && poll(&wait, 1, 3000) == 1);
      CHECK(recv(wait.fd, bytes, sizeof bytes, 0) == 4);
    }
  }
}

static struct loop *loop;
static pid_t clients;
static int result = -1;

static void look(void *data) {
  if (waitpid(clients, &result, WNOHANG) == clients)
    loop_stop(loop);
  else
    loop_timer(loop, 10, look, NULL);
}

static pid_t server(void (*run)(int), int fd) {
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    run(fd);
  }
  close(fd);
  return pid;
}

static int open_port(struct ports *ports, const char *protocol, const char *host, int port, int to, struct error *err) {
  char at_port[8], to_port[8];
  snprintf(at_port, sizeof at_port, "%d", port);
  snprintf(to_port, sizeof to_port, "%d", to);
  struct launch_record record = {6, (const char *[]){"port", protocol, host, at_port, "127.0.0.1", to_port, NULL}};
  return ports_open(ports, &record, err);
}

int main(void) {
  int to_stream, to_datagram, stream, datagram, dead, nobody;
  pid_t servers[2];
  signal(SIGPIPE, SIG_IGN);
  servers[0] = server(echo_stream, bound(SOCK_STREAM, "127.0.0.1", &to_stream));
  servers[1] = server(echo_datagram, bound(SOCK_DGRAM, "127.0.0.1", &to_datagram));
  close(bound(SOCK_STREAM, "0.0.0.0", &stream));
  close(bound(SOCK_DGRAM, "0.0.0.0", &datagram));
  close(bound(SOCK_STREAM, "0.0.0.0", &dead));
  close(bound(SOCK_STREAM, "0.0.0.0", &nobody));

  struct error err = {0};
  loop = loop_new();
  struct ports *ports = ports_new(loop);
  CHECK(open_port(ports, "tcp", "0.0.0.0", stream, to_stream, &err) == 0);
  int six = open_port(ports, "tcp", "::", stream, to_stream, &err) == 0;
  CHECK(open_port(ports, "tcp", "127.0.0.1", dead, nobody, &err) == 0);
  CHECK(open_port(ports, "udp", "0.0.0.0", datagram, to_datagram, &err) == 0);
  CHECK(open_port(ports, "sctp", "0.0.0.0", stream, to_stream, &err) == 0);

  char expected[96];
  struct ports *others = ports_new(loop);
  CHECK(open_port(others, "tcp", "127.0.0.1", dead, nobody, &err) < 0 && err.status == EADDRINUSE);
  snprintf(expected, sizeof expected, "listen tcp4 127.0.0.1:%d: bind: address already in use", dead);
  CHECK(!strcmp(err.message, expected));
  CHECK(open_port(others, "udp", "203.0.113.9", dead, nobody, &err) < 0 && err.status == EADDRNOTAVAIL);
  snprintf(expected, sizeof expected, "listen udp4 203.0.113.9:%d: bind: cannot assign requested address", dead);
  CHECK(!strcmp(err.message, expected));
  CHECK(open_port(others, "tcp", "nonsense", dead, nobody, &err) < 0 && open_port(others, "tcp", "::", 0, nobody, &err) < 0);
  ports_free(others);

  clients = fork();
  if (clients == 0) {
    client(stream, dead, datagram, six);
    _exit(0);
  }
  loop_timer(loop, 10, look, NULL);
  loop_run(loop);
  CHECK(result == 0);
  char number[8];
  snprintf(number, sizeof number, "%d", dead);
  struct launch_record closing = {4, (const char *[]){"port-close", "tcp", "127.0.0.1", number, NULL}};
  CHECK(ports_close(ports, &closing, &err) == 0);
  CHECK(open_port(ports, "tcp", "127.0.0.1", dead, nobody, &err) == 0);
  ports_free(ports);
  for (int i = 0; i < 2; i++) {
    kill(servers[i], SIGKILL);
    waitpid(servers[i], NULL, 0);
  }
  printf("portproxy: ok\n");
  return 0;
}

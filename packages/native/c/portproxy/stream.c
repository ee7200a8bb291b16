/* Connections of published ports: two sockets, and what one sends goes to the other through a pipe in the kernel, never
   through our memory. A pipe is held only while something is in it; a connection that rests costs two sockets. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "portproxy/internal.h"

enum { PIPE_SIZE = 256 << 10, MESSAGE_SIZE = 64 << 10, TURNS = 16, RETRY_MS = 100 };

/* One end of a relay. `source` is in the loop only while something is awaited, so that a peer that has gone can't make
   events without end. */
struct side {
  struct source source;
  struct relay *relay;
  int watched;
};

/* From one side to the other. */
struct flow {
  int pipe[2]; /* -1: none */
  size_t held; /* bytes in the pipe, or in `bytes` */
  char *bytes; /* instead of a pipe, for messages */
  int ended;   /* the sender has no more */
  int done;    /* and the receiver knows */
};

struct relay {
  struct side client, server;
  struct flow up, down; /* client to server, server to client */
  struct ports *ports;
  struct relay *next;
  int messages; /* SCTP: message boundaries count, and there is no splice */
  int connecting;
};

static void flow_release(struct ports *ports, struct flow *flow) {
  free(flow->bytes);
  flow->bytes = NULL;
  if (flow->pipe[0] < 0) return;
  if (flow->held == 0 && ports->spare_count < sizeof ports->spare_pipes / sizeof ports->spare_pipes[0]) {
    memcpy(ports->spare_pipes[ports->spare_count++], flow->pipe, sizeof flow->pipe);
  } else {
    close(flow->pipe[0]);
    close(flow->pipe[1]);
  }
  flow->pipe[0] = flow->pipe[1] = -1;
  flow->held = 0;
}

static int flow_pipe(struct ports *ports, struct flow *flow) {
  if (flow->pipe[0] >= 0) return 0;
  if (ports->spare_count) {
    memcpy(flow->pipe, ports->spare_pipes[--ports->spare_count], sizeof flow->pipe);
    return 0;
  }
  if (pipe2(flow->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
    flow->pipe[0] = flow->pipe[1] = -1;
    return -1;
  }
  fcntl(flow->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
  return 0;
}

static void relay_free(struct relay *relay) {
  struct ports *ports = relay->ports;
  for (struct relay **at = &ports->relays; *at; at = &(*at)->next) {
    if (*at != relay) continue;
    *at = relay->next;
    break;
  }
  flow_release(ports, &relay->up);
  flow_release(ports, &relay->down);
  struct side *sides[] = {&relay->client, &relay->server};
  for (int i = 0; i < 2; i++) {
    if (sides[i]->watched) loop_remove(ports->loop, &sides[i]->source);
    if (sides[i]->source.fd >= 0) close(sides[i]->source.fd);
  }
  free(relay);
}

void relays_free(struct ports *ports) {
  while (ports->relays) relay_free(ports->relays);
}

/* Takes something in from the sender: as read(2) returns. */
static ssize_t take_in(struct relay *relay, struct flow *flow, int from) {
  ssize_t n;
  if (relay->messages) {
    if (!flow->bytes && !(flow->bytes = malloc(MESSAGE_SIZE))) return -1;
    n = recv(from, flow->bytes, MESSAGE_SIZE, 0);
  } else {
    if (flow_pipe(relay->ports, flow) < 0) return -1;
    n = splice(from, NULL, flow->pipe[1], NULL, PIPE_SIZE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  }
  if (n > 0) flow->held = (size_t) n;
  return n;
}

static ssize_t give_out(struct relay *relay, struct flow *flow, int to) {
  ssize_t n = relay->messages ? send(to, flow->bytes, flow->held, MSG_NOSIGNAL | MSG_DONTWAIT)
                              : splice(flow->pipe[0], NULL, to, NULL, flow->held, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (n > 0) {
    if (relay->messages) memmove(flow->bytes, flow->bytes + n, flow->held - (size_t) n);
    flow->held -= (size_t) n;
  }
  return n;
}

/* Carries what goes. A direction that fails ends alone: what the other still has to say (an answer sent before the reset)
   gets through. */
static void carry(struct relay *relay, struct flow *flow, int from, int to) {
  for (int turn = 0; turn < TURNS && !flow->done; turn++) {
    if (flow->held == 0 && !flow->ended) {
      ssize_t n = take_in(relay, flow, from);
      if (n < 0 && errno == EAGAIN) break;
      if (n <= 0) flow->ended = 1;
    }
    if (flow->held > 0) {
      ssize_t n = give_out(relay, flow, to);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) {
        flow->ended = flow->done = 1;
        shutdown(from, SHUT_RD);
      }
    }
    if (flow->ended && flow->held == 0 && !flow->done) {
      flow->done = 1;
      shutdown(to, SHUT_WR);
    }
  }
  if (flow->held == 0 || flow->done) flow_release(relay->ports, flow);
}

static void watch(struct side *side, uint32_t events) {
  struct loop *loop = side->relay->ports->loop;
  if (events && !side->watched)
    side->watched = loop_add(loop, &side->source, events) == 0;
  else if (events)
    loop_change(loop, &side->source, events);
  else if (side->watched)
    loop_remove(loop, &side->source), side->watched = 0;
}

static uint32_t wanted(const struct flow *from, const struct flow *to) {
  return (from->held == 0 && !from->ended ? EPOLLIN : 0) | (to->held > 0 && !to->done ? EPOLLOUT : 0);
}

static void proceed(struct relay *relay) {
  carry(relay, &relay->up, relay->client.source.fd, relay->server.source.fd);
  carry(relay, &relay->down, relay->server.source.fd, relay->client.source.fd);
  if (relay->up.done && relay->down.done) {
    relay_free(relay);
    return;
  }
  watch(&relay->client, wanted(&relay->up, &relay->down));
  watch(&relay->server, wanted(&relay->down, &relay->up));
}

static void side_ready(struct source *source, uint32_t events) {
  struct side *side = (struct side *) source;
  struct relay *relay = side->relay;
  if (relay->connecting) {
    int status = 0;
    socklen_t size = sizeof status;
    if (getsockopt(relay->server.source.fd, SOL_SOCKET, SO_ERROR, &status, &size) < 0 || status) {
      /* The container does not take the connection. Its client sees it accepted and closed, as by docker-proxy. */
      relay_free(relay);
      return;
    }
    relay->connecting = 0;
  }
  proceed(relay);
}

/* Ends that died without a word are noticed, and small pieces are not held back. */
static void tune(int fd) {
  int one = 1, idle = 60, interval = 15;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void relay_start(struct port *port, int fd) {
  struct ports *ports = port->ports;
  struct relay *relay = calloc(1, sizeof *relay);
  int other = relay ? socket(port->to.any.sa_family, port->type | SOCK_CLOEXEC | SOCK_NONBLOCK, port->protocol) : -1;
  if (other < 0) {
    free(relay);
    close(fd);
    return;
  }
  *relay = (struct relay){.client = {.source = {.fd = fd, .ready = side_ready}, .relay = relay},
                          .server = {.source = {.fd = other, .ready = side_ready}, .relay = relay},
                          .up.pipe = {-1, -1},
                          .down.pipe = {-1, -1},
                          .ports = ports,
                          .next = ports->relays,
                          .messages = port->protocol == IPPROTO_SCTP,
                          .connecting = 1};
  ports->relays = relay;
  if (port->protocol == IPPROTO_TCP) {
    tune(fd);
    tune(other);
  }
  if (connect(other, &port->to.any, port->to.size) < 0 && errno != EINPROGRESS)
    relay_free(relay);
  else
    watch(&relay->server, EPOLLOUT);
}

static void listen_again(void *data) {
  struct port *port = data;
  port->waiting = 0;
  if (loop_add(port->ports->loop, &port->source, EPOLLIN) < 0)
    port->waiting = loop_timer(port->ports->loop, RETRY_MS, listen_again, port);
}

void port_stream_ready(struct source *source, uint32_t events) {
  struct port *port = (struct port *) source;
  for (int i = 0; i < TURNS; i++) {
    int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      relay_start(port, fd);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      loop_remove(port->ports->loop, source);
      port->waiting = loop_timer(port->ports->loop, RETRY_MS, listen_again, port);
    }
    return;
  }
}

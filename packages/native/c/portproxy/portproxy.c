#include "portproxy/portproxy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/records/fields.h"
#include "portproxy/internal.h"
#include "supervisor/supervisor.h"

static const struct protocol {
  const char *name;
  int type, number;
} protocols[] = {{"tcp", SOCK_STREAM, IPPROTO_TCP}, {"udp", SOCK_DGRAM, IPPROTO_UDP}, {"sctp", SOCK_STREAM, IPPROTO_SCTP}};

struct port_request {
  const char *protocol, *host;
  long host_port;
  const char *destination;
  long destination_port, pid, fd;
};
static const struct field open_fields[] = {
    PLACED(FIELD_WORD, port_request, protocol),           PLACED(FIELD_WORD, port_request, host),
    PLACED(FIELD_NUMBER, port_request, host_port),        PLACED(FIELD_WORD, port_request, destination),
    PLACED(FIELD_NUMBER, port_request, destination_port), OPTIONAL(FIELD_NUMBER, port_request, pid, 0),
    OPTIONAL(FIELD_NUMBER, port_request, fd, -1),         FIELDS_END,
};
static const struct field close_fields[] = {
    PLACED(FIELD_WORD, port_request, protocol),
    PLACED(FIELD_WORD, port_request, host),
    PLACED(FIELD_NUMBER, port_request, host_port),
    FIELDS_END,
};

static int parse_address(const char *host, long value, struct address *out) {
  if (value < 1 || value > 65535) return -1;
  *out = (struct address){0};
  if (inet_pton(AF_INET, host, &out->four.sin_addr) == 1) {
    out->four.sin_family = AF_INET;
    out->four.sin_port = htons((uint16_t) value);
    out->size = sizeof out->four;
    return 0;
  }
  if (inet_pton(AF_INET6, host, &out->six.sin6_addr) != 1) return -1;
  out->six.sin6_family = AF_INET6;
  out->six.sin6_port = htons((uint16_t) value);
  out->size = sizeof out->six;
  return 0;
}

static const struct protocol *find_protocol(const char *name) {
  for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
    if (!strcmp(protocols[i].name, name)) return &protocols[i];
  }
  return NULL;
}

static struct port **find(struct ports *ports, const struct protocol *protocol, const struct address *at) {
  struct port **port = &ports->list;
  while (*port && ((*port)->protocol != protocol->number || (*port)->at.size != at->size ||
                   memcmp(&(*port)->at.any, &at->any, at->size)))
    port = &(*port)->next;
  return port;
}

/* An error in the words that Go's net package has for it, which clients know. */
static int refuse(struct error *err, const char *call, const struct port_request *asked) {
  int status = errno, six = strchr(asked->host, ':') != NULL;
  char reason[96];
  snprintf(reason, sizeof reason, "%s", strerror(status));
  if (status == EADDRNOTAVAIL) snprintf(reason, sizeof reason, "cannot assign requested address");
  reason[0] = (char) tolower((unsigned char) reason[0]);
  fail(err, "port", 0, "listen %s%c %s%s%s:%ld: %s: %s", asked->protocol, six ? '6' : '4', six ? "[" : "", asked->host,
       six ? "]" : "", asked->host_port, call, reason);
  if (err) err->status = status;
  return -1;
}

/* A duplicate of another process's socket, or -1 with errno. */
static int take_over(long pid, long number) {
  cleanup_close int pidfd = (int) syscall(SYS_pidfd_open, (pid_t) pid, 0);
  return pidfd < 0 ? -1 : (int) syscall(SYS_pidfd_getfd, pidfd, (int) number, 0);
}

static int open_socket(const struct protocol *protocol, const struct address *at, const char **call) {
  int one = 1, family = at->any.sa_family;
  *call = "socket";
  cleanup_close int fd = socket(family, protocol->type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol->number);
  if (fd < 0) return -1;
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  if (protocol->type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  *call = "bind";
  if (bind(fd, &at->any, at->size) < 0) return -1;
  return steal_fd(&fd);
}

static void port_free(struct ports *ports, struct port *port) {
  for (struct port **at = &ports->list; *at; at = &(*at)->next) {
    if (*at != port) continue;
    *at = port->next;
    break;
  }
  if (port->waiting) loop_cancel(ports->loop, port->waiting);
  port_datagram_free(port);
  if (port->source.fd >= 0) {
    loop_remove(ports->loop, &port->source);
    close(port->source.fd);
  }
  free(port);
}

struct ports *ports_new(struct loop *loop) {
  struct ports *ports = calloc(1, sizeof *ports);
  if (ports) ports->loop = loop;
  return ports;
}

int ports_open(struct ports *ports, const struct launch_record *record, struct error *err) {
  struct port_request asked = {0};
  struct address at, to;
  if (fields_decode("port", open_fields, record, &asked, NULL, err) < 0) return -1;
  const struct protocol *protocol = find_protocol(asked.protocol);
  if (!protocol || parse_address(asked.host, asked.host_port, &at) < 0 ||
      parse_address(asked.destination, asked.destination_port, &to) < 0)
    return fail(err, "port", EINVAL, "port: no protocol or no address");
  struct port *port = *find(ports, protocol, &at);
  if (port) {
    port->to = to;
    port_datagram_free(port);
    return 0;
  }
  const char *call = "pidfd_getfd";
  cleanup_close int fd = asked.pid ? take_over(asked.pid, asked.fd) : open_socket(protocol, &at, &call);
  /* If the kernel has no SCTP sockets, the firewall still translates its packets. */
  int none = fd < 0 && protocol->number == IPPROTO_SCTP && (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT);
  if (fd < 0 && !none) return refuse(err, call, &asked);
  if (fd >= 0 && protocol->type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0)
    return refuse(err, errno == EADDRINUSE ? "bind" : "listen", &asked);
  port = calloc(1, sizeof *port);
  if (!port) return fail(err, "port", ENOMEM, "published port");
  int datagram = protocol->type == SOCK_DGRAM;
  *port = (struct port){.source = {.fd = fd, .ready = datagram ? port_datagram_ready : port_stream_ready},
                        .ports = ports,
                        .next = ports->list,
                        .type = protocol->type,
                        .protocol = protocol->number,
                        .at = at,
                        .to = to};
  if (fd >= 0 && datagram) port_datagram_prepare(fd, at.any.sa_family);
  if (fd >= 0 && loop_add(ports->loop, &port->source, EPOLLIN) < 0) {
    free(port);
    return fail(err, "port", errno, "watch a published port");
  }
  (void) steal_fd(&fd);
  ports->list = port;
  return 0;
}

int ports_close(struct ports *ports, const struct launch_record *record, struct error *err) {
  struct port_request asked = {0};
  struct address at;
  if (fields_decode("port", close_fields, record, &asked, NULL, err) < 0) return -1;
  const struct protocol *protocol = find_protocol(asked.protocol);
  if (!protocol || parse_address(asked.host, asked.host_port, &at) < 0)
    return fail(err, "port", EINVAL, "port-close: no protocol or no address");
  struct port *port = *find(ports, protocol, &at);
  if (port) port_free(ports, port);
  return 0;
}

void ports_free(struct ports *ports) {
  while (ports->list) port_free(ports, ports->list);
  relays_free(ports);
  for (size_t i = 0; i < ports->spare_count; i++) {
    close(ports->spare_pipes[i][0]);
    close(ports->spare_pipes[i][1]);
  }
  free(ports);
}

/* As plugins of a supervisor. */

static struct ports *published;

static int take_port(struct supervisor *supervisor, const struct launch_record *record, struct error *err) {
  if (!published && !(published = ports_new(supervisor_loop(supervisor)))) return fail(err, "port", ENOMEM, "published port");
  return ports_open(published, record, err);
}

static int close_port(struct supervisor *supervisor, const struct launch_record *record, struct error *err) {
  return published ? ports_close(published, record, err) : 0;
}

static void stop(struct supervisor *supervisor) {
  if (published) ports_free(published);
  published = NULL;
}

static struct supervisor_plugin opening = {.record = "port", .launch = take_port, .control = take_port, .stop = stop};
static struct supervisor_plugin closing = {.record = "port-close", .control = close_port};

__attribute__((constructor)) static void register_plugins(void) {
  supervisor_register(&opening);
  supervisor_register(&closing);
}

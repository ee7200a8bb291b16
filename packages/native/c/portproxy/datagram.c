/* UDP of published ports: for each client a socket of its own towards the container, until both have been silent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "portproxy/internal.h"

enum {
  IDLE_S = 90, /* as long as docker-proxy keeps one */
  SWEEP_MS = 15000,
  MOST = 1024, /* associations of a port; the longest silent one makes room */
  BURST = 64,
  DATAGRAM = 65536,
};

/* To which address of ours a client has sent: answers must come from there. */
struct local {
  int family;
  union {
    struct in_pktinfo four;
    struct in6_pktinfo six;
  };
};

struct association {
  struct source source; /* connected to the container */
  struct port *port;
  struct association *next;
  struct address client;
  struct local local;
  time_t used;
};

static char datagram[DATAGRAM];

static time_t now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec;
}

void port_datagram_prepare(int fd, int family) {
  int one = 1;
  if (family == AF_INET)
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
  else
    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
}

static size_t bucket(const struct address *client) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < client->size; i++) hash = (hash ^ ((const uint8_t *) &client->any)[i]) * 16777619u;
  return (hash ^ hash >> 16) % ASSOCIATION_BUCKETS;
}

static void association_free(struct association *association) {
  struct port *port = association->port;
  for (struct association **at = &port->associations[bucket(&association->client)]; *at; at = &(*at)->next) {
    if (*at != association) continue;
    *at = association->next;
    port->association_count--;
    break;
  }
  loop_remove(port->ports->loop, &association->source);
  close(association->source.fd);
  free(association);
}

void port_datagram_free(struct port *port) {
  for (size_t i = 0; port->associations && i < ASSOCIATION_BUCKETS; i++) {
    while (port->associations[i]) association_free(port->associations[i]);
  }
  free(port->associations);
  port->associations = NULL;
  if (port->sweeper) loop_cancel(port->ports->loop, port->sweeper);
  port->sweeper = 0;
}

static void sweep(void *data) {
  struct port *port = data;
  time_t now = now_s();
  for (size_t i = 0; i < ASSOCIATION_BUCKETS; i++) {
    for (struct association *at = port->associations[i], *next; at; at = next) {
      next = at->next;
      if (now - at->used >= IDLE_S) association_free(at);
    }
  }
  port->sweeper = port->association_count ? loop_timer(port->ports->loop, SWEEP_MS, sweep, port) : 0;
}

static void drop_oldest(struct port *port) {
  struct association *oldest = NULL;
  for (size_t i = 0; i < ASSOCIATION_BUCKETS; i++) {
    for (struct association *at = port->associations[i]; at; at = at->next) {
      if (!oldest || at->used < oldest->used) oldest = at;
    }
  }
  if (oldest) association_free(oldest);
}

static int same_local(const struct local *a, const struct local *b) {
  if (a->family != b->family) return 0;
  return a->family == AF_INET ? a->four.ipi_spec_dst.s_addr == b->four.ipi_spec_dst.s_addr
                              : !memcmp(&a->six.ipi6_addr, &b->six.ipi6_addr, sizeof a->six.ipi6_addr);
}

/* The container's answer goes back to the client, from the address that the client knows. */
static void answer_ready(struct source *source, uint32_t events) {
  struct association *association = (struct association *) source;
  struct port *port = association->port;
  for (int i = 0; i < BURST; i++) {
    ssize_t size = recv(source->fd, datagram, sizeof datagram, 0);
    if (size < 0) return; /* nothing more, or nobody listens in the container */
    char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
    struct iovec data = {datagram, (size_t) size};
    struct msghdr message = {.msg_name = &association->client.any,
                             .msg_namelen = association->client.size,
                             .msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (association->local.family == AF_INET) {
      header->cmsg_level = IPPROTO_IP;
      header->cmsg_type = IP_PKTINFO;
      header->cmsg_len = CMSG_LEN(sizeof association->local.four);
      memcpy(CMSG_DATA(header), &association->local.four, sizeof association->local.four);
      message.msg_controllen = CMSG_SPACE(sizeof association->local.four);
    } else if (association->local.family == AF_INET6) {
      header->cmsg_level = IPPROTO_IPV6;
      header->cmsg_type = IPV6_PKTINFO;
      header->cmsg_len = CMSG_LEN(sizeof association->local.six);
      memcpy(CMSG_DATA(header), &association->local.six, sizeof association->local.six);
      message.msg_controllen = CMSG_SPACE(sizeof association->local.six);
    } else {
      message.msg_control = NULL;
      message.msg_controllen = 0;
    }
    sendmsg(port->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    association->used = now_s();
  }
}

static struct association *associate(struct port *port, const struct address *client, const struct local *local) {
  if (!port->associations) port->associations = calloc(ASSOCIATION_BUCKETS, sizeof *port->associations);
  if (!port->associations) return NULL;
  struct association **list = &port->associations[bucket(client)];
  for (struct association *at = *list; at; at = at->next) {
    if (at->client.size == client->size && !memcmp(&at->client.any, &client->any, client->size) &&
        same_local(&at->local, local))
      return at;
  }
  if (port->association_count >= MOST) drop_oldest(port);
  struct association *made = calloc(1, sizeof *made);
  int fd = made ? socket(port->to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
  if (fd >= 0) {
    *made = (struct association){
        .source = {.fd = fd, .ready = answer_ready}, .port = port, .next = *list, .client = *client, .local = *local};
    if (connect(fd, &port->to.any, port->to.size) == 0 && loop_add(port->ports->loop, &made->source, EPOLLIN) == 0) {
      *list = made;
      port->association_count++;
      if (!port->sweeper) port->sweeper = loop_timer(port->ports->loop, SWEEP_MS, sweep, port);
      return made;
    }
    close(fd);
  }
  free(made);
  return NULL;
}

void port_datagram_ready(struct source *source, uint32_t events) {
  struct port *port = (struct port *) source;
  for (int i = 0; i < BURST; i++) {
    struct address client = {0};
    struct local local = {0};
    char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct iovec data = {datagram, sizeof datagram};
    struct msghdr message = {.msg_name = &client.any,
                             .msg_namelen = sizeof client.six,
                             .msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t size = recvmsg(source->fd, &message, 0);
    if (size < 0) return;
    client.size = message.msg_namelen;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
        local.family = AF_INET;
        memcpy(&local.four, CMSG_DATA(header), sizeof local.four);
        local.four.ipi_ifindex = 0; /* the way back is the routes' choice */
      } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
        local.family = AF_INET6;
        memcpy(&local.six, CMSG_DATA(header), sizeof local.six);
        if (!IN6_IS_ADDR_LINKLOCAL(&local.six.ipi6_addr)) local.six.ipi6_ifindex = 0;
      }
    }
    struct association *association = associate(port, &client, &local);
    if (!association) continue;
    association->used = now_s();
    /* An earlier refusal is told here, once; the datagram then still has to be sent. */
    if (send(association->source.fd, datagram, (size_t) size, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
      send(association->source.fd, datagram, (size_t) size, MSG_NOSIGNAL);
  }
}

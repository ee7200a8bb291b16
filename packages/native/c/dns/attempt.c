#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/lookup.h"
#include "dns/nat.h"

void attempt_end(struct attempt *attempt) {
  if (attempt->source.fd < 0) return;
  loop_remove(attempt->lookup->dns->loop, &attempt->source);
  close(attempt->source.fd);
  attempt->source.fd = -1;
  buffer_free(&attempt->in);
}

static void udp_ready(struct attempt *attempt) {
  struct dns_lookup *lookup = attempt->lookup;
  uint8_t *reply = lookup->dns->scratch;
  for (;;) {
    ssize_t size = recv(attempt->source.fd, reply, DNS_MAX, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) {
      attempt_failed(attempt); /* refused, unreachable */
      return;
    }
    if (!dns_matches(lookup->packet + 2, lookup->query.question_end, reply, (size_t) size)) continue;
    attempt_replied(attempt, reply, (size_t) size);
    return;
  }
}

static void tcp_ready(struct attempt *attempt, uint32_t events) {
  struct dns_lookup *lookup = attempt->lookup;
  while (attempt->sent < lookup->size) {
    ssize_t n = send(attempt->source.fd, lookup->packet + attempt->sent, lookup->size - attempt->sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == ENOTCONN) && !(events & (EPOLLERR | EPOLLHUP))) return;
    if (n <= 0) {
      attempt_failed(attempt);
      return;
    }
    attempt->sent += (size_t) n;
  }
  loop_change(lookup->dns->loop, &attempt->source, EPOLLIN);
  for (;;) {
    char *room = buffer_reserve(&attempt->in, 4096);
    ssize_t n = room ? recv(attempt->source.fd, room, 4096, 0) : 0;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      attempt_failed(attempt);
      return;
    }
    attempt->in.end += (size_t) n;
    size_t have = buffer_size(&attempt->in);
    const uint8_t *head = (const uint8_t *) buffer_head(&attempt->in);
    if (have < 2 || have < (size_t) dns_word(head) + 2) continue;
    size_t size = dns_word(head);
    memcpy(lookup->dns->scratch, head + 2, size);
    if (dns_matches(lookup->packet + 2, lookup->query.question_end, lookup->dns->scratch, size))
      attempt_replied(attempt, lookup->dns->scratch, size);
    else
      attempt_failed(attempt);
    return;
  }
}

static void attempt_ready(struct source *source, uint32_t events) {
  struct attempt *attempt = (struct attempt *) source;
  if (attempt->tcp)
    tcp_ready(attempt, events);
  else
    udp_ready(attempt);
}

/* The socket is connected, so that only the server's answers come in; its port is the kernel's random choice. */
int attempt_start(struct dns_lookup *lookup, struct attempt *attempt, size_t number) {
  struct dns *dns = lookup->dns;
  const struct dns_server *server = &dns->table.servers[number];
  int tcp = lookup->asker.client != NULL;
  *attempt = (struct attempt){.lookup = lookup, .server = number, .tcp = tcp, .source = {.ready = attempt_ready}};
  int fd = netns_socket(server->inside ? dns->netns : -1, server->address.ss_family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
  attempt->source.fd = fd;
  if (fd < 0) return -1;
  if ((connect(fd, (const struct sockaddr *) &server->address, server->address_size) < 0 && errno != EINPROGRESS) ||
      (!tcp && send(fd, lookup->packet + 2, lookup->size - 2, MSG_NOSIGNAL) < 0) ||
      loop_add(dns->loop, &attempt->source, tcp ? EPOLLIN | EPOLLOUT : EPOLLIN) < 0) {
    close(fd);
    attempt->source.fd = -1;
    return -1;
  }
  return 0;
}

#include "dns/dns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dns/nat.h"
#include "dns/service.h"

enum {
  TTL = 5,              /* of our own names: they change whenever a container starts or stops */
  CLIENTS = 32,         /* TCP connections */
  CLIENT_MS = 10000,    /* an idle one is closed */
  CLIENT_OUT = 1 << 20, /* bytes that one may leave unread */
  BURST = 32,           /* datagrams that are read before other work has its turn */
};

int64_t dns_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void client_free(struct dns_client *client) {
  struct dns *dns = client->dns;
  for (struct dns_client **at = &dns->clients; *at; at = &(*at)->next) {
    if (*at != client) continue;
    *at = client->next;
    dns->client_count--;
    break;
  }
  dns_forget(dns, client);
  if (client->timer) loop_cancel(dns->loop, client->timer);
  loop_remove(dns->loop, &client->source);
  close(client->source.fd);
  buffer_free(&client->in);
  buffer_free(&client->out);
  free(client);
}

static void client_idle(void *data) {
  struct dns_client *client = data;
  client->timer = 0;
  client_free(client);
}

static void client_awake(struct dns_client *client) {
  if (client->timer) loop_cancel(client->dns->loop, client->timer);
  client->timer = loop_timer(client->dns->loop, CLIENT_MS, client_idle, client);
}

/* Writes what goes. What does not stays, and the next event sees to a connection that is broken. */
static void client_flush(struct dns_client *client) {
  while (buffer_size(&client->out)) {
    ssize_t n = send(client->source.fd, buffer_head(&client->out), buffer_size(&client->out), MSG_NOSIGNAL);
    if (n <= 0) break;
    buffer_consume(&client->out, (size_t) n);
  }
  loop_change(client->dns->loop, &client->source, EPOLLIN | (buffer_size(&client->out) ? EPOLLOUT : 0));
}

void dns_reply(struct dns *dns, const struct dns_asker *asker, const struct dns_query *query, uint8_t *bytes, size_t size) {
  if (asker->client) {
    uint8_t length[2];
    dns_put_word(length, (unsigned) size);
    if (buffer_size(&asker->client->out) > CLIENT_OUT || buffer_append(&asker->client->out, length, 2) < 0 ||
        buffer_append(&asker->client->out, bytes, size) < 0) {
      shutdown(asker->client->source.fd, SHUT_RDWR);
      return;
    }
    client_flush(asker->client);
    return;
  }
  size = dns_cut(bytes, size, query->limit, query);
  sendto(dns->udp.fd, bytes, size, MSG_NOSIGNAL, (const struct sockaddr *) &asker->address, sizeof asker->address);
}

void dns_reply_code(struct dns *dns, const struct dns_asker *asker, const struct dns_query *query, const uint8_t *packet,
                    int rcode) {
  uint8_t bytes[DNS_PLAIN];
  struct dns_answer answer;
  dns_begin(&answer, bytes, sizeof bytes, packet, query, rcode);
  dns_reply(dns, asker, query, bytes, dns_end(&answer));
}

/* Answers what the networks' tables know: 1 when they did. */
static int answer_own(struct dns *dns, const struct dns_asker *asker, const struct dns_query *query, const uint8_t *packet) {
  uint8_t address[16], encoded[256];
  char name[512];
  struct dns_answer answer;
  size_t limit = asker->client ? DNS_MAX : query->limit, size;
  if (query->class != DNS_IN) return 0;
  if (query->type == DNS_PTR) {
    int family = dns_reverse_address(query->name, address);
    if (!family || !dns_table_reverse(&dns->table, address, family, name) || !(size = dns_encode_name(name, encoded))) return 0;
    dns_begin(&answer, dns->scratch, limit, packet, query, DNS_NOERROR);
    dns_add(&answer, DNS_PTR, TTL, encoded, size);
  } else {
    static struct dns_addresses found;
    int four = query->type == DNS_A;
    if (!dns_table_find(&dns->table, query->name, four ? AF_INET : AF_INET6, &found)) return 0;
    dns_begin(&answer, dns->scratch, limit, packet, query, DNS_NOERROR);
    /* Names of ours have no records of another type; nobody else is asked about them. */
    for (size_t i = 0; (four || query->type == DNS_AAAA) && i < found.count; i++) {
      if (dns_add(&answer, query->type, TTL, found.list[i], four ? 4 : 16) < 0) break;
    }
  }
  dns_reply(dns, asker, query, dns->scratch, dns_end(&answer));
  return 1;
}

/* `packet` is not in the scratch memory. */
static void take_query(struct dns *dns, const struct dns_asker *asker, const uint8_t *packet, size_t size) {
  struct dns_query query;
  int status = dns_parse_query(packet, size, &query);
  if (status < 0) return;
  if (status > 0) {
    dns_reply_code(dns, asker, &query, packet, status);
    return;
  }
  if (dns_table_refresh(&dns->table)) dns_cache_flush(dns->cache);
  if (answer_own(dns, asker, &query, packet)) return;
  size_t kept = dns_cache_get(dns->cache, packet, &query, dns_now() / 1000, dns->scratch);
  if (kept) {
    dns_egress_reply(&dns->egress, dns->loop, &dns->table, &query, dns->scratch, kept);
    dns_reply(dns, asker, &query, dns->scratch, kept);
    return;
  }
  dns_forward(dns, asker, &query, packet, size);
}

static void udp_ready(struct source *source, uint32_t events) {
  struct dns *dns = (struct dns *) ((char *) source - offsetof(struct dns, udp));
  static uint8_t packet[DNS_MAX];
  for (int i = 0; i < BURST; i++) {
    struct dns_asker asker = {0};
    socklen_t size = sizeof asker.address;
    ssize_t n = recvfrom(source->fd, packet, sizeof packet, 0, (struct sockaddr *) &asker.address, &size);
    if (n < 0) return;
    take_query(dns, &asker, packet, (size_t) n);
  }
}

static void client_ready(struct source *source, uint32_t events) {
  struct dns_client *client = (struct dns_client *) source;
  if (events & EPOLLOUT) client_flush(client);
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  char *room = buffer_reserve(&client->in, 4096);
  ssize_t n = room ? recv(source->fd, room, 4096, 0) : 0;
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    client_free(client);
    return;
  }
  client->in.end += (size_t) n;
  client_awake(client);
  struct dns_asker asker = {.client = client};
  for (;;) {
    size_t have = buffer_size(&client->in);
    const uint8_t *head = (const uint8_t *) buffer_head(&client->in);
    if (have < 2 || have < (size_t) dns_word(head) + 2) return;
    size_t size = dns_word(head);
    take_query(client->dns, &asker, head + 2, size);
    buffer_consume(&client->in, size + 2);
  }
}

static void tcp_ready(struct source *source, uint32_t events) {
  struct dns *dns = (struct dns *) ((char *) source - offsetof(struct dns, tcp));
  int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  struct dns_client *client = dns->client_count < CLIENTS ? calloc(1, sizeof *client) : NULL;
  if (client) {
    client->source = (struct source){.fd = fd, .ready = client_ready};
    client->dns = dns;
  }
  if (!client || loop_add(dns->loop, &client->source, EPOLLIN) < 0) {
    free(client);
    close(fd);
    return;
  }
  client->next = dns->clients;
  dns->clients = client;
  dns->client_count++;
  client_awake(client);
}

static int bind_to(int fd, int port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t) port), .sin_addr.s_addr = htonl(DNS_NAT_ADDRESS)};
  return bind(fd, (const struct sockaddr *) &address, sizeof address);
}

/* Both sockets on one port. Returns 0, or -1 when it is taken. */
static int open_sockets(struct dns *dns, int port) {
  int one = 1;
  dns->udp.fd = netns_socket(dns->netns, AF_INET, SOCK_DGRAM, 0);
  dns->tcp.fd = netns_socket(dns->netns, AF_INET, SOCK_STREAM, 0);
  if (dns->udp.fd >= 0 && dns->tcp.fd >= 0) {
    setsockopt(dns->tcp.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind_to(dns->udp.fd, port) == 0 && bind_to(dns->tcp.fd, port) == 0 && listen(dns->tcp.fd, CLIENTS) == 0) return 0;
  }
  int saved = errno;
  if (dns->udp.fd >= 0) close(dns->udp.fd);
  if (dns->tcp.fd >= 0) close(dns->tcp.fd);
  dns->udp.fd = dns->tcp.fd = -1;
  errno = saved;
  return -1;
}

/* On a port that hardly any program uses, with the rules that lead to it; where the kernel has no packet filter, on 53. */
static int serve(struct dns *dns, struct error *err) {
  enum { FIRST = 1023, LAST = 1000 };
  int port = FIRST;
  while (port >= LAST && open_sockets(dns, port) < 0) port--;
  if (port >= LAST && dns_nat_install(dns->netns, port, err) == 0) return 0;
  if (dns->udp.fd >= 0) {
    close(dns->udp.fd);
    close(dns->tcp.fd);
  }
  if (open_sockets(dns, DNS_NAT_PORT) < 0) return fail(err, "dns", errno, "listen on 127.0.0.11:53");
  return 0;
}

struct dns *dns_start(struct loop *loop, int netns, const char *file, struct error *err) {
  struct dns *dns = calloc(1, sizeof *dns);
  if (!dns) {
    fail(err, "dns", ENOMEM, "name service");
    return NULL;
  }
  dns->loop = loop;
  dns->udp = (struct source){.fd = -1, .ready = udp_ready};
  dns->tcp = (struct source){.fd = -1, .ready = tcp_ready};
  dns->netns = fcntl(netns, F_DUPFD_CLOEXEC, 3);
  dns->cache = dns_cache_new();
  dns->scratch = malloc(DNS_MAX + DNS_HEAD);
  if (dns->netns < 0 || !dns->scratch || dns_table_open(&dns->table, file) < 0) {
    fail(err, "dns", errno, "name service");
  } else if (serve(dns, err) == 0) {
    if (loop_add(loop, &dns->udp, EPOLLIN) == 0 && loop_add(loop, &dns->tcp, EPOLLIN) == 0) return dns;
    fail(err, "dns", errno, "watch the name service");
  }
  dns_stop(dns);
  return NULL;
}

void dns_stop(struct dns *dns) {
  while (dns->clients) client_free(dns->clients);
  dns_forget(dns, NULL);
  if (dns->udp.fd >= 0) {
    loop_remove(dns->loop, &dns->udp);
    loop_remove(dns->loop, &dns->tcp);
    close(dns->udp.fd);
    close(dns->tcp.fd);
  }
  if (dns->netns >= 0) close(dns->netns);
  dns_table_close(&dns->table);
  dns_cache_free(dns->cache);
  dns_egress_free(dns->egress);
  free(dns->scratch);
  free(dns);
}

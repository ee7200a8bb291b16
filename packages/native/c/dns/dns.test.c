/* The name service: messages, tables, cache, and a service in a network namespace with a server to forward to. */
#include "dns/dns.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dns/cache.h"
#include "dns/nat.h"
#include "dns/packet.h"
#include "dns/table.h"

#define CHECK(what)                                              \
  do {                                                           \
    if (!(what)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
      exit(1);                                                   \
    }                                                            \
  } while (0)

static char folder[] = "/tmp/berth-dns-test-XXXXXX";

static void put(const char *name, const char *text) {
  char path[256], new[264];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  snprintf(new, sizeof new, "%s.new", path);
  FILE *file = fopen(new, "w");
  CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0 && rename(new, path) == 0);
}

static size_t make_query(uint8_t *out, uint16_t id, const char *name, uint16_t type, int edns_size) {
  memset(out, 0, DNS_HEAD);
  dns_put_word(out, id);
  dns_put_word(out + 2, DNS_RD);
  dns_put_word(out + 4, 1);
  size_t size = DNS_HEAD + dns_encode_name(name, out + DNS_HEAD);
  dns_put_word(out + size, type);
  dns_put_word(out + size + 2, DNS_IN);
  size += 4;
  if (edns_size) {
    dns_put_word(out + 10, 1);
    memset(out + size, 0, 11);
    dns_put_word(out + size + 1, DNS_OPT);
    dns_put_word(out + size + 3, (unsigned) edns_size);
    size += 11;
  }
  return size;
}

static void test_packets(void) {
  uint8_t packet[1024], answer_bytes[DNS_MAX];
  struct dns_query query;
  size_t size = make_query(packet, 7, "WEB.Example", DNS_A, 1232);
  CHECK(dns_parse_query(packet, size, &query) == 0);
  CHECK(query.id == 7 && !strcmp(query.name, "web.example") && query.type == DNS_A && query.edns && query.limit == 1232);
  CHECK(dns_parse_query(packet, 11, &query) == -1);
  CHECK(dns_parse_query(packet, DNS_HEAD + 3, &query) == DNS_FORMERR);
  packet[2] |= 0x80;
  CHECK(dns_parse_query(packet, size, &query) == -1);
  packet[2] = 0x11;
  CHECK(dns_parse_query(packet, size, &query) == DNS_NOTIMP);

  size = make_query(packet, 7, "many", DNS_A, 0);
  CHECK(dns_parse_query(packet, size, &query) == 0 && query.limit == DNS_PLAIN);
  struct dns_answer answer;
  dns_begin(&answer, answer_bytes, query.limit, packet, &query, 0);
  int added = 0;
  while (dns_add(&answer, DNS_A, 5, "\x0a\0\0\1", 4) == 0) added++;
  size = dns_end(&answer);
  CHECK(size <= DNS_PLAIN && added == (512 - (int) query.question_end) / 16 && dns_truncated(answer_bytes));
  CHECK(dns_word(answer_bytes + 6) == added && dns_matches(packet, query.question_end, answer_bytes, size));

  uint8_t address[16], expected[16];
  CHECK(dns_reverse_address("2.0.17.172.in-addr.arpa", address) == 4 && !memcmp(address, "\xac\x11\0\2", 4));
  CHECK(!dns_reverse_address("2.0.17.372.in-addr.arpa", address) && !dns_reverse_address("in-addr.arpa", address));
  inet_pton(AF_INET6, "fd00:1:2::ab", expected);
  CHECK(dns_reverse_address("b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa", address) == 16);
  CHECK(!memcmp(address, expected, 16));

  /* Messages with single bytes changed do no harm. */
  srandom(1);
  for (int i = 0; i < 20000; i++) {
    static uint8_t copy[DNS_MAX];
    uint8_t *exact = malloc(size);
    memcpy(exact, answer_bytes, size);
    for (int k = 0; k < 4; k++) exact[(size_t) random() % size] = (uint8_t) random();
    dns_lifetime(exact, size);
    dns_age(exact, size, 3);
    memcpy(copy, exact, size);
    dns_parse_query(exact, (size_t) random() % size, &query);
    exact[2] &= 0x7f;
    dns_put_word(exact + 6, 0);
    dns_put_word(exact + 8, 0);
    dns_parse_query(exact, size, &query);
    free(exact);
  }
}

static void test_table(void) {
  char path[256], text[1024];
  struct dns_table table;
  static struct dns_addresses found;
  put("net1",
      "network front\nweb 10.0.0.2 fd00::2\nSite 10.0.0.2 fd00::2\nsvc 10.0.0.2 -\nsvc 10.0.0.3 -\nsvc 10.0.0.4 -\nfour 10.0.0.9 -\n");
  put("net2", "network back.end\ndb 10.1.0.2 -\nweb 10.1.0.3 -\n");
  put("resolv", "# host\nnameserver 9.9.9.9\nnameserver fe80::1%lo\nsearch x\n");
  snprintf(
      text, sizeof text,
      "names %s/net1\nlink gone db\nnames %s/net2\nlink cache db\nupstream 1.2.3.4#5353\nresolvconf %s/resolv\nport tcp 0.0.0.0 80 10.0.0.2 80\n",
      folder, folder, folder);
  put("sandbox", text);
  snprintf(path, sizeof path, "%s/sandbox", folder);
  CHECK(dns_table_open(&table, path) == 0);
  CHECK(table.network_count == 2 && table.server_count == 3 && table.servers[0].inside && !table.servers[1].inside);
  CHECK(((struct sockaddr_in *) &table.servers[0].address)->sin_port == htons(5353));

  CHECK(dns_table_find(&table, "web", AF_INET, &found) && found.count == 1 && !memcmp(found.list[0], "\x0a\0\0\2", 4));
  CHECK(dns_table_find(&table, "site", AF_INET6, &found) && found.count == 1 && found.list[0][15] == 2);
  CHECK(dns_table_find(&table, "four", AF_INET6, &found) && found.count == 0);
  CHECK(dns_table_find(&table, "cache", AF_INET, &found) && found.count == 1 && found.list[0][1] == 1);
  CHECK(dns_table_find(&table, "Cache.back.end", AF_INET, &found) && found.count == 1 && found.list[0][1] == 1);
  CHECK(!dns_table_find(&table, "cache.front", AF_INET, &found) && !dns_table_find(&table, "cache.", AF_INET, &found));
  CHECK(!dns_table_find(&table, "gone", AF_INET, &found)); /* its target is on another network */
  CHECK(dns_table_find(&table, "web.back.end", AF_INET, &found) && found.count == 1 && found.list[0][1] == 1);
  CHECK(dns_table_find(&table, "web.front", AF_INET, &found) && found.list[0][1] == 0);
  CHECK(!dns_table_find(&table, "nobody", AF_INET, &found) && !dns_table_find(&table, "", AF_INET, &found));
  CHECK(!dns_table_find(&table, "we", AF_INET, &found) && !dns_table_find(&table, "network", AF_INET, &found));
  unsigned first = 0;
  for (int i = 0; i < 3; i++) {
    CHECK(dns_table_find(&table, "svc", AF_INET, &found) && found.count == 3);
    first |= 1u << found.list[0][3];
  }
  CHECK(first == (1 << 2 | 1 << 3 | 1 << 4));
  char name[512];
  CHECK(dns_table_reverse(&table, (const uint8_t *) "\x0a\0\0\2", 4, name) && !strcmp(name, "web.front"));
  CHECK(!dns_table_reverse(&table, (const uint8_t *) "\x0a\0\0\7", 4, name));

  put("net1", "network front\nnew 10.0.0.5 -\n");
  put("resolv", "nameserver 8.8.4.4\n");
  CHECK(dns_table_refresh(&table) == 1 && table.server_count == 2);
  CHECK(dns_table_find(&table, "new", AF_INET, &found) && !dns_table_find(&table, "site", AF_INET, &found));
  CHECK(dns_table_refresh(&table) == 0);
  snprintf(path, sizeof path, "%s/net1", folder);
  unlink(path);
  dns_table_refresh(&table);
  CHECK(!dns_table_find(&table, "new", AF_INET, &found));
  dns_table_close(&table);
}

static void test_cache(void) {
  uint8_t packet[512], reply[512], out[DNS_MAX];
  struct dns_query query;
  struct dns_cache *cache = dns_cache_new();
  size_t size = make_query(packet, 1, "a.example", DNS_A, 0);
  dns_parse_query(packet, size, &query);
  struct dns_answer answer;
  dns_begin(&answer, reply, sizeof reply, packet, &query, 0);
  dns_add(&answer, DNS_A, 60, "\1\2\3\4", 4);
  size_t reply_size = dns_end(&answer);
  dns_cache_put(cache, packet, &query, 100, reply, reply_size);
  size = make_query(packet, 2, "A.Example", DNS_A, 0);
  dns_parse_query(packet, size, &query);
  CHECK(dns_cache_get(cache, packet, &query, 110, out) == reply_size);
  CHECK(dns_word(out) == 2 && !memcmp(out + DNS_HEAD, packet + DNS_HEAD, size - DNS_HEAD));
  struct dns_record record;
  size_t at = 0;
  unsigned number = 0;
  CHECK(dns_next(out, reply_size, &at, &number, &record) == 1 && record.ttl == 50);
  CHECK(dns_cache_get(cache, packet, &query, 161, out) == 0);
  /* It does not grow without end. */
  for (int i = 0; i < 5000; i++) {
    char name[32];
    snprintf(name, sizeof name, "n%d.example", i);
    size = make_query(packet, 3, name, DNS_A, 0);
    dns_parse_query(packet, size, &query);
    dns_begin(&answer, reply, sizeof reply, packet, &query, 0);
    dns_add(&answer, DNS_A, 60, "\1\2\3\4", 4);
    dns_cache_put(cache, packet, &query, 100, reply, dns_end(&answer));
  }
  CHECK(dns_cache_get(cache, packet, &query, 100, out) > 0);
  dns_cache_free(cache);
}

/* A server on the host's loopback: answers every A question 7.7.7.7, NXDOMAIN for names that begin with "no". */
static int served;

static void serve_one(struct source *source, uint32_t events) {
  uint8_t packet[2048], reply[2048];
  struct sockaddr_in from;
  socklen_t from_size = sizeof from;
  struct dns_query query;
  struct dns_answer answer;
  ssize_t n = recvfrom(source->fd, packet, sizeof packet, 0, (struct sockaddr *) &from, &from_size);
  if (n < 0 || dns_parse_query(packet, (size_t) n, &query) != 0) return;
  served++;
  dns_begin(&answer, reply, sizeof reply, packet, &query, query.name[0] == 'n' ? DNS_NXDOMAIN : 0);
  if (query.name[0] != 'n') dns_add(&answer, DNS_A, 60, "\7\7\7\7", 4);
  sendto(source->fd, reply, dns_end(&answer), 0, (struct sockaddr *) &from, from_size);
}

static struct loop *loop;
static uint8_t got[DNS_MAX];
static ssize_t got_size;

static void got_reply(struct source *source, uint32_t events) {
  got_size = recv(source->fd, got, sizeof got, 0);
  loop_stop(loop);
}

static void too_late(void *data) {
  got_size = -1;
  loop_stop(loop);
}

/* Asks from inside the namespace. Returns the rcode, or -1; `got` has the answer. */
static int ask(int netns, const char *name, uint16_t type, int tcp) {
  uint8_t packet[600];
  size_t size = make_query(packet + 2, 99, name, type, 0);
  struct source source = {.fd = netns_socket(netns, AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0), .ready = got_reply};
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x7f00000b)};
  CHECK(source.fd >= 0);
  fcntl(source.fd, F_SETFL, 0);
  CHECK(connect(source.fd, (struct sockaddr *) &server, sizeof server) == 0);
  dns_put_word(packet, (unsigned) size);
  CHECK(send(source.fd, tcp ? packet : packet + 2, tcp ? size + 2 : size, 0) > 0);
  CHECK(loop_add(loop, &source, EPOLLIN) == 0);
  int timer = loop_timer(loop, 6000, too_late, NULL);
  loop_run(loop);
  loop_cancel(loop, timer);
  loop_remove(loop, &source);
  close(source.fd);
  if (got_size < 0) return -1;
  if (tcp) memmove(got, got + 2, (size_t) got_size - 2);
  CHECK(dns_word(got) == 99);
  return dns_rcode(got);
}

static void test_service(void) {
  int ready[2];
  CHECK(pipe(ready) == 0);
  pid_t child = fork();
  if (child == 0) {
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    if (unshare(CLONE_NEWNET) < 0) _exit(1);
    ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &lo);
    write(ready[1], "x", 1);
    pause();
    _exit(0);
  }
  char path[64], byte;
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 1) {
    printf("dns: no network namespace can be made here; the service is not tested\n");
    return;
  }
  snprintf(path, sizeof path, "/proc/%d/ns/net", child);
  int netns = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(netns >= 0);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);

  loop = loop_new();
  struct source server = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .ready = serve_one};
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t at_size = sizeof at;
  CHECK(bind(server.fd, (struct sockaddr *) &at, sizeof at) == 0 && loop_add(loop, &server, EPOLLIN) == 0);
  getsockname(server.fd, (struct sockaddr *) &at, &at_size);
  char text[512];
  put("net", "network mynet\nweb 10.0.0.2 -\n");
  /* The first server is not there: nothing listens on the namespace's port 9. */
  snprintf(text, sizeof text, "names %s/net\nupstream 127.0.0.1#9\nhostupstream 127.0.0.1#%d\n", folder, ntohs(at.sin_port));
  put("live", text);
  char file[256];
  snprintf(file, sizeof file, "%s/live", folder);
  struct error err;
  struct dns *dns = dns_start(loop, netns, file, &err);
  if (!dns) fprintf(stderr, "%s\n", err.message);
  CHECK(dns);

  for (int tcp = 0; tcp < 2; tcp++) {
    CHECK(ask(netns, "WEB", DNS_A, tcp) == 0 && dns_word(got + 6) == 1);
    CHECK(ask(netns, "web", DNS_AAAA, tcp) == 0 && dns_word(got + 6) == 0);
    CHECK(ask(netns, "2.0.0.10.in-addr.arpa", DNS_PTR, tcp) == 0 && dns_word(got + 6) == 1);
  }
  CHECK(served == 0);
  CHECK(ask(netns, "other.example", DNS_A, 0) == 0 && dns_word(got + 6) == 1 && served == 1);
  CHECK(ask(netns, "other.example", DNS_A, 0) == 0 && dns_word(got + 6) == 1 && served == 1);
  CHECK(ask(netns, "no.example", DNS_A, 0) == DNS_NXDOMAIN && served == 2);
  /* A program of the container may be a name server itself. */
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(53)};
  int fd = netns_socket(netns, AF_INET, SOCK_DGRAM, 0);
  CHECK(bind(fd, (struct sockaddr *) &any, sizeof any) == 0);
  close(fd);
  /* Without a server to ask. */
  snprintf(text, sizeof text, "names %s/net\n", folder);
  put("live", text);
  CHECK(ask(netns, "other.example", DNS_A, 0) == DNS_SERVFAIL && ask(netns, "web", DNS_A, 0) == 0);
  dns_stop(dns);
  loop_remove(loop, &server);
  close(server.fd);
  close(netns);
}

int main(void) {
  CHECK(mkdtemp(folder));
  test_packets();
  test_table();
  test_cache();
  test_service();
  char command[300];
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(system(command) == 0);
  printf("dns: ok\n");
  return 0;
}

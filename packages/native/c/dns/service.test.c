/* The name service in a network namespace, with a server to forward to. */
#include "dns/dns.h"

#include <arpa/inet.h>
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

#include "dns/nat.h"
#include "dns/packet.h"
#include "dns/testing.h"

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
  snprintf(text, sizeof text, "names %s/net\nupstream 127.0.0.1#9\nhostupstream 127.0.0.1#%d\n", directory, ntohs(at.sin_port));
  put("live", text);
  char file[256];
  snprintf(file, sizeof file, "%s/live", directory);
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
  snprintf(text, sizeof text, "names %s/net\n", directory);
  put("live", text);
  CHECK(ask(netns, "other.example", DNS_A, 0) == DNS_SERVFAIL && ask(netns, "web", DNS_A, 0) == 0);
  dns_stop(dns);
  loop_remove(loop, &server);
  close(server.fd);
  close(netns);
}

int main(void) {
  CHECK(mkdtemp(directory));
  test_service();
  remove_directory();
  printf("dns service: ok\n");
  return 0;
}

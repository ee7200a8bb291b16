/* berth-native probe PID tcp HOST PORT
 *                        unix PATH
 *                        http HOST PORT REQUEST
 *                        v6only PORT
 * Finds out whether a service of a container answers: from its network namespace, by addresses as it sees them, or by a
 * socket in its root. REQUEST is what is sent; a status of 200 to 399 is good. The first bytes of the answer go to the standard
 * output, a reason to the standard error. `v6only` asks no service: it tells, by 0, that the TCP sockets which listen at that
 * port take no IPv4, which /proc does not show. Ends with 0 or 1; who calls it kills it when it takes too long. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/inroot.h"
#include "base/records/fields.h"

enum { answer_most = 4096, port_most = 65535 };

/* The question; members that a kind has no field for stay zero. */
struct probe_request {
  long pid;
  const char *kind;
  const char *host, *path, *request;
  long port;
};

static int refuse(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  return 1;
}

/* Enters the container's network namespace; -1 when it was refused, which is told. */
static int join_network(long pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/ns/net", pid);
  cleanup_close int ns = open(path, O_RDONLY | O_CLOEXEC);
  if (ns >= 0 && setns(ns, CLONE_NEWNET) == 0) return 0;
  refuse("the container's network", strerror(errno));
  return -1;
}

/* Numbers alone are addresses here: names would be looked up with the host's files. */
static int connect_to(const char *host, long port) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};
  int is_four = inet_pton(AF_INET, host, &four.sin_addr) == 1;
  if (!is_four && inet_pton(AF_INET6, host, &six.sin6_addr) != 1) {
    errno = EINVAL;
    return -1;
  }
  cleanup_close int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct sockaddr *address = is_four ? (struct sockaddr *) &four : (struct sockaddr *) &six;
  if (fd < 0 || connect(fd, address, is_four ? sizeof four : sizeof six) < 0) return -1;
  return steal_fd(&fd);
}

static int probe_unix(const struct probe_request *asked) {
  const char *path = asked->path;
  char root_path[64];
  snprintf(root_path, sizeof root_path, "/proc/%ld/root", asked->pid);
  cleanup_close int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int place = root < 0 ? -1 : inroot_open(root, path, O_PATH, INROOT_FOLLOW);
  if (place < 0) return refuse(path, strerror(errno));
  /* A descriptor's name is short enough for an address, and leads to the socket alone. */
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", place);
  cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) < 0) return refuse(path, strerror(errno));
  return 0;
}

/* Connects from the container's network namespace; -1 when that failed, which is told. */
static int open_service(const struct probe_request *asked) {
  if (join_network(asked->pid) < 0) return -1;
  int fd = connect_to(asked->host, asked->port);
  if (fd < 0) fprintf(stderr, "connect to %s port %ld: %s\n", asked->host, asked->port, strerror(errno));
  return fd;
}

static int probe_tcp(const struct probe_request *asked) {
  cleanup_close int fd = open_service(asked);
  return fd < 0 ? 1 : 0;
}

static int probe_http(const struct probe_request *asked) {
  cleanup_close int fd = open_service(asked);
  if (fd < 0) return 1;
  const char *request = asked->request;
  size_t left = strlen(request), size = 0;
  while (left) {
    ssize_t n = send(fd, request, left, MSG_NOSIGNAL);
    if (n < 0) return refuse("send", strerror(errno));
    request += n;
    left -= (size_t) n;
  }
  char answer[answer_most + 1];
  while (size < answer_most) {
    ssize_t n = recv(fd, answer + size, answer_most - size, 0);
    if (n <= 0) break;
    size += (size_t) n;
  }
  answer[size] = 0;
  int status;
  if (sscanf(answer, "HTTP/%*d.%*d %d", &status) != 1) return refuse("http", "the answer is no HTTP");
  fwrite(answer, 1, size, stdout);
  return status >= 200 && status < 400 ? 0 : 1;
}

enum { state_listen = 10 }; /* TCP_LISTEN of the kernel's tcp_states.h */

/* Counts the listening sockets of an answer that have the port, and those that take IPv6 alone. */
static void count_listeners(const struct nlmsghdr *message, in_port_t port, int *all, int *only) {
  const struct inet_diag_msg *socket = NLMSG_DATA(message);
  if (socket->id.idiag_sport != port) return;
  (*all)++;
  int left = (int) (message->nlmsg_len - NLMSG_LENGTH(sizeof *socket));
  for (const struct rtattr *rta = (const struct rtattr *) (socket + 1); RTA_OK(rta, left); rta = RTA_NEXT(rta, left))
    if (rta->rta_type == INET_DIAG_SKV6ONLY && *(const unsigned char *) RTA_DATA(rta)) (*only)++;
}

static int probe_v6only(const struct probe_request *asked) {
  if (join_network(asked->pid) < 0) return 1;
  cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 what;
  } request = {
      .head = {.nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .what = {.sdiag_family = AF_INET6, .sdiag_protocol = IPPROTO_TCP, .idiag_states = 1 << state_listen}};
  if (fd < 0 || send(fd, &request, sizeof request, 0) < 0) return refuse("sockets", strerror(errno));
  int all = 0, only = 0;
  for (;;) {
    _Alignas(struct nlmsghdr) char buffer[16384];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return refuse("sockets", n ? strerror(errno) : "no answer");
    int left = (int) n;
    for (struct nlmsghdr *message = (struct nlmsghdr *) buffer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_ERROR) return refuse("sockets", "the kernel tells nothing of them");
      if (message->nlmsg_type == NLMSG_DONE) return all && all == only ? 0 : 1;
      count_listeners(message, htons((uint16_t) asked->port), &all, &only);
    }
  }
}

#define ASKED PLACED(FIELD_NUMBER, probe_request, pid), PLACED(FIELD_WORD, probe_request, kind)
#define SERVICE PLACED(FIELD_WORD, probe_request, host), PLACED(FIELD_NUMBER, probe_request, port)
static const struct field tcp_fields[] = {ASKED, SERVICE, FIELDS_END};
static const struct field http_fields[] = {ASKED, SERVICE, PLACED(FIELD_WORD, probe_request, request), FIELDS_END};
static const struct field unix_fields[] = {ASKED, PLACED(FIELD_WORD, probe_request, path), FIELDS_END};
static const struct field v6only_fields[] = {ASKED, PLACED(FIELD_NUMBER, probe_request, port), FIELDS_END};

static const struct kind {
  const char *name;
  const struct field *fields;
  int (*run)(const struct probe_request *asked);
} KINDS[] = {
    {"tcp", tcp_fields, probe_tcp},
    {"http", http_fields, probe_http},
    {"unix", unix_fields, probe_unix},
    {"v6only", v6only_fields, probe_v6only},
};

/* The kind whose name is the second argument, or NULL. */
static const struct kind *kind_of(const struct launch_record *record) {
  for (size_t i = 0; record->argc > 2 && i < sizeof KINDS / sizeof KINDS[0]; i++) {
    if (!strcmp(KINDS[i].name, record->argv[2])) return &KINDS[i];
  }
  return NULL;
}

int probe_main(int argc, char **argv) {
  const struct launch_record record = {.argc = argc, .argv = (const char **) argv};
  const struct kind *kind = kind_of(&record);
  if (!kind) return refuse("probe", "neither tcp, http, unix nor v6only");
  struct probe_request asked = {0};
  struct error err = {0};
  if (fields_decode("probe", kind->fields, &record, &asked, NULL, &err) < 0) {
    fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  if (asked.pid < 1) return refuse("probe", "no process has that number");
  if (kind->run != probe_unix && (asked.port < 1 || asked.port > port_most)) return refuse("probe", "no port has that number");
  return kind->run(&asked);
}

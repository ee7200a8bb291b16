/* The worker's loop: frames in (u32 length, u32 request, records), frames out. One request is one batch of operations,
   worked off in order until one fails. */
#include "network/net.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"

/* ping: whether this process is there. */
static int ping(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  (void) net, (void) asked, (void) err;
  reply_put(reply, "ok");
  return 0;
}

static const struct {
  const char *name;
  const struct field *fields;
  net_operation *run;
} OPERATIONS[] = {
    {"sandbox", sandbox_fields, net_op_sandbox},
    {"bridge", bridge_fields, net_op_bridge},
    {"link", link_fields, net_op_link},
    {"endpoint", endpoint_fields, net_op_endpoint},
    {"routes", routes_fields, net_op_routes},
    {"unplug", unplug_fields, net_op_unplug},
    {"unlink", unlink_fields, net_op_unlink},
    {"links", no_fields, net_op_links},
    {"taken", no_fields, net_op_taken},
    {"addresses", addresses_fields, net_op_addresses},
    {"stats", stats_fields, net_op_stats},
    {"listen", listen_fields, net_op_listen},
    {"elements", elements_fields, net_op_elements},
    {"forget", forget_fields, net_op_forget},
    {"close", close_fields, net_op_close},
    {"ping", no_fields, ping},
};

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static int write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    bytes += n;
    size -= (size_t) n;
  }
  return 0;
}

void net_send(uint32_t id, const void *bytes, size_t size) {
  cleanup_free char *frame = malloc(size + 8);
  if (!frame) return;
  uint32_t length = (uint32_t) size + 4;
  memcpy(frame, &length, 4);
  memcpy(frame + 4, &id, 4);
  memcpy(frame + 8, bytes, size);
  pthread_mutex_lock(&output);
  if (write_all(STDOUT_FILENO, frame, size + 8) < 0) _exit(0); /* the daemon has gone */
  pthread_mutex_unlock(&output);
}

void reply_record(struct reply *reply, int count, const char *const *strings) {
  size_t need = 1;
  for (int i = 0; i < count; i++) need += strlen(strings[i]) + 1;
  if (reply->size + need > reply->room) {
    size_t room = (reply->size + need) * 2 + 256;
    char *bytes = realloc(reply->bytes, room);
    if (!bytes) return;
    reply->bytes = bytes;
    reply->room = room;
  }
  reply->bytes[reply->size++] = (char) count;
  for (int i = 0; i < count; i++) {
    size_t size = strlen(strings[i]) + 1;
    memcpy(reply->bytes + reply->size, strings[i], size);
    reply->size += size;
  }
}

/* Decodes an operation's record. `words` receives what lists point into, for the caller to free. */
static int decode(const struct field *fields, const struct launch_record *record, union net_request *asked, const char ***words,
                  struct error *err) {
  *words = calloc((size_t) record->argc, sizeof **words);
  if (!*words) return fail(err, "net", ENOMEM, "operation %s", record->argv[0]);
  return net_decode(fields, record, asked, *words, err);
}

static int run(struct net *net, const struct launch_record *record, struct reply *reply, struct error *err) {
  for (size_t i = 0; i < sizeof OPERATIONS / sizeof OPERATIONS[0]; i++) {
    if (strcmp(OPERATIONS[i].name, record->argv[0])) continue;
    union net_request asked;
    cleanup_free const char **words = NULL;
    if (decode(OPERATIONS[i].fields, record, &asked, &words, err) < 0) return -1;
    return OPERATIONS[i].run(net, &asked, reply, err);
  }
  return fail(err, "net", ENOSYS, "operation %s", record->argv[0]);
}

/* Whether the request is a release, which the reaper answers. */
static int release(struct net *net, uint32_t id, const struct launch *launch) {
  union net_request asked;
  struct error err = {0};
  cleanup_free const char **words = NULL;
  if (launch->count != 1 || strcmp(launch->records[0].argv[0], "release") != 0) return 0;
  if (decode(release_fields, &launch->records[0], &asked, &words, &err) < 0) return 0;
  struct sandbox *found = NULL;
  for (struct sandbox **at = &net->sandboxes; *at; at = &(*at)->next) {
    if (strcmp((*at)->id, asked.release.id)) continue;
    found = *at;
    *at = found->next;
    break;
  }
  reaper_push(id, found, &asked.release.links);
  return 1;
}

static void request(struct net *net, uint32_t id, const char *bytes, size_t size) {
  struct launch launch;
  struct error err = {0};
  struct reply reply = {0};
  if (launch_parse(bytes, size, &launch, &err) < 0) _exit(2);
  if (release(net, id, &launch)) {
    launch_free(&launch);
    return;
  }
  for (size_t i = 0; i < launch.count; i++) {
    if (run(net, &launch.records[i], &reply, &err) == 0) continue;
    char index[24], status[12];
    snprintf(index, sizeof index, "%zu", i);
    snprintf(status, sizeof status, "%d", err.status);
    reply_put(&reply, "error", index, err.stage, status, err.message);
    break;
  }
  net_send(id, reply.bytes ? reply.bytes : "", reply.size);
  free(reply.bytes);
  launch_free(&launch);
}

static char *input;
static size_t input_size, input_room;

/* Takes in what the daemon sent and works off the whole frames. Returns 0 at the end of input. */
static int take_in(struct net *net) {
  if (input_room - input_size < 65536) {
    char *bigger = realloc(input, input_room + 131072);
    if (!bigger) return 0;
    input = bigger;
    input_room += 131072;
  }
  ssize_t n = read(STDIN_FILENO, input + input_size, input_room - input_size);
  if (n < 0 && errno == EINTR) return 1;
  if (n <= 0) return 0;
  input_size += (size_t) n;
  size_t at = 0;
  while (input_size - at >= 8) {
    uint32_t length, id;
    memcpy(&length, input + at, 4);
    memcpy(&id, input + at + 4, 4);
    if (length < 4 || length > (64u << 20)) return 0;
    if (input_size - at - 4 < length) break;
    request(net, id, input + at + 8, length - 4);
    at += 4 + (size_t) length;
  }
  memmove(input, input + at, input_size - at);
  input_size -= at;
  return 1;
}

int net_main(int argc, char **argv) {
  static struct net net = {.firewall.fd = -1};
  struct error err = {0};
  const struct launch_record words = {.argc = argc, .argv = (const char **) argv};
  struct net_arguments asked = {0};
  if (fields_decode("net", net_argument_fields, &words, &asked, NULL, &err) < 0) {
    fprintf(stderr, "berth-native %s\n", err.message);
    return 2;
  }
  net.group = (uint32_t) asked.group;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, SIG_IGN); /* a ^C typed at the daemon: it stops in its own order */
  prctl(PR_SET_NAME, "berth-net");
  /* Besides the end of its input, which a stopped process does not see: it would keep its ports for ever. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  net.host_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (net.host_ns < 0 || netlink_open(&net.host, NETLINK_ROUTE, &err) < 0) {
    fprintf(stderr, "berth-native net: %s\n", err.message);
    return 1;
  }
  pool_start(&net);
  reaper_start(&net);
  int watch = asked.table ? nftwatch_open(asked.table) : -1;
  struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = watch, .events = POLLIN}};
  for (;;) {
    if (poll(polled, 2, -1) < 0 && errno != EINTR) return 1;
    if (polled[1].revents & POLLIN) nftwatch_ready(watch);
    if (polled[0].revents && !take_in(&net)) return 0;
  }
}

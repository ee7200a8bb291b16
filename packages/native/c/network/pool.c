/* Network namespaces, made ahead by a thread (a new one costs about a millisecond) with loopback up and one end of a veth
   pair inside; and the thread that gives them back (deleting a link waits for the kernel's grace periods). */
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/namespaces/namespaces.h"
#include "network/link.h"
#include "network/net.h"

enum { READY = 3 };

static struct {
  pthread_mutex_t lock;
  pthread_cond_t wanted;
  struct sandbox *ready;
  int count;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .wanted = PTHREAD_COND_INITIALIZER};

static void write_file(const char *path, const char *value) {
  cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0 && write(fd, value, strlen(value)) < 0) return; /* such a switch is missing without IPv6 */
}

void sandbox_sysctl(struct net *net, struct sandbox *sandbox, const char *value, const char *format, ...) {
  char path[160];
  int n = snprintf(path, sizeof path, "/proc/sys/");
  va_list args;
  va_start(args, format);
  vsnprintf(path + n, sizeof path - (size_t) n, format, args);
  va_end(args);
  if (setns(sandbox->ns, CLONE_NEWNET) < 0) return;
  write_file(path, value);
  if (setns(net->host_ns, CLONE_NEWNET) < 0) abort(); /* never go on in a container's namespace */
}

void sandbox_free(struct sandbox *sandbox) {
  if (!sandbox) return;
  netlink_close(&sandbox->netlink);
  if (sandbox->ns >= 0) close(sandbox->ns);
  free(sandbox);
}

/* A veth pair whose one end is eth0 in the namespace of `netlink`, the other, still down, in the host's. */
static int spare_pair(struct sandbox *sandbox, int host_ns, struct netlink_batch *batch, struct error *err) {
  unsigned char random[4];
  if (getrandom(random, sizeof random, 0) < 0) return -1;
  snprintf(sandbox->spare, sizeof sandbox->spare, "veth%02x%02x%02x%01x", random[0], random[1], random[2], random[3] & 15);
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
  netlink_reset(batch);
  netlink_message(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  netlink_about(batch, "veth pair");
  netlink_put_string(batch, IFLA_IFNAME, "eth0");
  struct nlattr *info = netlink_nest(batch, IFLA_LINKINFO);
  netlink_put_string(batch, IFLA_INFO_KIND, "veth");
  struct nlattr *data = netlink_nest(batch, IFLA_INFO_DATA);
  struct nlattr *peer = netlink_nest(batch, VETH_INFO_PEER);
  struct ifinfomsg other = {.ifi_family = AF_UNSPEC};
  netlink_raw(batch, &other, sizeof other);
  netlink_put_string(batch, IFLA_IFNAME, sandbox->spare);
  netlink_put_u32(batch, IFLA_NET_NS_FD, (uint32_t) host_ns);
  netlink_nest_end(batch, peer);
  netlink_nest_end(batch, data);
  netlink_nest_end(batch, info);
  return netlink_commit(&sandbox->netlink, batch, NULL, err);
}

/* Makes a namespace. The calling thread is back in the host's at the end. */
static struct sandbox *sandbox_make(struct net *net, const struct launch *maps, struct netlink_batch *batch,
                                    struct error *err) {
  struct sandbox *sandbox = calloc(1, sizeof *sandbox);
  if (!sandbox) return NULL;
  sandbox->netlink.fd = sandbox->ns = -1;
  if (maps->count) {
    sandbox->ns = namespaces_owned_net(maps, err);
    if (sandbox->ns < 0 || setns(sandbox->ns, CLONE_NEWNET) < 0) goto failed;
  } else {
    if (unshare(CLONE_NEWNET) < 0) {
      fail(err, "netns", errno, "make a network namespace");
      goto failed;
    }
    sandbox->ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  }
  if (sandbox->ns < 0 || netlink_open(&sandbox->netlink, NETLINK_ROUTE, err) < 0) goto failed;

  struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  netlink_reset(batch);
  netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof header);
  netlink_about(batch, "bring up lo");
  if (netlink_commit(&sandbox->netlink, batch, NULL, err) < 0) goto failed;
  /* Links made while the default says so have no IPv6; what the container makes later is the kernel's default again. */
  write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  if (spare_pair(sandbox, net->host_ns, batch, err) < 0) sandbox->spare[0] = 0;
  write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
  if (setns(net->host_ns, CLONE_NEWNET) < 0) abort();
  sandbox->spare_index = sandbox->spare[0] ? (int) if_nametoindex(sandbox->spare) : 0;
  sandbox->inner_index = sandbox->spare_index ? net_link_index(&sandbox->netlink, batch, "eth0", NULL) : 0;
  if (sandbox->inner_index <= 0) sandbox->spare[0] = 0;
  return sandbox;
failed:
  if (setns(net->host_ns, CLONE_NEWNET) < 0) abort();
  sandbox_free(sandbox);
  return NULL;
}

static void *fill(void *data) {
  struct net *net = data;
  static struct netlink_batch batch;
  for (;;) {
    pthread_mutex_lock(&pool.lock);
    while (pool.count >= READY) pthread_cond_wait(&pool.wanted, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    struct error err = {0};
    struct sandbox *made = sandbox_make(net, &(struct launch){0}, &batch, &err);
    if (!made) {
      sleep(1); /* pool_take makes its own and tells the reason */
      continue;
    }
    pthread_mutex_lock(&pool.lock);
    made->next = pool.ready;
    pool.ready = made;
    pool.count++;
    pthread_mutex_unlock(&pool.lock);
  }
  return NULL;
}

static void thread(void *(*body)(void *), void *data) {
  pthread_t id;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  if (pthread_create(&id, &attributes, body, data) == 0) pthread_detach(id);
  pthread_attr_destroy(&attributes);
}

void pool_start(struct net *net) {
  thread(fill, net);
}

struct sandbox *pool_take(struct net *net, const char *id, const struct launch *maps, struct error *err) {
  pthread_mutex_lock(&pool.lock);
  struct sandbox *sandbox = maps->count ? NULL : pool.ready;
  if (sandbox) {
    pool.ready = sandbox->next;
    pool.count--;
    pthread_cond_signal(&pool.wanted);
  }
  pthread_mutex_unlock(&pool.lock);
  if (!sandbox) sandbox = sandbox_make(net, maps, &net->batch, err);
  if (!sandbox) return NULL;
  snprintf(sandbox->id, sizeof sandbox->id, "%s", id);
  sandbox->next = net->sandboxes;
  net->sandboxes = sandbox;
  return sandbox;
}

struct sandbox *sandbox_get(struct net *net, const char *reference, struct error *err) {
  for (struct sandbox *at = net->sandboxes; at; at = at->next) {
    if (!strcmp(at->id, reference)) return at;
  }
  if (reference[0] != '/') {
    fail(err, "netns", ENOENT, "network namespace of %s", reference);
    return NULL;
  }
  struct sandbox *sandbox = calloc(1, sizeof *sandbox);
  if (!sandbox) return NULL;
  sandbox->netlink.fd = -1;
  sandbox->ns = open(reference, O_RDONLY | O_CLOEXEC);
  if (sandbox->ns < 0) {
    fail(err, "netns", errno, "open %s", reference);
    goto failed;
  }
  struct stat here, there;
  if (fstat(sandbox->ns, &there) < 0 || fstat(net->host_ns, &here) < 0 ||
      (here.st_ino == there.st_ino && here.st_dev == there.st_dev)) {
    fail(err, "netns", EINVAL, "%s is the host's network namespace", reference);
    goto failed;
  }
  if (setns(sandbox->ns, CLONE_NEWNET) < 0) {
    fail(err, "netns", errno, "enter %s", reference);
    goto failed;
  }
  int opened = netlink_open(&sandbox->netlink, NETLINK_ROUTE, err);
  if (setns(net->host_ns, CLONE_NEWNET) < 0) abort();
  if (opened == 0) return sandbox;
failed:
  sandbox_free(sandbox);
  return NULL;
}

void sandbox_put(struct sandbox *sandbox) {
  if (sandbox && !sandbox->id[0]) sandbox_free(sandbox);
}

int net_op_sandbox(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct sandbox_request *request = &asked->sandbox;
  /* Maps follow, each a record in four words. */
  struct launch_record maps[64];
  struct launch owner = {.records = maps};
  for (size_t i = 0; i + 4 <= request->maps.count && owner.count < 64; i += 4)
    maps[owner.count++] = (struct launch_record){.argc = 4, .argv = (const char **) request->maps.items + i};
  struct sandbox *sandbox = pool_take(net, request->id, &owner, err);
  if (!sandbox) return -1;
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int) getpid(), sandbox->ns);
  reply_put(reply, "ok", path);
  return 0;
}

/* Links and a namespace that the reaper is to give back. */
struct chore {
  uint32_t id;
  struct sandbox *sandbox;
  size_t links;
  char (*names)[IFNAMSIZ];
  struct chore *next;
};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t wanted;
  struct chore *first, **last;
} chores = {.lock = PTHREAD_MUTEX_INITIALIZER, .wanted = PTHREAD_COND_INITIALIZER, .last = &chores.first};

void reaper_push(uint32_t id, struct sandbox *sandbox, const struct field_words *links) {
  struct chore *chore = calloc(1, sizeof *chore);
  if (!chore) _exit(1);
  chore->id = id;
  chore->sandbox = sandbox;
  chore->names = calloc(links->count + 1, IFNAMSIZ);
  if (!chore->names) _exit(1);
  for (; chore->links < links->count; chore->links++)
    snprintf(chore->names[chore->links], IFNAMSIZ, "%s", links->items[chore->links]);
  pthread_mutex_lock(&chores.lock);
  *chores.last = chore;
  chores.last = &chore->next;
  pthread_cond_signal(&chores.wanted);
  pthread_mutex_unlock(&chores.lock);
}

static void *reap(void *data) {
  (void) data;
  struct netlink netlink;
  struct error err;
  static struct netlink_batch batch;
  static const int gone[] = {ENODEV, 0};
  if (netlink_open(&netlink, NETLINK_ROUTE, &err) < 0) _exit(1);
  for (;;) {
    pthread_mutex_lock(&chores.lock);
    while (!chores.first) pthread_cond_wait(&chores.wanted, &chores.lock);
    struct chore *chore = chores.first;
    chores.first = chore->next;
    if (!chores.first) chores.last = &chores.first;
    pthread_mutex_unlock(&chores.lock);

    struct reply reply = {0};
    netlink_reset(&batch);
    for (size_t i = 0; i < chore->links; i++) {
      struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
      netlink_message(&batch, RTM_DELLINK, 0, &header, sizeof header);
      netlink_about(&batch, "delete %s", chore->names[i]);
      netlink_put_string(&batch, IFLA_IFNAME, chore->names[i]);
    }
    err = (struct error){0};
    if (netlink_commit(&netlink, &batch, gone, &err) < 0) {
      char status[12];
      snprintf(status, sizeof status, "%d", err.status);
      reply_put(&reply, "error", "0", err.stage, status, err.message);
    } else {
      reply_put(&reply, "ok");
    }
    sandbox_free(chore->sandbox);
    net_send(chore->id, reply.bytes, reply.size);
    free(reply.bytes);
    free(chore->names);
    free(chore);
  }
  return NULL;
}

void reaper_start(struct net *net) {
  thread(reap, net);
}

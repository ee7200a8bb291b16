/* The network worker (`berth-native net GROUP`): executes what the daemon's networks room decided. */
#ifndef BERTH_NET_H
#define BERTH_NET_H

#include <net/if.h>
#include <pthread.h>

#include "base/error.h"
#include "base/records/launch.h"
#include "base/netlink.h"
#include "network/requests.h"

/* A network namespace and a netlink socket inside it. */
struct sandbox {
  char id[80];
  int ns;
  struct netlink netlink;
  char spare[IFNAMSIZ]; /* host end of a veth pair that is ready, its other end being eth0 in here; "": none */
  int spare_index;      /* its number in the host's namespace */
  int inner_index;      /* eth0's: the kernel's own count, so that later interfaces come after it */
  struct sandbox *next;
};

struct net {
  int host_ns;
  uint32_t group; /* marks the links that are this daemon's */
  struct netlink host;
  struct netlink firewall; /* opened when it is needed */
  struct netlink_batch batch;
  struct sandbox *sandboxes; /* taken from the pool, by id */
};

/* The answer to one request: records, as launch.h defines them. */
struct reply {
  size_t size, room;
  char *bytes;
};
void reply_record(struct reply *reply, int count, const char *const *strings);
#define reply_put(reply, ...) \
  reply_record(reply, (int) (sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})

/* One operation. It appends rows to the reply if it has any, then a record "ok"; or fails. */
typedef int (*net_op)(struct net *net, const union net_request *asked, struct reply *reply, struct error *err);

int net_op_sandbox(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_bridge(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_link(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_endpoint(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_routes(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_unplug(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_unlink(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_links(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_taken(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_addresses(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_stats(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_listen(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_elements(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_forget(struct net *, const union net_request *, struct reply *, struct error *);
int net_op_close(struct net *, const union net_request *, struct reply *, struct error *);

/* Namespaces made ahead of need, by a thread. */
void pool_start(struct net *net);
/* `maps`: records of a user namespace that is to own it (see container/parts.h), or none. */
struct sandbox *pool_take(struct net *net, const char *id, const struct launch *maps, struct error *err);
/* Finds what `pool_take` gave, or opens a path of a namespace (kept by nobody: sandbox_free it; see `sandbox_put`). */
struct sandbox *sandbox_get(struct net *net, const char *reference, struct error *err);
void sandbox_put(struct sandbox *sandbox);
void sandbox_free(struct sandbox *sandbox);
/* Writes a value to /proc/sys/PATH as that namespace sees it; silently nothing where the kernel has no such file. */
void sandbox_sysctl(struct net *net, struct sandbox *sandbox, const char *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Writes one frame to the daemon; any thread may. */
void net_send(uint32_t id, const void *bytes, size_t size);
/* Gives links and namespaces back in a thread of its own, then answers the request. */
void reaper_start(struct net *net);
void reaper_push(uint32_t id, struct sandbox *sandbox, const struct launch_record *record);

/* Watches the firewall's tables for changes made by others; -1 where the kernel can't tell. */
int nftwatch_open(const char *table);
void nftwatch_ready(int fd);

#endif

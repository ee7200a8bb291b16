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
/* Appends a record of `count` strings; without memory the reply lacks it. */
void reply_record(struct reply *reply, int count, const char *const *strings);
#define reply_put(reply, ...) \
  reply_record(reply, (int) (sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})

/* One operation. It appends rows to the reply if it has any, then a record "ok"; or fails with -1. */
typedef int net_operation(struct net *net, const union net_request *asked, struct reply *reply, struct error *err);

/* The operations, with the arguments that requests.c decodes and the rows or values of their replies:
 *
 *   sandbox ID [MAP...]        a network namespace from the pool, kept under ID until `release`; MAP: id maps of a user namespace
 *                              that is to own it. Replies its path
 *   release ID [LINK...]       gives it back and deletes links of the host; done by the reaper, so alone in its request
 *   bridge NAME mtu= mac= ipv6=0|1 private=0|1 stale=... address=...     makes it, or takes over the one of that name
 *   link NAME kind=vlan|dummy parent= vlan=                              a parent for macvlan and ipvlan
 *   endpoint SANDBOX name= kind=veth host= bridge= isolated= hairpin=    an interface of a container
 *            | kind=macvlan|ipvlan parent= mode= flags=;
 *            mac= mtu= ipv6= address=... sysctl=PATH=VALUE...            replies the host's end and the MAC address
 *   routes SANDBOX gateway4= device4= gateway6= device6=                 default routes; a family without a device stays
 *   unplug SANDBOX NAME        deletes an interface of a container
 *   unlink NAME                deletes a link of the host
 *   links                      rows `link NAME`: all links of this daemon's group
 *   taken                      rows `route CIDR DEVICE`: all routes of the host but the default ones
 *   addresses NAME             rows `address CIDR` of a link of the host
 *   stats SANDBOX              a row per interface: bytes, packets, errors, dropped; received, then sent
 *   listen PROTOCOL ADDRESS PORT   a bound socket of the host (tcp: listening). Replies its descriptor's number
 *   close FD...                sockets that `listen` gave
 *   elements TABLE delete=SET/KEY... add=MAP/KEY/VALUE...                changes a table of the family inet, all or nothing
 *   forget address=... udp=PORT...     deletes what the kernel tracks of connections to these
 *   ping                       whether this process is there */
net_operation net_op_sandbox, net_op_bridge, net_op_link, net_op_endpoint, net_op_routes, net_op_unplug, net_op_unlink,
    net_op_links, net_op_taken, net_op_addresses, net_op_stats, net_op_listen, net_op_elements, net_op_forget, net_op_close;

/* Namespaces made ahead of need, by a thread. */
void pool_start(struct net *net);
/* `maps`: records of a user namespace that is to own it (see base/namespaces/idmap.h), or none. */
struct sandbox *pool_take(struct net *net, const char *id, const struct launch *maps, struct error *err);
/* Finds what `pool_take` gave, or opens a path of a namespace (kept by nobody: sandbox_free it; see `sandbox_put`). */
struct sandbox *sandbox_get(struct net *net, const char *reference, struct error *err);
/* Gives back what sandbox_get() gave: one that nobody else holds is freed. NULL is allowed. */
void sandbox_put(struct sandbox *sandbox);
/* Closes and frees it. */
void sandbox_free(struct sandbox *sandbox);
/* Writes a value to /proc/sys/PATH as that namespace sees it; silently nothing where the kernel has no such file. */
void sandbox_sysctl(struct net *net, struct sandbox *sandbox, const char *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Writes one frame to the daemon; any thread may. */
void net_send(uint32_t id, const void *bytes, size_t size);
/* Gives links and namespaces back in a thread of its own, then answers the request. */
void reaper_start(struct net *net);
/* Hands a sandbox (NULL: there is none) and the names of links to that thread, which answers the request of number `id` when
   both are gone. */
void reaper_push(uint32_t id, struct sandbox *sandbox, const struct field_words *links);

/* Watches the firewall's tables for changes made by others; -1 where the kernel can't tell. */
int nftwatch_open(const char *table);
/* Reads what the kernel tells; if the table was changed by others, the daemon is told (a frame of number 0). */
void nftwatch_ready(int fd);

#endif

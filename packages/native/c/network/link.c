/* Links of the host: bridges, and parents for macvlan and ipvlan. */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/link.h"

int net_address(const char *text, struct net_address *out, struct error *err) {
  char copy[64];
  snprintf(copy, sizeof copy, "%s", text);
  char *slash = strchr(copy, '/');
  if (slash) *slash++ = 0;
  out->family = strchr(copy, ':') ? AF_INET6 : AF_INET;
  out->size = out->family == AF_INET ? 4 : 16;
  out->prefix = slash ? atoi(slash) : out->size * 8;
  if (inet_pton(out->family, copy, out->bytes) == 1 && out->prefix >= 0 && out->prefix <= out->size * 8) return 0;
  return fail(err, "net", EINVAL, "address %s", text);
}

int net_mac(const char *text, unsigned char mac[6], struct error *err) {
  if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) == 6) return 0;
  return fail(err, "net", EINVAL, "MAC address %s", text);
}

static void put_new_address(struct netlink_batch *batch, int index, const struct net_address *address, const char *text) {
  struct ifaddrmsg header = {.ifa_family = (unsigned char) address->family,
                             .ifa_prefixlen = (unsigned char) address->prefix,
                             .ifa_flags = address->family == AF_INET6 ? IFA_F_NODAD : 0,
                             .ifa_index = (unsigned) index};
  netlink_message(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
  netlink_about(batch, "address %s", text);
  netlink_put(batch, IFA_LOCAL, address->bytes, (size_t) address->size);
  netlink_put(batch, IFA_ADDRESS, address->bytes, (size_t) address->size);
  if (address->family == AF_INET && address->prefix < 31) {
    uint32_t broadcast, mask = address->prefix ? htonl(~0u << (32 - address->prefix)) : 0;
    memcpy(&broadcast, address->bytes, 4);
    broadcast |= ~mask;
    netlink_put_u32(batch, IFA_BROADCAST, broadcast);
  }
}

int net_put_addresses(struct netlink_batch *batch, int index, const struct field_words *addresses, struct error *err) {
  for (size_t i = 0; i < addresses->count; i++) {
    struct net_address address;
    if (net_address(addresses->items[i], &address, err) < 0) return -1;
    put_new_address(batch, index, &address, addresses->items[i]);
  }
  return 0;
}

/* Takes addresses away. One may be gone: with the one that it was second to, or by somebody else. */
static int drop_addresses(struct net *net, int index, const struct field_words *stale, struct error *err) {
  struct netlink_batch *batch = &net->batch;
  for (size_t i = 0; i < stale->count; i++) {
    const char *text = stale->items[i];
    struct net_address address;
    if (net_address(text, &address, err) < 0) return -1;
    struct ifaddrmsg header = {.ifa_family = (unsigned char) address.family,
                               .ifa_prefixlen = (unsigned char) address.prefix,
                               .ifa_index = (unsigned) index};
    netlink_reset(batch);
    netlink_message(batch, RTM_DELADDR, 0, &header, sizeof header);
    netlink_about(batch, "delete address %s", text);
    netlink_put(batch, IFA_LOCAL, address.bytes, (size_t) address.size);
    struct error gone = {0};
    if (netlink_commit(&net->host, batch, NULL, &gone) < 0 && gone.status != EADDRNOTAVAIL) {
      *err = gone;
      return -1;
    }
  }
  return 0;
}

static void host_sysctl(struct net *net, const char *value, const char *name, const char *key) {
  struct sandbox host = {.ns = net->host_ns};
  sandbox_sysctl(net, &host, value, "net/ipv6/conf/%s/%s", name, key);
}

/* Ports of a private bridge are isolated from each other: what one may reach of another is routed by the host, which
   answers for all addresses and whose firewall decides. */
static void private_bridge(struct net *net, const char *name) {
  struct sandbox host = {.ns = net->host_ns};
  sandbox_sysctl(net, &host, "1", "net/ipv4/conf/%s/proxy_arp_pvlan", name);
  sandbox_sysctl(net, &host, "0", "net/ipv4/conf/%s/send_redirects", name);
  sandbox_sysctl(net, &host, "0", "net/ipv4/neigh/%s/proxy_delay", name);
}

/* bridge NAME mtu= mac= ipv6=0|1 private=0|1 stale=... address=...: makes the bridge, or takes over the one of that name. */
int net_op_bridge(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct bridge_request *request = &asked->bridge;
  const char *name = request->name;
  struct netlink_batch *batch = &net->batch;
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
  int index = (int) if_nametoindex(name);
  const char *how = index ? "exists" : "created";
  if (!index) {
    unsigned char mac[6];
    if (request->mac && net_mac(request->mac, mac, err) < 0) return -1;
    netlink_reset(batch);
    netlink_message(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
    netlink_about(batch, "make bridge %s", name);
    netlink_put_string(batch, IFLA_IFNAME, name);
    if (request->mac) netlink_put(batch, IFLA_ADDRESS, mac, 6);
    netlink_put_u32(batch, IFLA_GROUP, net->group);
    struct nlattr *info = netlink_nest(batch, IFLA_LINKINFO);
    netlink_put_string(batch, IFLA_INFO_KIND, "bridge");
    netlink_nest_end(batch, info);
    if (netlink_commit(&net->host, batch, NULL, err) < 0) return -1;
    index = (int) if_nametoindex(name);
  }
  if (drop_addresses(net, index, &request->stale, err) < 0) return -1;
  host_sysctl(net, request->ipv6 ? "0" : "1", name, "disable_ipv6");
  host_sysctl(net, "0", name, "accept_ra");
  /* The link-local address must hold at once: what is forwarded to a container finds its neighbour by it. */
  host_sysctl(net, "0", name, "accept_dad");
  if (request->private_ports) private_bridge(net, name);

  netlink_reset(batch);
  if (net_put_addresses(batch, index, &request->addresses, err) < 0) return -1;
  header.ifi_index = index;
  header.ifi_flags = header.ifi_change = IFF_UP;
  netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof header);
  netlink_about(batch, "bring up %s", name);
  netlink_put_u32(batch, IFLA_MTU, (uint32_t) request->mtu);
  if (netlink_commit(&net->host, batch, NULL, err) < 0) return -1;
  reply_put(reply, "ok", how);
  return 0;
}

/* link NAME kind=vlan|dummy parent= vlan=: a parent for macvlan and ipvlan that is not there yet. */
int net_op_link(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct link_request *request = &asked->link;
  const char *name = request->name, *kind = request->kind, *parent = request->parent;
  struct netlink_batch *batch = &net->batch;
  if (if_nametoindex(name)) {
    reply_put(reply, "ok", "exists");
    return 0;
  }
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  netlink_reset(batch);
  netlink_message(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  netlink_about(batch, "make %s link %s", kind ? kind : "", name);
  netlink_put_string(batch, IFLA_IFNAME, name);
  netlink_put_u32(batch, IFLA_GROUP, net->group);
  if (parent) {
    unsigned parent_index = if_nametoindex(parent);
    if (!parent_index) return fail(err, "net", ENODEV, "parent interface %s", parent);
    netlink_put_u32(batch, IFLA_LINK, parent_index);
  }
  struct nlattr *info = netlink_nest(batch, IFLA_LINKINFO);
  netlink_put_string(batch, IFLA_INFO_KIND, kind ? kind : "dummy");
  if (kind && !strcmp(kind, "vlan")) {
    struct nlattr *data = netlink_nest(batch, IFLA_INFO_DATA);
    netlink_put_u16(batch, IFLA_VLAN_ID, (uint16_t) request->vlan);
    netlink_nest_end(batch, data);
  }
  netlink_nest_end(batch, info);
  if (netlink_commit(&net->host, batch, NULL, err) < 0) return -1;
  reply_put(reply, "ok", "created");
  return 0;
}

static int first_index(const struct nlmsghdr *message, void *data) {
  *(int *) data = ((const struct ifinfomsg *) NLMSG_DATA(message))->ifi_index;
  return -1;
}

int net_link_index(struct netlink *netlink, struct netlink_batch *batch, const char *name, struct error *err) {
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
  int index = -1;
  netlink_reset(batch);
  netlink_message(batch, RTM_GETLINK, 0, &header, sizeof header);
  netlink_about(batch, "interface %s", name);
  netlink_put_string(batch, IFLA_IFNAME, name);
  if (netlink_query(netlink, batch, first_index, &index, err) < 0) return -1;
  return index;
}

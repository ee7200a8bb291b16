/* Links: bridges on the host, and the two ends of a container's endpoint. */
#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
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

static int parse_mac(const char *text, unsigned char mac[6], struct error *err) {
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

/* All `address=` arguments. */
static int put_addresses(struct netlink_batch *batch, int index, const struct launch_record *record, struct error *err) {
  const char *text;
  for (int i = 0; (text = net_argument(record, "address", i)); i++) {
    struct net_address address;
    if (net_address(text, &address, err) < 0) return -1;
    put_new_address(batch, index, &address, text);
  }
  return 0;
}

/* Takes away all `stale=` addresses. One may be gone: with the one that it was second to, or by somebody else. */
static int drop_stale_addresses(struct net *net, int index, const struct launch_record *record, struct error *err) {
  struct netlink_batch *batch = &net->batch;
  const char *text;
  for (int i = 0; (text = net_argument(record, "stale", i)); i++) {
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
int net_op_bridge(struct net *net, const struct launch_record *record, struct reply *reply, struct error *err) {
  if (record->argc < 2) return fail(err, "net", EINVAL, "bridge without a name");
  const char *name = record->argv[1], *mac_text = net_argument(record, "mac", 0);
  struct netlink_batch *batch = &net->batch;
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
  int index = (int) if_nametoindex(name);
  const char *how = index ? "exists" : "created";
  if (!index) {
    unsigned char mac[6];
    if (mac_text && parse_mac(mac_text, mac, err) < 0) return -1;
    netlink_reset(batch);
    netlink_message(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
    netlink_about(batch, "make bridge %s", name);
    netlink_put_string(batch, IFLA_IFNAME, name);
    if (mac_text) netlink_put(batch, IFLA_ADDRESS, mac, 6);
    netlink_put_u32(batch, IFLA_GROUP, net->group);
    struct nlattr *info = netlink_nest(batch, IFLA_LINKINFO);
    netlink_put_string(batch, IFLA_INFO_KIND, "bridge");
    netlink_nest_end(batch, info);
    if (netlink_commit(&net->host, batch, NULL, err) < 0) return -1;
    index = (int) if_nametoindex(name);
  }
  if (drop_stale_addresses(net, index, record, err) < 0) return -1;
  int ipv6 = (int) net_number(record, "ipv6", 0);
  host_sysctl(net, ipv6 ? "0" : "1", name, "disable_ipv6");
  host_sysctl(net, "0", name, "accept_ra");
  /* The link-local address must hold at once: what is forwarded to a container finds its neighbour by it. */
  host_sysctl(net, "0", name, "accept_dad");
  if (net_number(record, "private", 0)) private_bridge(net, name);

  netlink_reset(batch);
  if (put_addresses(batch, index, record, err) < 0) return -1;
  header.ifi_index = index;
  header.ifi_flags = header.ifi_change = IFF_UP;
  netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof header);
  netlink_about(batch, "bring up %s", name);
  netlink_put_u32(batch, IFLA_MTU, (uint32_t) net_number(record, "mtu", 1500));
  if (netlink_commit(&net->host, batch, NULL, err) < 0) return -1;
  reply_put(reply, "ok", how);
  return 0;
}

/* link NAME kind=vlan|dummy parent= vlan=: a parent for macvlan and ipvlan that is not there yet. */
int net_op_link(struct net *net, const struct launch_record *record, struct reply *reply, struct error *err) {
  if (record->argc < 2) return fail(err, "net", EINVAL, "link without a name");
  const char *name = record->argv[1], *kind = net_argument(record, "kind", 0), *parent = net_argument(record, "parent", 0);
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
    netlink_put_u16(batch, IFLA_VLAN_ID, (uint16_t) net_number(record, "vlan", 0));
    netlink_nest_end(batch, data);
  }
  netlink_nest_end(batch, info);
  if (netlink_commit(&net->host, batch, NULL, err) < 0) return -1;
  reply_put(reply, "ok", "created");
  return 0;
}

/* What an endpoint is to be, read from its record. */
struct endpoint {
  const struct launch_record *record;
  const char *name, *kind, *host; /* `host`: the name of the end on the host */
  unsigned char mac[6];
  int has_mac, mtu, ipv6, index;
};

#define IPV6_MIN_MTU 1280 /* RFC 8200, section 5 */

/* No address of the kernel's own making on a link that only forwards frames. */
static void put_no_autoconf(struct netlink_batch *batch, const struct endpoint *endpoint) {
  /* IPv6 is not there at all on a link whose packets are too short for it: its settings would be refused. */
  if (endpoint->mtu && endpoint->mtu < IPV6_MIN_MTU) return;
  struct nlattr *spec = netlink_nest(batch, IFLA_AF_SPEC);
  struct nlattr *inet6 = netlink_nest(batch, AF_INET6);
  netlink_put_u8(batch, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  netlink_nest_end(batch, inet6);
  netlink_nest_end(batch, spec);
}

static void put_mac_mtu(struct netlink_batch *batch, const struct endpoint *endpoint) {
  if (endpoint->has_mac) netlink_put(batch, IFLA_ADDRESS, endpoint->mac, 6);
  if (endpoint->mtu) netlink_put_u32(batch, IFLA_MTU, (uint32_t) endpoint->mtu);
}

/* The host's end of a veth pair: in the bridge and up. `index` 0: a new pair, its other end in `sandbox`. */
static int host_end(struct net *net, struct sandbox *sandbox, const struct endpoint *endpoint, int index, struct error *err) {
  struct netlink_batch *batch = &net->batch;
  const char *bridge = net_argument(endpoint->record, "bridge", 0);
  unsigned bridge_index = bridge ? if_nametoindex(bridge) : 0;
  if (!bridge_index) return fail(err, "net", ENODEV, "bridge %s", bridge ? bridge : "");
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  netlink_reset(batch);
  netlink_message(batch, RTM_NEWLINK, index ? 0 : NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  netlink_about(batch, "veth %s in bridge %s", endpoint->host, bridge);
  if (!index) netlink_put_string(batch, IFLA_IFNAME, endpoint->host);
  if (endpoint->mtu) netlink_put_u32(batch, IFLA_MTU, (uint32_t) endpoint->mtu);
  netlink_put_u32(batch, IFLA_GROUP, net->group);
  netlink_put_u32(batch, IFLA_MASTER, bridge_index);
  if (index) put_no_autoconf(batch, endpoint);
  if (!index) {
    struct nlattr *info = netlink_nest(batch, IFLA_LINKINFO);
    netlink_put_string(batch, IFLA_INFO_KIND, "veth");
    struct nlattr *data = netlink_nest(batch, IFLA_INFO_DATA);
    struct nlattr *peer = netlink_nest(batch, VETH_INFO_PEER);
    struct ifinfomsg other = {.ifi_family = AF_UNSPEC, .ifi_index = endpoint->index};
    netlink_raw(batch, &other, sizeof other);
    netlink_put_string(batch, IFLA_IFNAME, endpoint->name);
    put_mac_mtu(batch, endpoint);
    netlink_put_u32(batch, IFLA_NET_NS_FD, (uint32_t) sandbox->ns);
    netlink_nest_end(batch, peer);
    netlink_nest_end(batch, data);
    netlink_nest_end(batch, info);
  }
  int isolated = net_number(endpoint->record, "isolated", 0) != 0;
  int hairpin = net_number(endpoint->record, "hairpin", 0) != 0;
  if (!index || isolated || hairpin) {
    struct ifinfomsg port = {.ifi_family = AF_UNSPEC, .ifi_index = index};
    netlink_message(batch, RTM_NEWLINK, 0, &port, sizeof port);
    netlink_about(batch, "bridge port %s", endpoint->host);
    if (!index) {
      netlink_put_string(batch, IFLA_IFNAME, endpoint->host);
      put_no_autoconf(batch, endpoint);
    }
    struct nlattr *info = netlink_nest(batch, IFLA_LINKINFO);
    netlink_put_string(batch, IFLA_INFO_SLAVE_KIND, "bridge");
    struct nlattr *data = netlink_nest(batch, IFLA_INFO_SLAVE_DATA);
    netlink_put_u8(batch, IFLA_BRPORT_ISOLATED, (uint8_t) isolated);
    netlink_put_u8(batch, IFLA_BRPORT_MODE, (uint8_t) hairpin);
    netlink_nest_end(batch, data);
    netlink_nest_end(batch, info);
  }
  return netlink_commit(&net->host, batch, NULL, err);
}

/* A macvlan or ipvlan on a parent, made straight in the namespace. */
static int sub_link(struct net *net, struct sandbox *sandbox, const struct endpoint *endpoint, struct error *err) {
  struct netlink_batch *batch = &net->batch;
  const char *parent = net_argument(endpoint->record, "parent", 0);
  unsigned parent_index = parent ? if_nametoindex(parent) : 0;
  if (!parent_index) return fail(err, "net", ENODEV, "parent interface %s", parent ? parent : "");
  int macvlan = !strcmp(endpoint->kind, "macvlan");
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = endpoint->index};
  netlink_reset(batch);
  netlink_message(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  netlink_about(batch, "%s on %s", endpoint->kind, parent);
  netlink_put_string(batch, IFLA_IFNAME, endpoint->name);
  netlink_put_u32(batch, IFLA_LINK, parent_index);
  netlink_put_u32(batch, IFLA_NET_NS_FD, (uint32_t) sandbox->ns);
  if (macvlan && endpoint->has_mac) netlink_put(batch, IFLA_ADDRESS, endpoint->mac, 6);
  if (endpoint->mtu) netlink_put_u32(batch, IFLA_MTU, (uint32_t) endpoint->mtu);
  struct nlattr *info = netlink_nest(batch, IFLA_LINKINFO);
  netlink_put_string(batch, IFLA_INFO_KIND, endpoint->kind);
  struct nlattr *data = netlink_nest(batch, IFLA_INFO_DATA);
  if (macvlan) {
    netlink_put_u32(batch, IFLA_MACVLAN_MODE, (uint32_t) net_number(endpoint->record, "mode", MACVLAN_MODE_BRIDGE));
  } else {
    netlink_put_u16(batch, IFLA_IPVLAN_MODE, (uint16_t) net_number(endpoint->record, "mode", IPVLAN_MODE_L2));
    long flags = net_number(endpoint->record, "flags", 0);
    if (flags) netlink_put_u16(batch, IFLA_IPVLAN_FLAGS, (uint16_t) flags);
  }
  netlink_nest_end(batch, data);
  netlink_nest_end(batch, info);
  return netlink_commit(&net->host, batch, NULL, err);
}

/* The container's end: address, MTU, IPv6 or not, up. */
static int inner_end(struct net *net, struct sandbox *sandbox, const struct endpoint *endpoint, int spare, struct error *err) {
  struct netlink_batch *batch = &net->batch;
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = endpoint->index};
  if (endpoint->ipv6) {
    sandbox_sysctl(net, sandbox, "0", "net/ipv6/conf/%s/accept_ra", spare ? "eth0" : endpoint->name);
    sandbox_sysctl(net, sandbox, "0", "net/ipv6/conf/%s/accept_dad", spare ? "eth0" : endpoint->name);
    sandbox_sysctl(net, sandbox, "0", "net/ipv6/conf/%s/disable_ipv6", spare ? "eth0" : endpoint->name);
  } else if (!spare) {
    sandbox_sysctl(net, sandbox, "1", "net/ipv6/conf/%s/disable_ipv6", endpoint->name);
  }
  netlink_reset(batch);
  header.ifi_flags = header.ifi_change = IFF_UP;
  netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof header);
  netlink_about(batch, "set up %s", endpoint->name);
  if (spare) {
    if (strcmp(endpoint->name, "eth0")) netlink_put_string(batch, IFLA_IFNAME, endpoint->name);
    put_mac_mtu(batch, endpoint);
  }
  if (put_addresses(batch, endpoint->index, endpoint->record, err) < 0) return -1;
  return netlink_commit(&sandbox->netlink, batch, NULL, err);
}

/* `sysctl=KEY=VALUE`, KEY with slashes or dots and IFNAME for the interface. */
static void apply_sysctls(struct net *net, struct sandbox *sandbox, const struct endpoint *endpoint) {
  const char *text;
  for (int i = 0; (text = net_argument(endpoint->record, "sysctl", i)); i++) {
    const char *equals = strchr(text, '=');
    if (equals) sandbox_sysctl(net, sandbox, equals + 1, "%.*s", (int) (equals - text), text);
  }
}

/* endpoint SANDBOX name=eth0 kind=veth host= bridge= | kind=macvlan|ipvlan parent= mode= flags=; mac= mtu= ipv6=
   isolated= hairpin= address=...: the reply tells the host's end ("" without one) and the MAC address. */
int net_op_endpoint(struct net *net, const struct launch_record *record, struct reply *reply, struct error *err) {
  if (record->argc < 2) return fail(err, "net", EINVAL, "endpoint without a namespace");
  struct sandbox *sandbox = sandbox_get(net, record->argv[1], err);
  if (!sandbox) return -1;
  struct endpoint endpoint = {.record = record,
                              .name = net_argument(record, "name", 0),
                              .kind = net_argument(record, "kind", 0),
                              .host = net_argument(record, "host", 0),
                              .mtu = (int) net_number(record, "mtu", 0),
                              .ipv6 = (int) net_number(record, "ipv6", 0)};
  const char *mac = net_argument(record, "mac", 0);
  int result = -1;
  if (!endpoint.name || !endpoint.kind) {
    fail(err, "net", EINVAL, "endpoint without a name or kind");
    goto end;
  }
  if (mac && parse_mac(mac, endpoint.mac, err) < 0) goto end;
  endpoint.has_mac = mac != NULL;

  int veth = !strcmp(endpoint.kind, "veth"), spare = veth && sandbox->spare[0];
  char host[IFNAMSIZ] = "";
  if (spare) {
    snprintf(host, sizeof host, "%s", sandbox->spare);
    endpoint.host = host;
    endpoint.index = sandbox->inner_index;
    sandbox->spare[0] = 0; /* used up, whatever comes */
    result = host_end(net, sandbox, &endpoint, sandbox->spare_index, err);
  } else {
    snprintf(host, sizeof host, "%s", veth && endpoint.host ? endpoint.host : "");
    endpoint.host = host;
    result = veth ? host_end(net, sandbox, &endpoint, 0, err) : sub_link(net, sandbox, &endpoint, err);
    if (result == 0) {
      endpoint.index = net_link_index(&sandbox->netlink, &net->batch, endpoint.name, err);
      if (endpoint.index < 0) result = -1;
    }
  }
  if (result == 0) result = inner_end(net, sandbox, &endpoint, spare, err);
  if (result == 0) {
    apply_sysctls(net, sandbox, &endpoint);
    reply_put(reply, "ok", host);
  } else if (host[0]) {
    struct netlink_batch *batch = &net->batch;
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
    netlink_reset(batch);
    netlink_message(batch, RTM_DELLINK, 0, &header, sizeof header);
    netlink_put_string(batch, IFLA_IFNAME, host);
    netlink_commit(&net->host, batch, NULL, NULL);
  }
end:
  sandbox_put(sandbox);
  return result;
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

/* The two ends of a container's endpoint. */
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#include "network/link.h"

/* An endpoint that is being made. */
struct endpoint {
  const struct endpoint_request *asked;
  const char *host; /* the name of its end on the host; "" without one */
  unsigned char mac[6];
  int index; /* of the container's end, in there */
};

#define IPV6_MIN_MTU 1280 /* RFC 8200, section 5 */

/* No address of the kernel's own making on a link that only forwards frames. */
static void put_no_autoconf(struct netlink_batch *batch, const struct endpoint *endpoint) {
  /* IPv6 is not there at all on a link whose packets are too short for it: its settings would be refused. */
  if (endpoint->asked->mtu && endpoint->asked->mtu < IPV6_MIN_MTU) return;
  struct nlattr *spec = netlink_nest(batch, IFLA_AF_SPEC);
  struct nlattr *inet6 = netlink_nest(batch, AF_INET6);
  netlink_put_u8(batch, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  netlink_nest_end(batch, inet6);
  netlink_nest_end(batch, spec);
}

static void put_mac_mtu(struct netlink_batch *batch, const struct endpoint *endpoint) {
  if (endpoint->asked->mac) netlink_put(batch, IFLA_ADDRESS, endpoint->mac, 6);
  if (endpoint->asked->mtu) netlink_put_u32(batch, IFLA_MTU, (uint32_t) endpoint->asked->mtu);
}

/* The host's end of a veth pair: in the bridge and up. `index` 0: a new pair, its other end in `sandbox`. */
static int host_end(struct net *net, struct sandbox *sandbox, const struct endpoint *endpoint, int index, struct error *err) {
  struct netlink_batch *batch = &net->batch;
  const char *bridge = endpoint->asked->bridge;
  unsigned bridge_index = bridge ? if_nametoindex(bridge) : 0;
  if (!bridge_index) return fail(err, "net", ENODEV, "bridge %s", bridge ? bridge : "");
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  netlink_reset(batch);
  netlink_message(batch, RTM_NEWLINK, index ? 0 : NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  netlink_about(batch, "veth %s in bridge %s", endpoint->host, bridge);
  if (!index) netlink_put_string(batch, IFLA_IFNAME, endpoint->host);
  if (endpoint->asked->mtu) netlink_put_u32(batch, IFLA_MTU, (uint32_t) endpoint->asked->mtu);
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
    netlink_put_string(batch, IFLA_IFNAME, endpoint->asked->name);
    put_mac_mtu(batch, endpoint);
    netlink_put_u32(batch, IFLA_NET_NS_FD, (uint32_t) sandbox->ns);
    netlink_nest_end(batch, peer);
    netlink_nest_end(batch, data);
    netlink_nest_end(batch, info);
  }
  int isolated = endpoint->asked->isolated != 0;
  int hairpin = endpoint->asked->hairpin != 0;
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
  const char *parent = endpoint->asked->parent;
  unsigned parent_index = parent ? if_nametoindex(parent) : 0;
  if (!parent_index) return fail(err, "net", ENODEV, "parent interface %s", parent ? parent : "");
  int macvlan = !strcmp(endpoint->asked->kind, "macvlan");
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = endpoint->index};
  netlink_reset(batch);
  netlink_message(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  netlink_about(batch, "%s on %s", endpoint->asked->kind, parent);
  netlink_put_string(batch, IFLA_IFNAME, endpoint->asked->name);
  netlink_put_u32(batch, IFLA_LINK, parent_index);
  netlink_put_u32(batch, IFLA_NET_NS_FD, (uint32_t) sandbox->ns);
  if (macvlan && endpoint->asked->mac) netlink_put(batch, IFLA_ADDRESS, endpoint->mac, 6);
  if (endpoint->asked->mtu) netlink_put_u32(batch, IFLA_MTU, (uint32_t) endpoint->asked->mtu);
  struct nlattr *info = netlink_nest(batch, IFLA_LINKINFO);
  netlink_put_string(batch, IFLA_INFO_KIND, endpoint->asked->kind);
  struct nlattr *data = netlink_nest(batch, IFLA_INFO_DATA);
  long mode = endpoint->asked->mode, flags = endpoint->asked->flags;
  if (macvlan) {
    netlink_put_u32(batch, IFLA_MACVLAN_MODE, mode < 0 ? MACVLAN_MODE_BRIDGE : (uint32_t) mode);
  } else {
    netlink_put_u16(batch, IFLA_IPVLAN_MODE, mode < 0 ? IPVLAN_MODE_L2 : (uint16_t) mode);
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
  if (endpoint->asked->ipv6) {
    sandbox_sysctl(net, sandbox, "0", "net/ipv6/conf/%s/accept_ra", spare ? "eth0" : endpoint->asked->name);
    sandbox_sysctl(net, sandbox, "0", "net/ipv6/conf/%s/accept_dad", spare ? "eth0" : endpoint->asked->name);
    sandbox_sysctl(net, sandbox, "0", "net/ipv6/conf/%s/disable_ipv6", spare ? "eth0" : endpoint->asked->name);
  } else if (!spare) {
    sandbox_sysctl(net, sandbox, "1", "net/ipv6/conf/%s/disable_ipv6", endpoint->asked->name);
  }
  netlink_reset(batch);
  header.ifi_flags = header.ifi_change = IFF_UP;
  netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof header);
  netlink_about(batch, "set up %s", endpoint->asked->name);
  if (spare) {
    if (strcmp(endpoint->asked->name, "eth0")) netlink_put_string(batch, IFLA_IFNAME, endpoint->asked->name);
    put_mac_mtu(batch, endpoint);
  }
  if (net_put_addresses(batch, endpoint->index, &endpoint->asked->addresses, err) < 0) return -1;
  return netlink_commit(&sandbox->netlink, batch, NULL, err);
}

/* `KEY=VALUE` each, KEY with slashes or dots and IFNAME for the interface. */
static void apply_sysctls(struct net *net, struct sandbox *sandbox, const struct endpoint *endpoint) {
  const struct field_words *sysctls = &endpoint->asked->sysctls;
  for (size_t i = 0; i < sysctls->count; i++) {
    const char *text = sysctls->items[i], *equals = strchr(text, '=');
    if (equals) sandbox_sysctl(net, sandbox, equals + 1, "%.*s", (int) (equals - text), text);
  }
}

/* endpoint SANDBOX name=eth0 kind=veth host= bridge= | kind=macvlan|ipvlan parent= mode= flags=; mac= mtu= ipv6=
   isolated= hairpin= address=...: the reply tells the host's end ("" without one) and the MAC address. */
int net_op_endpoint(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct endpoint_request *request = &asked->endpoint;
  struct endpoint endpoint = {.asked = request};
  if (!request->name || !request->kind) return fail(err, "net", EINVAL, "endpoint without a name or kind");
  if (request->mac && net_mac(request->mac, endpoint.mac, err) < 0) return -1;
  struct sandbox *sandbox = sandbox_get(net, request->sandbox, err);
  if (!sandbox) return -1;

  int result, veth = !strcmp(request->kind, "veth"), spare = veth && sandbox->spare[0];
  char host[IFNAMSIZ] = "";
  if (spare) {
    snprintf(host, sizeof host, "%s", sandbox->spare);
    endpoint.host = host;
    endpoint.index = sandbox->inner_index;
    sandbox->spare[0] = 0; /* used up, whatever comes */
    result = host_end(net, sandbox, &endpoint, sandbox->spare_index, err);
  } else {
    snprintf(host, sizeof host, "%s", veth && request->host ? request->host : "");
    endpoint.host = host;
    result = veth ? host_end(net, sandbox, &endpoint, 0, err) : sub_link(net, sandbox, &endpoint, err);
    if (result == 0) {
      endpoint.index = net_link_index(&sandbox->netlink, &net->batch, request->name, err);
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
  sandbox_put(sandbox);
  return result;
}

/* Connections that the kernel tracks: those of a published UDP port that came or went are forgotten, since a client that
   goes on sending would keep its old translation (or none) alive for ever. */
#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "network/net.h"

/* Members of a tuple that a filter compares; the kernel's private numbering (net/netfilter/nf_internals.h). */
enum { FILTER_IP_SOURCE = 1 << 0, FILTER_PROTOCOL = 1 << 3, FILTER_PORT_DESTINATION = 1 << 5 };

/* Begins the deletion of all entries of a family that a filter selects. */
static void begin(struct netlink_batch *batch, uint8_t family, uint16_t which, uint32_t flags) {
  struct nfgenmsg header = {.nfgen_family = family, .version = 1};
  netlink_reset(batch);
  netlink_message(batch, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, &header, sizeof header);
  netlink_about(batch, "forget connections");
  struct nlattr *filter = netlink_nest(batch, CTA_FILTER);
  netlink_put_u32(batch, CTA_FILTER_ORIG_FLAGS, which == CTA_TUPLE_ORIG ? flags : 0);
  netlink_put_u32(batch, CTA_FILTER_REPLY_FLAGS, which == CTA_TUPLE_REPLY ? flags : 0);
  netlink_nest_end(batch, filter);
}

/* Kernels without such filters say EINVAL; then entries time out by themselves. */
static int commit(struct netlink *netlink, struct netlink_batch *batch, struct error *err) {
  static const int harmless[] = {ENOENT, EINVAL, EOPNOTSUPP, 0};
  return netlink_commit(netlink, batch, harmless, err);
}

/* Entries that lead to that address of a container. */
static int forget_address(struct netlink *netlink, struct netlink_batch *batch, const char *text, struct error *err) {
  unsigned char bytes[16];
  int family = strchr(text, ':') ? AF_INET6 : AF_INET;
  if (inet_pton(family, text, bytes) != 1) return fail(err, "conntrack", EINVAL, "address %s", text);
  begin(batch, (uint8_t) family, CTA_TUPLE_REPLY, FILTER_IP_SOURCE);
  struct nlattr *tuple = netlink_nest(batch, CTA_TUPLE_REPLY);
  struct nlattr *ip = netlink_nest(batch, CTA_TUPLE_IP);
  netlink_put(batch, family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, bytes, family == AF_INET ? 4 : 16);
  netlink_nest_end(batch, ip);
  netlink_nest_end(batch, tuple);
  return commit(netlink, batch, err);
}

/* Entries of datagrams sent to that port, to whatever address. */
static int forget_port(struct netlink *netlink, struct netlink_batch *batch, long port, struct error *err) {
  static const uint8_t families[] = {AF_INET, AF_INET6};
  for (int i = 0; i < 2; i++) {
    begin(batch, families[i], CTA_TUPLE_ORIG, FILTER_PROTOCOL | FILTER_PORT_DESTINATION);
    struct nlattr *tuple = netlink_nest(batch, CTA_TUPLE_ORIG);
    struct nlattr *protocol = netlink_nest(batch, CTA_TUPLE_PROTO);
    netlink_put_u8(batch, CTA_PROTO_NUM, IPPROTO_UDP);
    netlink_put_u16(batch, CTA_PROTO_DST_PORT, htons((uint16_t) port));
    netlink_nest_end(batch, protocol);
    netlink_nest_end(batch, tuple);
    if (commit(netlink, batch, err) < 0) return -1;
  }
  return 0;
}

/* forget address=... udp=PORT...: deletes what the kernel tracks of connections to these. */
int net_op_forget(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct forget_request *request = &asked->forget;
  struct netlink netlink;
  int result = 0;
  if (netlink_open(&netlink, NETLINK_NETFILTER, err) < 0) return -1;
  for (size_t i = 0; result == 0 && i < request->addresses.count; i++)
    result = forget_address(&netlink, &net->batch, request->addresses.items[i], err);
  for (size_t i = 0; result == 0 && i < request->udp_ports.count; i++)
    result = forget_port(&netlink, &net->batch, strtol(request->udp_ports.items[i], NULL, 10), err);
  netlink_close(&netlink);
  if (result == 0) reply_put(reply, "ok");
  return result;
}

#include "dns/nat.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/namespaces/namespaces.h"
#include "base/netlink.h"

static const char table_name[] = "berth_dns", chain_name[] = "output";

int netns_socket(int netns, int domain, int type, int protocol) {
  if (netns < 0) return socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  int own = namespaces_own(NS_NET);
  if (own < 0 || setns(netns, CLONE_NEWNET) < 0) return -1;
  int fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), saved = errno;
  if (setns(own, CLONE_NEWNET) < 0) abort();
  errno = saved;
  return fd;
}

static void message(struct netlink_batch *batch, int type, uint16_t flags, const char *about) {
  struct nfgenmsg header = {.nfgen_family = NFPROTO_IPV4};
  netlink_message(batch, (uint16_t) (NFNL_SUBSYS_NFTABLES << 8 | type), flags, &header, sizeof header);
  netlink_about(batch, "%s", about);
}

static void edge(struct netlink_batch *batch, uint16_t type) {
  struct nfgenmsg header = {.nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
  netlink_message(batch, type, 0, &header, sizeof header);
}

/* An expression of a rule: its name, and its attributes between expression() and expression_end(). */
struct expression {
  struct nlattr *element, *data;
};

static struct expression expression(struct netlink_batch *batch, const char *name) {
  struct expression e;
  e.element = netlink_nest(batch, NFTA_LIST_ELEM);
  netlink_put_string(batch, NFTA_EXPR_NAME, name);
  e.data = netlink_nest(batch, NFTA_EXPR_DATA);
  return e;
}

static void expression_end(struct netlink_batch *batch, struct expression e) {
  netlink_nest_end(batch, e.data);
  netlink_nest_end(batch, e.element);
}

static void value(struct netlink_batch *batch, uint16_t type, const void *bytes, size_t size) {
  struct nlattr *nest = netlink_nest(batch, type);
  netlink_put(batch, NFTA_DATA_VALUE, bytes, size);
  netlink_nest_end(batch, nest);
}

/* Goes on with the rule when register 1 holds these bytes. */
static void compare(struct netlink_batch *batch, const void *bytes, size_t size) {
  struct expression e = expression(batch, "cmp");
  netlink_put_be32(batch, NFTA_CMP_SREG, NFT_REG_1);
  netlink_put_be32(batch, NFTA_CMP_OP, NFT_CMP_EQ);
  value(batch, NFTA_CMP_DATA, bytes, size);
  expression_end(batch, e);
}

static void payload(struct netlink_batch *batch, uint32_t base, uint32_t offset, const void *bytes, uint32_t size) {
  struct expression e = expression(batch, "payload");
  netlink_put_be32(batch, NFTA_PAYLOAD_DREG, NFT_REG_1);
  netlink_put_be32(batch, NFTA_PAYLOAD_BASE, base);
  netlink_put_be32(batch, NFTA_PAYLOAD_OFFSET, offset);
  netlink_put_be32(batch, NFTA_PAYLOAD_LEN, size);
  expression_end(batch, e);
  compare(batch, bytes, size);
}

/* One rule: packets of the protocol with `address` at that offset of the IP header and `from` as the port at that offset of
   the transport header get `to` as that port. */
static void rewrite(struct netlink_batch *batch, uint8_t protocol, uint32_t address_at, uint32_t port_at, int from, int to) {
  uint32_t address = htonl(DNS_NAT_ADDRESS);
  uint16_t old = htons((uint16_t) from), new = htons((uint16_t) to);
  message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "rule of the name service");
  netlink_put_string(batch, NFTA_RULE_TABLE, table_name);
  netlink_put_string(batch, NFTA_RULE_CHAIN, chain_name);
  struct nlattr *expressions = netlink_nest(batch, NFTA_RULE_EXPRESSIONS);
  payload(batch, NFT_PAYLOAD_NETWORK_HEADER, address_at, &address, sizeof address);
  struct expression e = expression(batch, "meta");
  netlink_put_be32(batch, NFTA_META_DREG, NFT_REG_1);
  netlink_put_be32(batch, NFTA_META_KEY, NFT_META_L4PROTO);
  expression_end(batch, e);
  compare(batch, &protocol, sizeof protocol);
  payload(batch, NFT_PAYLOAD_TRANSPORT_HEADER, port_at, &old, sizeof old);

  e = expression(batch, "immediate");
  netlink_put_be32(batch, NFTA_IMMEDIATE_DREG, NFT_REG_1);
  value(batch, NFTA_IMMEDIATE_DATA, &new, sizeof new);
  expression_end(batch, e);
  e = expression(batch, "payload");
  netlink_put_be32(batch, NFTA_PAYLOAD_SREG, NFT_REG_1);
  netlink_put_be32(batch, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
  netlink_put_be32(batch, NFTA_PAYLOAD_OFFSET, port_at);
  netlink_put_be32(batch, NFTA_PAYLOAD_LEN, sizeof new);
  netlink_put_be32(batch, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
  netlink_put_be32(batch, NFTA_PAYLOAD_CSUM_OFFSET, protocol == IPPROTO_UDP ? 6 : 16);
  expression_end(batch, e);
  netlink_nest_end(batch, expressions);
}

static void table(struct netlink_batch *batch, int type, uint16_t flags) {
  message(batch, type, flags, "table of the name service");
  netlink_put_string(batch, NFTA_TABLE_NAME, table_name);
}

static int commit(int netns, struct netlink_batch *batch, struct error *err) {
  struct netlink netlink = {.fd = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER)};
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (netlink.fd < 0 || bind(netlink.fd, (struct sockaddr *) &address, sizeof address) < 0) {
    fail(err, "dns", errno, "open the packet filter");
    netlink_close(&netlink);
    return -1;
  }
  edge(batch, NFNL_MSG_BATCH_END);
  batch->trailer = 1;
  /* The kernel has worked the batch off, and answered, when the write returns. */
  int result = netlink_commit(&netlink, batch, NULL, err);
  netlink_close(&netlink);
  return result;
}

/* `anew`: the table may be there, and goes first. */
static int install(int netns, int port, int anew, struct error *err) {
  enum { SOURCE = 12, DESTINATION = 16, SOURCE_PORT = 0, DESTINATION_PORT = 2 };
  cleanup_free struct netlink_batch *batch = malloc(sizeof *batch);
  if (!batch) return fail(err, "dns", ENOMEM, "rules");
  netlink_reset(batch);
  edge(batch, NFNL_MSG_BATCH_BEGIN);
  if (anew) {
    table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    table(batch, NFT_MSG_DELTABLE, 0);
  }
  table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
  message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, "chain of the name service");
  netlink_put_string(batch, NFTA_CHAIN_TABLE, table_name);
  netlink_put_string(batch, NFTA_CHAIN_NAME, chain_name);
  netlink_put_string(batch, NFTA_CHAIN_TYPE, "filter");
  struct nlattr *hook = netlink_nest(batch, NFTA_CHAIN_HOOK);
  netlink_put_be32(batch, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
  netlink_put_be32(batch, NFTA_HOOK_PRIORITY, (uint32_t) -300); /* raw: before connection tracking, should there be any */
  netlink_nest_end(batch, hook);
  static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};
  for (size_t i = 0; i < sizeof protocols; i++) {
    rewrite(batch, protocols[i], DESTINATION, DESTINATION_PORT, DNS_NAT_PORT, port);
    rewrite(batch, protocols[i], SOURCE, SOURCE_PORT, port, DNS_NAT_PORT);
  }
  return commit(netns, batch, err);
}

/* A deletion waits for the kernel's grace periods, some 10 ms: a new namespace is spared it. */
int dns_nat_install(int netns, int port, struct error *err) {
  struct error first = {0};
  if (install(netns, port, 0, &first) == 0) return 0;
  return install(netns, port, 1, err);
}

void dns_nat_remove(int netns) {
  cleanup_free struct netlink_batch *batch = malloc(sizeof *batch);
  if (!batch) return;
  netlink_reset(batch);
  edge(batch, NFNL_MSG_BATCH_BEGIN);
  table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
  table(batch, NFT_MSG_DELTABLE, 0);
  commit(netns, batch, NULL);
}

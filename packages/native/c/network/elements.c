/* Elements of the firewall's sets and maps: what changes with a container that comes or goes, in one transaction, without
   nftables' own library, which reads all tables of the machine before each change. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "network/net.h"

enum { LONGEST = 64 }; /* bytes of a key or a value */

static void edge(struct netlink_batch *batch, uint16_t type) {
  struct nfgenmsg header = {.nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
  netlink_message(batch, type, 0, &header, sizeof header);
}

/* Reads hexadecimal digits up to '/' or the end. Returns the number of bytes, or -1. */
static int unhex(const char *text, unsigned char bytes[LONGEST]) {
  int size = 0;
  for (; text[0] && text[0] != '/'; text += 2) {
    unsigned value;
    if (size == LONGEST || !text[1] || sscanf(text, "%2x", &value) != 1) return -1;
    bytes[size++] = (unsigned char) value;
  }
  return size;
}

static void put_value(struct netlink_batch *batch, uint16_t type, const unsigned char *bytes, int size) {
  struct nlattr *nest = netlink_nest(batch, type);
  netlink_put(batch, NFTA_DATA_VALUE, bytes, (size_t) size);
  netlink_nest_end(batch, nest);
}

/* `argument`: SET/KEY or MAP/KEY/VALUE, both in hexadecimal. */
static int put_element(struct netlink_batch *batch, const char *table, int add, const char *argument, struct error *err) {
  char set[NFT_SET_MAXNAMELEN];
  unsigned char key[LONGEST], value[LONGEST];
  const char *slash = strchr(argument, '/');
  const char *second = slash ? strchr(slash + 1, '/') : NULL;
  int key_size = slash ? unhex(slash + 1, key) : -1, value_size = second ? unhex(second + 1, value) : 0;
  if (key_size <= 0 || value_size < 0 || slash - argument >= (long) sizeof set)
    return fail(err, "firewall", EINVAL, "element %s", argument);
  snprintf(set, sizeof set, "%.*s", (int) (slash - argument), argument);
  struct nfgenmsg header = {.nfgen_family = NFPROTO_INET};
  netlink_message(batch, NFNL_SUBSYS_NFTABLES << 8 | (add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM), add ? NLM_F_CREATE : 0,
                  &header, sizeof header);
  netlink_about(batch, "%s an element of %s", add ? "add" : "delete", set);
  netlink_put_string(batch, NFTA_SET_ELEM_LIST_TABLE, table);
  netlink_put_string(batch, NFTA_SET_ELEM_LIST_SET, set);
  struct nlattr *list = netlink_nest(batch, NFTA_SET_ELEM_LIST_ELEMENTS);
  struct nlattr *element = netlink_nest(batch, NFTA_LIST_ELEM);
  put_value(batch, NFTA_SET_ELEM_KEY, key, key_size);
  if (value_size > 0) put_value(batch, NFTA_SET_ELEM_DATA, value, value_size);
  netlink_nest_end(batch, element);
  netlink_nest_end(batch, list);
  return 0;
}

/* elements TABLE delete=SET/KEY... add=MAP/KEY/VALUE...: changes a table of the family inet; all or nothing. */
int net_op_elements(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct elements_request *request = &asked->elements;
  struct netlink_batch *batch = &net->batch;
  if (net->firewall.fd < 0 && netlink_open(&net->firewall, NETLINK_NETFILTER, err) < 0) return -1;
  netlink_reset(batch);
  edge(batch, NFNL_MSG_BATCH_BEGIN);
  for (size_t i = 0; i < request->removed.count; i++)
    if (put_element(batch, request->table, 0, request->removed.items[i], err) < 0) return -1;
  for (size_t i = 0; i < request->added.count; i++)
    if (put_element(batch, request->table, 1, request->added.items[i], err) < 0) return -1;
  edge(batch, NFNL_MSG_BATCH_END);
  batch->trailer = 1;
  if (netlink_commit(&net->firewall, batch, NULL, err) < 0) return -1;
  reply_put(reply, "ok");
  return 0;
}

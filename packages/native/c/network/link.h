/* Shared by the parts of the network worker that make and change links. */
#ifndef BERTH_NET_LINK_H
#define BERTH_NET_LINK_H

#include "network/net.h"

struct net_address {
  int family, prefix, size;
  unsigned char bytes[16];
};

/* Reads `ADDRESS[/PREFIX]`. */
int net_address(const char *text, struct net_address *out, struct error *err);
/* Reads `aa:bb:cc:dd:ee:ff`. */
int net_mac(const char *text, unsigned char mac[6], struct error *err);
/* Messages that give an interface these addresses. */
int net_put_addresses(struct netlink_batch *batch, int index, const struct field_words *addresses, struct error *err);
/* The number of the interface of that name, in the namespace of the socket; -1 and `err` when there is none. */
int net_link_index(struct netlink *netlink, struct netlink_batch *batch, const char *name, struct error *err);

#endif

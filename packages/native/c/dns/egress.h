/* Egress policies by name: what the name service tells a container of an allowed name, the firewall lets it reach.
 *
 * Lines of the sandbox file (dns.h):
 *
 *   egress NAME PROTOCOL|- PORT|-   NAME may be reached, tcp or udp and at a port, or all of them. `*.NAME`: all below it
 *   egress-from TABLE ADDRESS       the host's nftables table (family inet), and an address of this container; a line each
 *
 * Addresses become elements of the table's sets `named4` and `named6` (source . destination . protocol . port, intervals,
 * with timeouts) before the container is told them. They are put back when the table is made anew. */
#ifndef BERTH_DNS_EGRESS_H
#define BERTH_DNS_EGRESS_H

#include "base/loop.h"
#include "dns/packet.h"
#include "dns/table.h"

struct dns_egress;

/* Takes in a reply that is about to be given to the container. `*egress` is made when there is a policy with names. */
void dns_egress_reply(struct dns_egress **egress, struct loop *loop, const struct dns_table *table,
                      const struct dns_query *query, const uint8_t *reply, size_t size);
/* Forgets the policy; what is in the table stays until its time is over. NULL is allowed. */
void dns_egress_free(struct dns_egress *egress);

#endif

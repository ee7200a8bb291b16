/* The name service of a container: answers on 127.0.0.11:53 inside its network namespace, with no daemon alive.
 *
 * Written here: it is a part of each container's supervisor, whose memory counts, and needs of DNS only to read a query, to
 * answer A, AAAA and PTR, and to pass on all else; libraries of DNS are resolvers, or servers with threads of their own.
 *
 * Record (launch, and control for a container that gets its first user-defined network while it runs):
 *
 *   dns NETNS FILE     NETNS: path of the network namespace; FILE: what to serve, below
 *
 * FILE and the names files are text, a line each, fields separated by one blank. They are never written in place but
 * replaced (rename), and are read again at the next query after they, or a file that they name, changed. A file that is
 * not there is an empty one; lines that are not understood are skipped (`port ...` is for others).
 *
 *   names PATH             the names file of a network the container is on; in the order in which they are searched
 *   link ALIAS NAME        a name that only this container has for another's, on the network of the last `names` line
 *                          before it; searched first, and found as ALIAS.NETWORK, too
 *   upstream ADDRESS[#PORT]      asked about all other names from inside the container's namespace (`--dns`)
 *   hostupstream ADDRESS[#PORT]  asked from the host's namespace
 *   resolvconf PATH        the nameservers of this file (the host's /etc/resolv.conf), asked from the host's namespace.
 *                          Followed as it changes. Use it when the container has no servers of its own
 *   egress NAME ...        see egress.h
 *
 * Servers are asked in the order of their lines. Where there are none (a container that is only on internal networks:
 * write no upstream lines for it, or only those of `--dns`, which are asked from inside and so reach what it reaches),
 * names of others are answered SERVFAIL, as dockerd does, and nothing leaves the machine.
 *
 * A names file:
 *
 *   network NETWORK        the first line
 *   NAME IPV4|- IPV6|-     one name with its addresses. A name with several lines (a service, a shared alias) has all of
 *                          the addresses, in an order that rotates. The first line of an address is its name for
 *                          reverse look-ups, NAME.NETWORK: write a container's name before its aliases and short id
 *
 * Every NAME is also found as NAME.NETWORK. Case does not matter. */
#ifndef BERTH_DNS_H
#define BERTH_DNS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"

struct dns;

/* Starts to serve in the namespace. The fd stays the caller's. NULL and `err` when it can't. */
struct dns *dns_start(struct loop *loop, int netns, const char *file, struct error *err);
/* Stops serving, and frees it; queries that are on their way get no answer. The rules in the namespace stay. */
void dns_stop(struct dns *dns);

#endif

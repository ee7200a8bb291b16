/* The way from 127.0.0.11:53 to the name service's sockets inside a container's namespace.
 *
 * They are not bound to port 53 itself: a container that is a name server binds 0.0.0.0:53, which would then be in use.
 * Two rules rewrite the port of what goes to 127.0.0.11:53 and of the answers. They keep no state, so that no connection
 * tracking is switched on in the namespace. */
#ifndef BERTH_DNS_NAT_H
#define BERTH_DNS_NAT_H

#include "base/error.h"

enum { DNS_NAT_ADDRESS = 0x7f00000b, DNS_NAT_PORT = 53 };

/* A socket made in the namespace; -1 for `netns` means the caller's own. Returns the fd or -1 with errno. */
int netns_socket(int netns, int domain, int type, int protocol);
/* Installs the rules in the namespace, in place of any that are there. */
int dns_nat_install(int netns, int port, struct error *err);
/* Removes the rules from the namespace; nothing where there are none. */
void dns_nat_remove(int netns);

#endif

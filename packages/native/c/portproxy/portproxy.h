/* Published ports: listeners in the host's namespace, held by the container's supervisor. They keep others from the port
 * and carry the connections that the firewall does not translate (from the host's loopback, from an IPv6 client to a
 * container without IPv6); all others never get here.
 *
 * Records (launch and control):
 *
 *   port PROTOCOL HOSTIP HOSTPORT DESTIP DESTPORT [PID FD]
 *       PROTOCOL: tcp, udp or sctp. HOSTIP: one address of the host, 0.0.0.0 or :: (IPv6 alone); HOSTPORT is a number,
 *       not 0. New connections go to DESTIP DESTPORT, which the host reaches by its own routes; the families need not be
 *       the same. With PID and FD the socket is that process's (the network worker's `listen`), taken over by
 *       pidfd_getfd: the owner closes its own copy after the start. Without, it is made here.
 *       As control for a port that is held already: only where new connections go is changed.
 *   port-close PROTOCOL HOSTIP HOSTPORT
 *       Control only: gives the port back. Connections that run go on.
 *
 * An error has stage "port", the errno of what failed (EADDRINUSE, EADDRNOTAVAIL ...) and the words that dockerd uses:
 * `listen tcp4 0.0.0.0:80: bind: address already in use`. */
#ifndef BERTH_PORTPROXY_H
#define BERTH_PORTPROXY_H

#include "base/error.h"
#include "base/loop.h"
#include "base/records/launch.h"

struct ports;

/* No ports yet, served by `loop`. NULL without memory; freed by ports_free(). */
struct ports *ports_new(struct loop *loop);
/* Carries out a `port` record. Returns 0, or -1. */
int ports_open(struct ports *ports, const struct launch_record *record, struct error *err);
/* Carries out a `port-close` record; nothing for a port that is not held. Returns 0, or -1. */
int ports_close(struct ports *ports, const struct launch_record *record, struct error *err);
/* Closes the listeners, cuts the connections that are being carried, and frees. */
void ports_free(struct ports *ports);

#endif

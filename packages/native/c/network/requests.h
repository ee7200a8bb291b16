/* Requests to the network worker, decoded once from the daemon's records: a struct for each operation. */
#ifndef BERTH_NET_REQUESTS_H
#define BERTH_NET_REQUESTS_H

#include "base/records/fields.h"

struct sandbox_request {
  const char *id;
  struct field_words maps; /* of a user namespace that is to own it: records in four words each */
};
struct release_request {
  const char *id;
  struct field_words links; /* of the host, to be deleted with it */
};
struct bridge_request {
  const char *name, *mac; /* NULL: the kernel's choice */
  long mtu, ipv6, private_ports;
  struct field_words stale, addresses; /* ADDRESS/PREFIX: to take away, to have */
};
struct link_request {
  const char *name, *kind, *parent; /* kind: `vlan` or `dummy` */
  long vlan;
};
struct endpoint_request {
  const char *sandbox, *name, *kind; /* kind: `veth`, `macvlan` or `ipvlan` */
  const char *host, *bridge;         /* of a veth: the end on the host, and where it is plugged in */
  const char *parent;                /* of the others */
  const char *mac;
  long mtu, ipv6, isolated, hairpin;
  long mode, flags; /* of a macvlan or ipvlan, in the kernel's numbers; -1: its usual mode */
  struct field_words addresses, sysctls;
};
struct routes_request {
  const char *sandbox;
  const char *gateway4, *device4, *gateway6, *device6; /* a family without a device is left alone; "": no route */
};
struct unplug_request {
  const char *sandbox, *name;
};
struct unlink_request {
  const char *name;
};
struct addresses_request {
  const char *name;
};
struct stats_request {
  const char *sandbox;
};
struct listen_request {
  const char *protocol, *address;
  long port;
};
struct close_request {
  struct field_words sockets;
};
struct forget_request {
  struct field_words addresses, udp_ports;
};
struct elements_request {
  const char *table;
  struct field_words removed, added; /* SET/KEY and MAP/KEY/VALUE, hexadecimal */
};

/* The one that an operation's name says. */
union net_request {
  struct sandbox_request sandbox;
  struct release_request release;
  struct bridge_request bridge;
  struct link_request link;
  struct endpoint_request endpoint;
  struct routes_request routes;
  struct unplug_request unplug;
  struct unlink_request unlink;
  struct addresses_request addresses;
  struct stats_request stats;
  struct listen_request listen;
  struct close_request close;
  struct forget_request forget;
  struct elements_request elements;
};

/* The fields of each operation's request. */
extern const struct field sandbox_fields[], release_fields[], bridge_fields[], link_fields[], endpoint_fields[],
    routes_fields[], unplug_fields[], unlink_fields[], addresses_fields[], stats_fields[], listen_fields[], close_fields[],
    forget_fields[], elements_fields[], no_fields[];

/* The command line of the worker: `net [GROUP [TABLE]]`. */
struct net_arguments {
  long group;        /* of interfaces (IFLA_GROUP), by which this daemon's are known; 0: none */
  const char *table; /* of nftables, whose changes are watched; NULL: none */
};
extern const struct field net_argument_fields[];

/* As fields_decode(), with stage "net". */
int net_decode(const struct field *fields, const struct launch_record *record, union net_request *request, const char **words,
               struct error *err);

#endif

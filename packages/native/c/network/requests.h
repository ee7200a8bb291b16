/* Requests to the network worker, decoded once from the daemon's records: a struct for each operation. */
#ifndef BERTH_NET_REQUESTS_H
#define BERTH_NET_REQUESTS_H

#include <stddef.h>

#include "base/error.h"
#include "base/launch.h"

/* Arguments that may come any number of times, in their order. */
struct net_words {
  size_t count;
  const char *const *items;
};

struct sandbox_request {
  const char *id;
  struct net_words maps; /* of a user namespace that is to own it: records in four words each */
};
struct bridge_request {
  const char *name, *mac; /* NULL: the kernel's choice */
  long mtu, ipv6, private_ports;
  struct net_words stale, addresses; /* ADDRESS/PREFIX: to take away, to have */
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
  struct net_words addresses, sysctls;
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
  struct net_words sockets;
};
struct forget_request {
  struct net_words addresses, udp_ports;
};
struct elements_request {
  const char *table;
  struct net_words removed, added; /* SET/KEY and MAP/KEY/VALUE, hexadecimal */
};

/* The one that an operation's name says. */
union net_request {
  struct sandbox_request sandbox;
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

enum net_field_kind { NET_WORD, NET_NUMBER, NET_WORDS };

/* A member of a request. */
struct net_field {
  const char *key; /* of `KEY=VALUE`; NULL: by its place, and needed. Words without a key are all that is left. */
  enum net_field_kind kind;
  size_t member;
  long otherwise; /* the number that is meant where none is given */
};

/* Decodes a record by the fields of its operation, which end with an empty one; `words` has room for as many strings as the
   record. Strings stay the record's. @returns 0, or -1 naming the argument that is missing, unknown or no number. */
int net_decode(const struct net_field *fields, const struct launch_record *record, union net_request *request,
               const char **words, struct error *err);

extern const struct net_field sandbox_fields[], bridge_fields[], link_fields[], endpoint_fields[], routes_fields[],
    unplug_fields[], unlink_fields[], addresses_fields[], stats_fields[], listen_fields[], close_fields[], forget_fields[],
    elements_fields[], no_fields[];

#endif

/* Internal to the published ports; others see portproxy.h. */
#ifndef BERTH_PORTPROXY_INTERNAL_H
#define BERTH_PORTPROXY_INTERNAL_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "portproxy/portproxy.h"

struct address {
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
  };
  socklen_t size;
};

struct association; /* of a UDP client with the container */
enum { ASSOCIATION_BUCKETS = 64 };

struct port {
  struct source source; /* fd -1: none */
  struct ports *ports;
  struct port *next;
  int type, protocol; /* as for socket() */
  struct address at, to;
  int waiting;                       /* a timer: no more connections can be taken in now */
  struct association **associations; /* ASSOCIATION_BUCKETS lists, or NULL */
  size_t association_count;
  int sweeper; /* a timer */
};

struct relay; /* a connection and its other half */

struct ports {
  struct loop *loop;
  struct port *list;
  struct relay *relays;
  int spare_pipes[8][2];
  size_t spare_count;
};

/* The `ready` of a port's source: connections of clients. */
void port_stream_ready(struct source *source, uint32_t events);
/* Datagrams of clients. */
void port_datagram_ready(struct source *source, uint32_t events);

/* Cuts all connections that are being carried. */
void relays_free(struct ports *ports);
/* Wants the kernel to tell to which address each datagram came. */
void port_datagram_prepare(int fd, int family);
/* Forgets all clients of a UDP port; what they send from now on goes to where the port leads now. */
void port_datagram_free(struct port *port);

#endif

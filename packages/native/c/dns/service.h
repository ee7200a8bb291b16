/* Internal to the name service; others see dns.h. */
#ifndef BERTH_DNS_SERVICE_H
#define BERTH_DNS_SERVICE_H

#include "base/records/frame.h"
#include "dns/cache.h"
#include "dns/dns.h"
#include "dns/egress.h"
#include "dns/packet.h"
#include "dns/table.h"

/* A TCP connection of a program in the container. */
struct dns_client {
  struct source source;
  struct dns *dns;
  struct dns_client *next;
  struct buffer in, out;
  int timer;
};

/* The client of a query: a TCP connection, or an address of UDP. */
struct dns_asker {
  struct dns_client *client;
  struct sockaddr_in address;
};

struct dns_lookup;

struct dns {
  struct loop *loop;
  int netns;
  struct source udp, tcp;
  struct dns_table table;
  struct dns_cache *cache;
  struct dns_egress *egress;
  struct dns_client *clients;
  size_t client_count;
  struct dns_lookup *lookups;
  size_t lookup_count;
  uint8_t *scratch; /* DNS_MAX + DNS_HEAD bytes: an answer being made */
};

int64_t dns_now(void); /* milliseconds of the monotonic clock */
/* Sends an answer to who asked; over UDP it is cut to what that one takes. `bytes` may be changed. */
void dns_reply(struct dns *dns, const struct dns_asker *asker, const struct dns_query *query, uint8_t *bytes, size_t size);
/* Answers the query in `packet` with no records and an RCODE. */
void dns_reply_code(struct dns *dns, const struct dns_asker *asker, const struct dns_query *query, const uint8_t *packet,
                    int rcode);

/* Asks the servers; replies in time, whatever comes. */
void dns_forward(struct dns *dns, const struct dns_asker *asker, const struct dns_query *query, const uint8_t *packet,
                 size_t size);
/* Forgets what the client, or anybody (NULL), has asked. */
void dns_forget(struct dns *dns, const struct dns_client *client);

#endif

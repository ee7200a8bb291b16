/* One question that is asked of other servers: forward.c decides whom to ask and which reply to take, attempt.c speaks to one
 * of them. */
#ifndef BERTH_DNS_LOOKUP_H
#define BERTH_DNS_LOOKUP_H

#include "dns/service.h"

/* One server that is asked. */
struct attempt {
  struct source source; /* fd -1: over */
  struct dns_lookup *lookup;
  size_t server;
  int tcp, connected;
  size_t sent;      /* of a TCP query with its length */
  struct buffer in; /* of a TCP reply */
};

struct dns_lookup {
  struct dns *dns;
  struct dns_lookup *next;
  struct dns_asker asker;
  struct dns_query query;
  uint16_t id; /* the asker's; the packet has ours */
  int timer, round;
  size_t order[DNS_SERVERS], servers, asked; /* in this round */
  struct attempt attempts[DNS_SERVERS];
  uint8_t *kept; /* a reply that is better than none */
  size_t kept_size;
  size_t size;
  uint8_t packet[]; /* two bytes of length, then the query */
};

/* attempt.c: asks server `number` of the table. The attempt is over, with -1, when that can't even begin. */
int attempt_start(struct dns_lookup *lookup, struct attempt *attempt, size_t number);
/* Waits for no answer any more. Nothing for one that is over. */
void attempt_end(struct attempt *attempt);

/* forward.c, one of them called once for an attempt; the lookup may be gone afterwards. The server has nothing for us. */
void attempt_failed(struct attempt *attempt);
/* The server has replied, in memory of DNS_MAX + DNS_HEAD bytes, which may be changed. */
void attempt_replied(struct attempt *attempt, uint8_t *reply, size_t size);

#endif

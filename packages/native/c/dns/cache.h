/* Replies of other servers, kept for as long as they say (and not for long: see dns_lifetime). */
#ifndef BERTH_DNS_CACHE_H
#define BERTH_DNS_CACHE_H

#include "dns/packet.h"

struct dns_cache;

/* NULL when there is no memory: both functions below then do nothing. */
struct dns_cache *dns_cache_new(void);
/* Frees it with all replies; NULL is allowed. */
void dns_cache_free(struct dns_cache *cache);
/* Forgets all replies: the servers are others now. */
void dns_cache_flush(struct dns_cache *cache);
/* Copies the reply to `out` (DNS_MAX bytes), aged, with the query's id and spelling. Returns its size or 0. `now`: seconds. */
size_t dns_cache_get(struct dns_cache *cache, const uint8_t *packet, const struct dns_query *query, int64_t now, uint8_t *out);
/* Keeps a copy of the reply to the query in `packet`, if the reply may be kept at all. `now`: seconds. */
void dns_cache_put(struct dns_cache *cache, const uint8_t *packet, const struct dns_query *query, int64_t now,
                   const uint8_t *reply, size_t size);

#endif

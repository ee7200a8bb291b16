/* Asking other servers: in their order, the next one joining in when one is slow, the first good reply winning. A "no" of a
   later server counts only when those before it have had time to answer: the first may know names that others do not. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dns/lookup.h"

enum {
  LOOKUPS = 128,   /* at a time; more are answered SERVFAIL */
  ROUNDS = 2,      /* how often each server is asked */
  HEDGE_MS = 250,  /* after this the next server is asked as well */
  ROUND_MS = 1800, /* after this all are asked again; two rounds end before a resolver's own 5 seconds */
  NO_MS = 700,     /* how long a later server's "no" waits for those before it */
  MISSES = 3,      /* a server that leaves so many questions in a row to others ... */
  BAD_MS = 30000,  /* ... is asked last for this long */
};

static void ask_next(struct dns_lookup *lookup);

static void lookup_free(struct dns_lookup *lookup) {
  struct dns *dns = lookup->dns;
  for (struct dns_lookup **at = &dns->lookups; *at; at = &(*at)->next) {
    if (*at != lookup) continue;
    *at = lookup->next;
    dns->lookup_count--;
    break;
  }
  if (lookup->timer) loop_cancel(dns->loop, lookup->timer);
  for (size_t i = 0; i < lookup->servers; i++) attempt_end(&lookup->attempts[i]);
  free(lookup->kept);
  free(lookup);
}

/* Counts `misses` for the servers that were asked and have not answered. */
static void note_silent(struct dns_lookup *lookup, int misses) {
  struct dns_table *table = &lookup->dns->table;
  for (size_t i = 0; i < lookup->servers; i++) {
    const struct attempt *attempt = &lookup->attempts[i];
    if (attempt->source.fd < 0 || attempt->server >= table->server_count) continue;
    struct dns_server *server = &table->servers[attempt->server];
    if ((server->misses += misses) >= MISSES) server->bad_until = dns_now() + BAD_MS;
  }
}

static void deliver(struct dns_lookup *lookup, uint8_t *reply, size_t size) {
  dns_put_word(reply, lookup->id);
  dns_reply(lookup->dns, &lookup->asker, &lookup->query, reply, size);
  lookup_free(lookup);
}

/* No server will answer any more: sends the reply that was kept, or a failure. */
static void give_up(struct dns_lookup *lookup) {
  if (lookup->kept) {
    deliver(lookup, lookup->kept, lookup->kept_size);
    return;
  }
  dns_reply_code(lookup->dns, &lookup->asker, &lookup->query, lookup->packet + 2, DNS_SERVFAIL);
  lookup_free(lookup);
}

/* How many of the first `before` servers that were asked may still answer. */
static size_t pending(const struct dns_lookup *lookup, size_t before) {
  size_t count = 0;
  for (size_t i = 0; i < before; i++) count += lookup->attempts[i].source.fd >= 0;
  return count;
}

static void timed_out(void *data);

static void set_timer(struct dns_lookup *lookup, int ms) {
  if (lookup->timer) loop_cancel(lookup->dns->loop, lookup->timer);
  lookup->timer = loop_timer(lookup->dns->loop, ms, timed_out, lookup);
}

/* The order of this round: those that lately did not answer come last. */
static void begin_round(struct dns_lookup *lookup) {
  const struct dns_table *table = &lookup->dns->table;
  int64_t now = dns_now();
  lookup->servers = lookup->asked = 0;
  for (int bad = 0; bad < 2; bad++) {
    for (size_t i = 0; i < table->server_count; i++) {
      if ((table->servers[i].bad_until > now) == bad) lookup->order[lookup->servers++] = i;
    }
  }
  for (size_t i = 0; i < lookup->servers; i++) lookup->attempts[i].source.fd = -1;
  lookup->round++;
}

static void timed_out(void *data) {
  struct dns_lookup *lookup = data;
  lookup->timer = 0;
  if (lookup->asked < lookup->servers) {
    ask_next(lookup);
    return;
  }
  note_silent(lookup, MISSES);
  for (size_t i = 0; i < lookup->servers; i++) attempt_end(&lookup->attempts[i]);
  if (lookup->kept || lookup->round >= ROUNDS) {
    give_up(lookup);
    return;
  }
  begin_round(lookup);
  ask_next(lookup);
}

/* Keeps a reply for the case that no better one comes: a "no" is better than a failure. */
static void keep_reply(struct dns_lookup *lookup, const uint8_t *reply, size_t size) {
  if (lookup->kept && (dns_negative(lookup->kept) || !dns_negative(reply))) return;
  uint8_t *copy = malloc(size + DNS_HEAD); /* an OPT record may be put at its end */
  if (!copy) return;
  memcpy(copy, reply, size);
  free(lookup->kept);
  lookup->kept = copy;
  lookup->kept_size = size;
}

void attempt_failed(struct attempt *attempt) {
  struct dns_lookup *lookup = attempt->lookup;
  attempt_end(attempt);
  if (lookup->asked < lookup->servers) {
    ask_next(lookup);
  } else if (!pending(lookup, lookup->servers)) {
    if (lookup->kept)
      give_up(lookup);
    else
      set_timer(lookup, HEDGE_MS); /* all refuse: perhaps they are just being started */
  }
}

void attempt_replied(struct attempt *attempt, uint8_t *reply, size_t size) {
  struct dns_lookup *lookup = attempt->lookup;
  struct dns *dns = lookup->dns;
  int rcode = dns_rcode(reply);
  size_t number = (size_t) (attempt - lookup->attempts);
  if (attempt->server < dns->table.server_count) {
    dns->table.servers[attempt->server].bad_until = 0;
    dns->table.servers[attempt->server].misses = 0;
  }
  if (rcode == DNS_SERVFAIL || rcode == DNS_REFUSED || rcode == DNS_NOTIMP) {
    if (size >= lookup->query.question_end) keep_reply(lookup, reply, size);
    attempt_failed(attempt);
    return;
  }
  if (dns_negative(reply) && pending(lookup, number)) {
    keep_reply(lookup, reply, size);
    attempt_end(attempt);
    lookup->asked = lookup->servers;
    set_timer(lookup, NO_MS);
    return;
  }
  attempt_end(attempt);
  note_silent(lookup, 1);
  dns_cache_put(dns->cache, lookup->packet + 2, &lookup->query, dns_now() / 1000, reply, size);
  dns_egress_reply(&dns->egress, dns->loop, &dns->table, &lookup->query, reply, size);
  deliver(lookup, reply, size);
}

static void ask_next(struct dns_lookup *lookup) {
  int started = 0;
  while (!started && lookup->asked < lookup->servers) {
    size_t number = lookup->order[lookup->asked];
    struct attempt *attempt = &lookup->attempts[lookup->asked++];
    started = number < lookup->dns->table.server_count && attempt_start(lookup, attempt, number) == 0;
  }
  set_timer(lookup, lookup->asked < lookup->servers ? HEDGE_MS : started ? ROUND_MS : HEDGE_MS);
}

/* A resolver that repeats its question while the answer is on its way gets one answer. */
static int is_repeated(const struct dns *dns, const struct dns_asker *asker, const struct dns_query *query) {
  for (const struct dns_lookup *at = dns->lookups; at && !asker->client; at = at->next) {
    if (at->id == query->id && at->query.type == query->type && !at->asker.client &&
        at->asker.address.sin_port == asker->address.sin_port && !strcmp(at->query.name, query->name))
      return 1;
  }
  return 0;
}

void dns_forward(struct dns *dns, const struct dns_asker *asker, const struct dns_query *query, const uint8_t *packet,
                 size_t size) {
  if (is_repeated(dns, asker, query)) return;
  struct dns_lookup *lookup = dns->table.server_count && dns->lookup_count < LOOKUPS ? calloc(1, sizeof *lookup + size + 2)
                                                                                     : NULL;
  if (!lookup) {
    dns_reply_code(dns, asker, query, packet, DNS_SERVFAIL);
    return;
  }
  lookup->dns = dns;
  lookup->asker = *asker;
  lookup->query = *query;
  lookup->id = query->id;
  lookup->size = size + 2;
  dns_put_word(lookup->packet, (unsigned) size);
  memcpy(lookup->packet + 2, packet, size);
  uint16_t id;
  if (getrandom(&id, sizeof id, 0) == sizeof id) memcpy(lookup->packet + 2, &id, sizeof id);
  lookup->next = dns->lookups;
  dns->lookups = lookup;
  dns->lookup_count++;
  begin_round(lookup);
  ask_next(lookup);
}

void dns_forget(struct dns *dns, const struct dns_client *client) {
  for (struct dns_lookup *at = dns->lookups, *next; at; at = next) {
    next = at->next;
    if (!client || at->asker.client == client) lookup_free(at);
  }
}

#include "dns/cache.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 256, WAYS = 4, BYTES_MAX = 256 << 10, REPLY_MAX = 4096 };

struct entry {
  uint64_t hash;
  int64_t since, until; /* seconds */
  size_t key_size, size;
  uint8_t bytes[]; /* the key, then the reply */
};

struct dns_cache {
  size_t bytes;
  struct entry *slots[SLOTS];
};

struct key {
  size_t size;
  uint64_t hash;
  uint8_t bytes[256 + 8];
};

/* The question without the case of its letters, and what else a reply depends on. Returns 0 when it is not to be kept. */
static int make_key(const uint8_t *packet, const struct dns_query *query, struct key *key) {
  size_t size = query->question_end - DNS_HEAD;
  if (query->edns_options || size + 2 > sizeof key->bytes) return 0;
  for (size_t i = 0; i < size; i++) {
    uint8_t c = packet[DNS_HEAD + i];
    /* Lengths of labels are below 'A'; type and class come last and are left as they are. */
    key->bytes[i] = i + 4 < size && c >= 'A' && c <= 'Z' ? (uint8_t) (c + 32) : c;
  }
  key->bytes[size] = (uint8_t) (query->edns | query->dnssec << 1);
  key->bytes[size + 1] = (uint8_t) ((query->flags & DNS_RD ? 1 : 0) | (query->flags & DNS_CD ? 2 : 0) |
                                    (query->flags & DNS_AD ? 4 : 0));
  key->size = size + 2;
  key->hash = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < key->size; i++) key->hash = (key->hash ^ key->bytes[i]) * UINT64_C(1099511628211);
  return 1;
}

struct dns_cache *dns_cache_new(void) {
  return calloc(1, sizeof(struct dns_cache));
}

static void drop(struct dns_cache *cache, struct entry **slot) {
  if (!*slot) return;
  cache->bytes -= sizeof **slot + (*slot)->key_size + (*slot)->size;
  free(*slot);
  *slot = NULL;
}

void dns_cache_flush(struct dns_cache *cache) {
  for (size_t i = 0; cache && i < SLOTS; i++) drop(cache, &cache->slots[i]);
}

void dns_cache_free(struct dns_cache *cache) {
  dns_cache_flush(cache);
  free(cache);
}

static struct entry **find(struct dns_cache *cache, const struct key *key) {
  for (size_t i = 0; i < WAYS; i++) {
    struct entry **slot = &cache->slots[(key->hash + i) % SLOTS], *entry = *slot;
    if (entry && entry->hash == key->hash && entry->key_size == key->size && !memcmp(entry->bytes, key->bytes, key->size))
      return slot;
  }
  return NULL;
}

/* A place that is free, or will be the soonest. */
static struct entry **place(struct dns_cache *cache, const struct key *key) {
  struct entry **best = &cache->slots[key->hash % SLOTS];
  for (size_t i = 1; *best && i < WAYS; i++) {
    struct entry **other = &cache->slots[(key->hash + i) % SLOTS];
    if (!*other || (*other)->until < (*best)->until) best = other;
  }
  return best;
}

size_t dns_cache_get(struct dns_cache *cache, const uint8_t *packet, const struct dns_query *query, int64_t now, uint8_t *out) {
  struct key key;
  if (!cache || !make_key(packet, query, &key)) return 0;
  struct entry **slot = find(cache, &key);
  if (!slot) return 0;
  if ((*slot)->until <= now) {
    drop(cache, slot);
    return 0;
  }
  size_t size = (*slot)->size;
  memcpy(out, (*slot)->bytes + key.size, size);
  dns_age(out, size, (uint32_t) (now - (*slot)->since));
  dns_put_word(out, query->id);
  memcpy(out + DNS_HEAD, packet + DNS_HEAD, query->question_end - DNS_HEAD);
  return size;
}

void dns_cache_put(struct dns_cache *cache, const uint8_t *packet, const struct dns_query *query, int64_t now,
                   const uint8_t *reply, size_t size) {
  struct key key;
  uint32_t lifetime = size > REPLY_MAX || size < query->question_end ? 0 : dns_lifetime(reply, size);
  if (!cache || lifetime == 0 || !make_key(packet, query, &key)) return;
  struct entry **slot = find(cache, &key);
  if (!slot) slot = place(cache, &key);
  drop(cache, slot);
  size_t need = sizeof(struct entry) + key.size + size;
  if (cache->bytes + need > BYTES_MAX) dns_cache_flush(cache);
  struct entry *entry = malloc(need);
  if (!entry) return;
  *entry = (struct entry){key.hash, now, now + lifetime, key.size, size};
  memcpy(entry->bytes, key.bytes, key.size);
  memcpy(entry->bytes + key.size, reply, size);
  cache->bytes += need;
  *slot = entry;
}

#include "dns/packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { OPT_SIZE = 11, OUR_UDP_SIZE = 4096, UDP_MOST = 32768, LABEL_MAX = 63, NAME_MAX_WIRE = 255 };

static int lower(int c) {
  return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* Skips a name that may end in a pointer. Returns where it ends, or 0. */
static size_t skip_name(const uint8_t *packet, size_t size, size_t at) {
  size_t start = at;
  while (at < size && at - start <= NAME_MAX_WIRE) {
    uint8_t length = packet[at];
    if (length == 0) return at + 1;
    if ((length & 0xc0) == 0xc0) return at + 2 <= size ? at + 2 : 0;
    if (length & 0xc0) return 0;
    at += 1 + (size_t) length;
  }
  return 0;
}

/* The question's name as text. Returns where it ends, or 0; a question has no pointers. */
static size_t read_name(const uint8_t *packet, size_t size, char *out) {
  size_t at = DNS_HEAD, used = 0;
  for (;;) {
    if (at >= size) return 0;
    uint8_t length = packet[at++];
    if (length == 0) break;
    if (length > LABEL_MAX || at + length > size || used + length + 1 > NAME_MAX_WIRE - 1) return 0;
    if (used) out[used++] = '.';
    for (int i = 0; i < length; i++, at++) {
      int c = packet[at];
      out[used++] = (char) (c <= ' ' || c == '.' ? 1 : lower(c));
    }
  }
  out[used] = 0;
  return at;
}

int dns_parse_query(const uint8_t *packet, size_t size, struct dns_query *query) {
  *query = (struct dns_query){.question_end = DNS_HEAD, .limit = DNS_PLAIN};
  if (size < DNS_HEAD) return -1;
  query->id = dns_word(packet);
  query->flags = dns_word(packet + 2);
  if (query->flags & DNS_QR) return -1;
  if (query->flags & 0x7800) return DNS_NOTIMP;
  if (dns_word(packet + 4) != 1 || dns_word(packet + 6) || dns_word(packet + 8)) return DNS_FORMERR;
  size_t at = read_name(packet, size, query->name);
  if (!at || at + 4 > size) return DNS_FORMERR;
  query->type = dns_word(packet + at);
  query->class = dns_word(packet + at + 2);
  query->question_end = at + 4;

  size_t walk = 0;
  unsigned number = 0;
  struct dns_record record;
  int more;
  while ((more = dns_next(packet, size, &walk, &number, &record)) > 0) {
    if (record.type != DNS_OPT) continue;
    query->edns = 1;
    query->edns_options = record.size > 0;
    query->dnssec = (record.ttl & 0x8000) != 0;
    query->limit = record.class < DNS_PLAIN ? DNS_PLAIN : record.class > UDP_MOST ? UDP_MOST : record.class;
  }
  return more < 0 ? DNS_FORMERR : 0;
}

int dns_reverse_address(const char *name, uint8_t address[16]) {
  unsigned part[4];
  int end = 0;
  if (sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &part[3], &part[2], &part[1], &part[0], &end) == 4 && end && !name[end]) {
    for (int i = 0; i < 4; i++) {
      if (part[i] > 255) return 0;
      address[i] = (uint8_t) part[i];
    }
    return 4;
  }
  if (strlen(name) != 64 + strlen("ip6.arpa") || strcmp(name + 64, "ip6.arpa")) return 0;
  for (int i = 0; i < 32; i++) {
    const char *digits = "0123456789abcdef", *digit = strchr(digits, name[2 * i]);
    if (!digit || name[2 * i + 1] != '.') return 0;
    int at = 15 - i / 2;
    address[at] = (uint8_t) (i % 2 ? address[at] | (digit - digits) << 4 : digit - digits);
  }
  return 16;
}

void dns_begin(struct dns_answer *answer, uint8_t *bytes, size_t limit, const uint8_t *packet, const struct dns_query *query,
               int rcode) {
  *answer = (struct dns_answer){.bytes = bytes, .limit = limit, .query = query};
  if (query->edns) answer->limit -= OPT_SIZE;
  memset(bytes, 0, DNS_HEAD);
  dns_put_word(bytes, query->id);
  dns_put_word(bytes + 2, (unsigned) (DNS_QR | DNS_RA | (query->flags & (0x7800 | DNS_RD | DNS_CD)) | rcode));
  answer->size = query->question_end;
  if (query->question_end > DNS_HEAD) {
    memcpy(bytes + DNS_HEAD, packet + DNS_HEAD, query->question_end - DNS_HEAD);
    dns_put_word(bytes + 4, 1);
  }
}

int dns_add(struct dns_answer *answer, uint16_t type, uint32_t ttl, const void *data, size_t size) {
  uint8_t *at = answer->bytes + answer->size;
  if (answer->size + 12 + size > answer->limit) {
    answer->bytes[2] |= DNS_TC >> 8;
    return -1;
  }
  dns_put_word(at, 0xc000 | DNS_HEAD);
  dns_put_word(at + 2, type);
  dns_put_word(at + 4, DNS_IN);
  dns_put_word(at + 6, ttl >> 16);
  dns_put_word(at + 8, ttl & 0xffff);
  dns_put_word(at + 10, (unsigned) size);
  memcpy(at + 12, data, size);
  answer->size += 12 + size;
  answer->count++;
  return 0;
}

size_t dns_encode_name(const char *name, uint8_t out[256]) {
  size_t used = 0;
  while (*name) {
    size_t length = strcspn(name, ".");
    if (length == 0 || length > LABEL_MAX || used + length + 2 > NAME_MAX_WIRE) return 0;
    out[used++] = (uint8_t) length;
    memcpy(out + used, name, length);
    used += length;
    name += length;
    if (*name == '.') name++;
  }
  out[used++] = 0;
  return used;
}

static size_t put_opt(uint8_t *at, int dnssec) {
  memset(at, 0, OPT_SIZE);
  dns_put_word(at + 1, DNS_OPT);
  dns_put_word(at + 3, OUR_UDP_SIZE);
  if (dnssec) at[7] = 0x80;
  return OPT_SIZE;
}

size_t dns_end(struct dns_answer *answer) {
  dns_put_word(answer->bytes + 6, answer->count);
  if (answer->query->edns) {
    answer->size += put_opt(answer->bytes + answer->size, answer->query->dnssec);
    dns_put_word(answer->bytes + 10, 1);
  }
  return answer->size;
}

int dns_matches(const uint8_t *query, size_t question_end, const uint8_t *reply, size_t size) {
  if (size < DNS_HEAD || memcmp(query, reply, 2) || !(reply[2] & 0x80)) return 0;
  /* Some servers answer a failure without the question. */
  if (dns_word(reply + 4) == 0) return dns_rcode(reply) != DNS_NOERROR && dns_rcode(reply) != DNS_NXDOMAIN;
  if (dns_word(reply + 4) != 1 || size < question_end) return 0;
  for (size_t i = DNS_HEAD; i < question_end; i++) {
    if (lower(query[i]) != lower(reply[i])) return 0;
  }
  return 1;
}

int dns_next(const uint8_t *packet, size_t size, size_t *at, unsigned *number, struct dns_record *record) {
  if (size < DNS_HEAD) return -1;
  if (*at == 0) {
    *at = DNS_HEAD;
    for (unsigned i = dns_word(packet + 4); i > 0; i--) {
      size_t end = skip_name(packet, size, *at);
      if (!end || end + 4 > size) return -1;
      *at = end + 4;
    }
  }
  unsigned answers = dns_word(packet + 6), authority = dns_word(packet + 8), additional = dns_word(packet + 10);
  if (*number >= answers + authority + additional) return 0;
  size_t end = skip_name(packet, size, *at);
  if (!end || end + 10 > size) return -1;
  record->type = dns_word(packet + end);
  record->class = dns_word(packet + end + 2);
  record->ttl_at = end + 4;
  record->ttl = (uint32_t) dns_word(packet + end + 4) << 16 | dns_word(packet + end + 6);
  record->size = dns_word(packet + end + 8);
  record->data_at = end + 10;
  if (record->data_at + record->size > size) return -1;
  record->section = *number < answers ? 1 : *number < answers + authority ? 2 : 3;
  *number += 1;
  *at = record->data_at + record->size;
  return 1;
}

uint32_t dns_lifetime(const uint8_t *reply, size_t size) {
  enum { POSITIVE_MAX = 300, NEGATIVE_MAX = 30 };
  int rcode = dns_rcode(reply), negative = dns_negative(reply);
  if (dns_truncated(reply) || (rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN)) return 0;
  uint32_t least = UINT32_MAX;
  size_t at = 0;
  unsigned number = 0;
  struct dns_record record;
  int more, has_soa = 0;
  while ((more = dns_next(reply, size, &at, &number, &record)) > 0) {
    if (record.type == DNS_OPT) continue;
    if (record.ttl < least) least = record.ttl;
    if (record.type == DNS_SOA && record.section == 2 && record.size >= 22) {
      /* The last of the five numbers is how long "no" may be kept. */
      const uint8_t *minimum = reply + record.data_at + record.size - 4;
      uint32_t value = (uint32_t) dns_word(minimum) << 16 | dns_word(minimum + 2);
      if (value < least) least = value;
      has_soa = 1;
    }
  }
  if (more < 0 || least == UINT32_MAX || (negative && !has_soa)) return 0;
  uint32_t most = negative ? NEGATIVE_MAX : POSITIVE_MAX;
  return least < most ? least : most;
}

void dns_age(uint8_t *reply, size_t size, uint32_t seconds) {
  size_t at = 0;
  unsigned number = 0;
  struct dns_record record;
  while (dns_next(reply, size, &at, &number, &record) > 0) {
    if (record.type == DNS_OPT) continue;
    uint32_t ttl = record.ttl > seconds ? record.ttl - seconds : 0;
    dns_put_word(reply + record.ttl_at, ttl >> 16);
    dns_put_word(reply + record.ttl_at + 2, ttl & 0xffff);
  }
}

size_t dns_cut(uint8_t *reply, size_t size, size_t limit, const struct dns_query *query) {
  if (size <= limit) return size;
  reply[2] |= DNS_TC >> 8;
  memset(reply + 6, 0, 6);
  size = query->question_end;
  if (query->edns) {
    size += put_opt(reply + size, query->dnssec);
    dns_put_word(reply + 10, 1);
  }
  return size;
}

/* DNS messages (RFC 1035, 6891): reading queries, building answers, walking over records. No policy. */
#ifndef BERTH_DNS_PACKET_H
#define BERTH_DNS_PACKET_H

#include <stddef.h>
#include <stdint.h>

enum { DNS_HEAD = 12, DNS_MAX = 65535, DNS_PLAIN = 512 };
enum { DNS_NOERROR, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED };
enum { DNS_A = 1, DNS_SOA = 6, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41, DNS_ANY = 255 };
enum { DNS_IN = 1 };
/* Bits of the header's second word. */
enum { DNS_QR = 0x8000, DNS_AA = 0x0400, DNS_TC = 0x0200, DNS_RD = 0x0100, DNS_RA = 0x0080, DNS_AD = 0x0020, DNS_CD = 0x0010 };

struct dns_query {
  uint16_t id, flags, type, class;
  char name[256];      /* lower case, dots between labels, none at the end; a label's own dots and blanks are '\1' */
  size_t question_end; /* where the question section ends */
  int edns;            /* it has an OPT record ... */
  int edns_options;    /* ... with options */
  int dnssec;          /* ... and the DO bit */
  size_t limit;        /* the largest answer its sender takes over UDP */
};

/* Reads a query. Returns 0; an RCODE with which to answer; or -1 when it is to be ignored: too short, or a response. With
   an RCODE id and flags are set, and question_end is DNS_HEAD when there is no readable question. */
int dns_parse_query(const uint8_t *packet, size_t size, struct dns_query *query);

/* The address that a reverse look-up's name stands for: its size (4 or 16), or 0 when it is no such name. */
int dns_reverse_address(const char *name, uint8_t address[16]);

/* An answer being built. `limit` bytes hold it with its OPT record; what does not fit sets TC. */
struct dns_answer {
  uint8_t *bytes;
  size_t size, limit;
  uint16_t count;
  const struct dns_query *query;
};

/* Begins an answer to the query in `packet`, in memory of at least `limit` (>= DNS_PLAIN) bytes. */
void dns_begin(struct dns_answer *answer, uint8_t *bytes, size_t limit, const uint8_t *packet, const struct dns_query *query,
               int rcode);
/* Adds a record that answers the question. Returns -1 (and marks it truncated) when it does not fit. */
int dns_add(struct dns_answer *answer, uint16_t type, uint32_t ttl, const void *data, size_t size);
/* A domain name as record data. Returns its size, or 0 when it can't be one. */
size_t dns_encode_name(const char *name, uint8_t out[256]);
/* Appends the OPT record if the query had one. Returns the whole size. */
size_t dns_end(struct dns_answer *answer);

/* Whether `reply` answers `query` (both as sent): id and question. */
int dns_matches(const uint8_t *query, size_t question_end, const uint8_t *reply, size_t size);
static inline uint16_t dns_word(const uint8_t *at) {
  return (uint16_t) (at[0] << 8 | at[1]);
}
static inline void dns_put_word(uint8_t *at, unsigned value) {
  at[0] = (uint8_t) (value >> 8), at[1] = (uint8_t) value;
}
static inline int dns_rcode(const uint8_t *reply) {
  return reply[3] & 15;
}
static inline int dns_truncated(const uint8_t *reply) {
  return reply[2] & 2;
}
/* No such name, or none of that type. */
static inline int dns_negative(const uint8_t *reply) {
  return dns_rcode(reply) == DNS_NXDOMAIN || (dns_rcode(reply) == DNS_NOERROR && dns_word(reply + 6) == 0);
}

struct dns_record {
  uint16_t type, class;
  uint32_t ttl;
  size_t ttl_at, data_at, size;
  int section; /* 1 answer, 2 authority, 3 additional */
};
/* Walks over the records behind the question: start with *at = 0. Returns 1 and the next record, 0 at the end, -1 when the
   message is malformed. `number` counts and belongs to the walk like `at`; start with 0. */
int dns_next(const uint8_t *packet, size_t size, size_t *at, unsigned *number, struct dns_record *record);
/* For how long a reply may be kept (RFC 2308 for negative ones), in seconds; 0: not at all. */
uint32_t dns_lifetime(const uint8_t *reply, size_t size);
/* Makes the reply `seconds` older. */
void dns_age(uint8_t *reply, size_t size, uint32_t seconds);
/* Cuts a reply that is over `limit` to its head, with TC. Returns its new size. */
size_t dns_cut(uint8_t *reply, size_t size, size_t limit, const struct dns_query *query);

#endif

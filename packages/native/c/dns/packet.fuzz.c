/* DNS messages: as a query of a container, and as the reply of a server to one. */
#include <stdlib.h>
#include <string.h>

#include "base/fuzz.h"
#include "dns/packet.h"

static void answer(const uint8_t *packet, size_t size) {
  struct dns_query query = {0};
  int rcode = dns_parse_query(packet, size, &query);
  if (rcode < 0) return;
  FUZZ_CHECK(query.question_end >= DNS_HEAD && query.question_end <= size && memchr(query.name, 0, sizeof query.name));
  uint8_t address[16], *bytes = malloc(DNS_MAX), name[256];
  FUZZ_CHECK(bytes);
  size_t limit = query.limit >= DNS_PLAIN && query.limit <= DNS_MAX ? query.limit : DNS_PLAIN;
  int reverse = rcode ? 0 : dns_reverse_address(query.name, address);
  FUZZ_CHECK(reverse == 0 || reverse == 4 || reverse == 16);
  struct dns_answer built;
  dns_begin(&built, bytes, limit, packet, &query, rcode);
  size_t encoded = dns_encode_name("some.name.test", name);
  for (int i = 0; i < 100 && dns_add(&built, DNS_PTR, 60, name, encoded) == 0; i++)
    ;
  size_t whole = dns_end(&built);
  FUZZ_CHECK(whole >= DNS_HEAD && whole <= limit);
  free(bytes);
}

static void take_reply(const uint8_t *packet, size_t size) {
  struct dns_record record;
  size_t at = 0;
  unsigned number = 0, steps = 0;
  if (size < DNS_HEAD) return;
  while (dns_next(packet, size, &at, &number, &record) > 0) {
    FUZZ_CHECK(record.data_at <= size && record.size <= size - record.data_at && record.ttl_at + 4 <= size);
    FUZZ_CHECK(++steps <= 3 * 65535u);
  }
  dns_lifetime(packet, size);
  dns_matches(packet, DNS_HEAD, packet, size);
  uint8_t *copy = malloc(size);
  FUZZ_CHECK(copy);
  memcpy(copy, packet, size);
  dns_age(copy, size, 30);
  struct dns_query query = {0};
  if (dns_parse_query(packet, size, &query) == 0) FUZZ_CHECK(dns_cut(copy, size, DNS_PLAIN, &query) <= size);
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  if (size > DNS_MAX) return 0;
  answer(bytes, size);
  take_reply(bytes, size);
  return 0;
}

static size_t question(uint8_t *out, const char *name, unsigned type, unsigned flags) {
  memset(out, 0, DNS_HEAD);
  dns_put_word(out, 77);
  dns_put_word(out + 2, flags);
  dns_put_word(out + 4, 1);
  size_t size = DNS_HEAD + dns_encode_name(name, out + DNS_HEAD);
  dns_put_word(out + size, type);
  dns_put_word(out + size + 2, DNS_IN);
  return size + 4;
}

void fuzz_seeds(void (*seed)(const void *, size_t)) {
  static const char *const names[] = {"web", "www.example.com", "7.2.0.192.in-addr.arpa",
                                      "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"};
  uint8_t bytes[DNS_PLAIN];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t size = question(bytes, names[i], i > 1 ? DNS_PTR : DNS_A, DNS_RD);
    seed(bytes, size);
    /* The same with an OPT record. */
    memcpy(bytes + size, "\0\0\51\20\0\0\0\200\0\0\0", 11);
    bytes[11] = 1;
    seed(bytes, size + 11);
    /* A reply: the name as a pointer to the question's, an address; then an SOA of the authority. */
    size = question(bytes, names[i], DNS_A, DNS_QR | DNS_RD | DNS_RA);
    memcpy(bytes + size, "\300\14\0\1\0\1\0\0\0\74\0\4\300\0\2\7", 16);
    bytes[7] = 1;
    seed(bytes, size + 16);
    memcpy(bytes + size, "\300\14\0\6\0\1\0\0\0\74\0\30\1m\0\1r\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 38);
    bytes[7] = 0, bytes[9] = 1;
    seed(bytes, size + 38);
  }
}

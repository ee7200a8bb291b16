/* The name service's messages, tables and cache. */
#include "dns/packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/cache.h"
#include "dns/table.h"
#include "dns/testing.h"

static void test_packets(void) {
  uint8_t packet[1024], answer_bytes[DNS_MAX];
  struct dns_query query;
  size_t size = make_query(packet, 7, "WEB.Example", DNS_A, 1232);
  CHECK(dns_parse_query(packet, size, &query) == 0);
  CHECK(query.id == 7 && !strcmp(query.name, "web.example") && query.type == DNS_A && query.edns && query.limit == 1232);
  CHECK(dns_parse_query(packet, 11, &query) == -1);
  CHECK(dns_parse_query(packet, DNS_HEAD + 3, &query) == DNS_FORMERR);
  packet[2] |= 0x80;
  CHECK(dns_parse_query(packet, size, &query) == -1);
  packet[2] = 0x11;
  CHECK(dns_parse_query(packet, size, &query) == DNS_NOTIMP);

  size = make_query(packet, 7, "many", DNS_A, 0);
  CHECK(dns_parse_query(packet, size, &query) == 0 && query.limit == DNS_PLAIN);
  struct dns_answer answer;
  dns_begin(&answer, answer_bytes, query.limit, packet, &query, 0);
  int added = 0;
  while (dns_add(&answer, DNS_A, 5, "\x0a\0\0\1", 4) == 0) added++;
  size = dns_end(&answer);
  CHECK(size <= DNS_PLAIN && added == (512 - (int) query.question_end) / 16 && dns_truncated(answer_bytes));
  CHECK(dns_word(answer_bytes + 6) == added && dns_matches(packet, query.question_end, answer_bytes, size));

  uint8_t address[16], expected[16];
  CHECK(dns_reverse_address("2.0.17.172.in-addr.arpa", address) == 4 && !memcmp(address, "\xac\x11\0\2", 4));
  CHECK(!dns_reverse_address("2.0.17.372.in-addr.arpa", address) && !dns_reverse_address("in-addr.arpa", address));
  inet_pton(AF_INET6, "fd00:1:2::ab", expected);
  CHECK(dns_reverse_address("b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa", address) == 16);
  CHECK(!memcmp(address, expected, 16));

  /* Messages with single bytes changed do no harm. */
  srandom(1);
  for (int i = 0; i < 20000; i++) {
    static uint8_t copy[DNS_MAX];
    uint8_t *exact = malloc(size);
    memcpy(exact, answer_bytes, size);
    for (int k = 0; k < 4; k++) exact[(size_t) random() % size] = (uint8_t) random();
    dns_lifetime(exact, size);
    dns_age(exact, size, 3);
    memcpy(copy, exact, size);
    dns_parse_query(exact, (size_t) random() % size, &query);
    exact[2] &= 0x7f;
    dns_put_word(exact + 6, 0);
    dns_put_word(exact + 8, 0);
    dns_parse_query(exact, size, &query);
    free(exact);
  }
}

static void test_table(void) {
  char path[256], text[1024];
  struct dns_table table;
  static struct dns_addresses found;
  put("net1",
      "network front\nweb 10.0.0.2 fd00::2\nSite 10.0.0.2 fd00::2\nsvc 10.0.0.2 -\nsvc 10.0.0.3 -\nsvc 10.0.0.4 -\nfour 10.0.0.9 -\n");
  put("net2", "network back.end\ndb 10.1.0.2 -\nweb 10.1.0.3 -\n");
  put("resolv", "# host\nnameserver 9.9.9.9\nnameserver fe80::1%lo\nsearch x\n");
  snprintf(
      text, sizeof text,
      "names %s/net1\nlink gone db\nnames %s/net2\nlink cache db\nupstream 1.2.3.4#5353\nresolvconf %s/resolv\nport tcp 0.0.0.0 80 10.0.0.2 80\n",
      directory, directory, directory);
  put("sandbox", text);
  snprintf(path, sizeof path, "%s/sandbox", directory);
  CHECK(dns_table_open(&table, path) == 0);
  CHECK(table.network_count == 2 && table.server_count == 3 && table.servers[0].inside && !table.servers[1].inside);
  CHECK(((struct sockaddr_in *) &table.servers[0].address)->sin_port == htons(5353));

  CHECK(dns_table_find(&table, "web", AF_INET, &found) && found.count == 1 && !memcmp(found.list[0], "\x0a\0\0\2", 4));
  CHECK(dns_table_find(&table, "site", AF_INET6, &found) && found.count == 1 && found.list[0][15] == 2);
  CHECK(dns_table_find(&table, "four", AF_INET6, &found) && found.count == 0);
  CHECK(dns_table_find(&table, "cache", AF_INET, &found) && found.count == 1 && found.list[0][1] == 1);
  CHECK(dns_table_find(&table, "Cache.back.end", AF_INET, &found) && found.count == 1 && found.list[0][1] == 1);
  CHECK(!dns_table_find(&table, "cache.front", AF_INET, &found) && !dns_table_find(&table, "cache.", AF_INET, &found));
  CHECK(!dns_table_find(&table, "gone", AF_INET, &found)); /* its target is on another network */
  CHECK(dns_table_find(&table, "web.back.end", AF_INET, &found) && found.count == 1 && found.list[0][1] == 1);
  CHECK(dns_table_find(&table, "web.front", AF_INET, &found) && found.list[0][1] == 0);
  CHECK(!dns_table_find(&table, "nobody", AF_INET, &found) && !dns_table_find(&table, "", AF_INET, &found));
  CHECK(!dns_table_find(&table, "we", AF_INET, &found) && !dns_table_find(&table, "network", AF_INET, &found));
  unsigned first = 0;
  for (int i = 0; i < 3; i++) {
    CHECK(dns_table_find(&table, "svc", AF_INET, &found) && found.count == 3);
    first |= 1u << found.list[0][3];
  }
  CHECK(first == (1 << 2 | 1 << 3 | 1 << 4));
  char name[512];
  CHECK(dns_table_reverse(&table, (const uint8_t *) "\x0a\0\0\2", 4, name) && !strcmp(name, "web.front"));
  CHECK(!dns_table_reverse(&table, (const uint8_t *) "\x0a\0\0\7", 4, name));

  put("net1", "network front\nnew 10.0.0.5 -\n");
  put("resolv", "nameserver 8.8.4.4\n");
  CHECK(dns_table_refresh(&table) == 1 && table.server_count == 2);
  CHECK(dns_table_find(&table, "new", AF_INET, &found) && !dns_table_find(&table, "site", AF_INET, &found));
  CHECK(dns_table_refresh(&table) == 0);
  snprintf(path, sizeof path, "%s/net1", directory);
  unlink(path);
  dns_table_refresh(&table);
  CHECK(!dns_table_find(&table, "new", AF_INET, &found));
  dns_table_close(&table);
}

static void test_cache(void) {
  uint8_t packet[512], reply[512], out[DNS_MAX];
  struct dns_query query;
  struct dns_cache *cache = dns_cache_new();
  size_t size = make_query(packet, 1, "a.example", DNS_A, 0);
  dns_parse_query(packet, size, &query);
  struct dns_answer answer;
  dns_begin(&answer, reply, sizeof reply, packet, &query, 0);
  dns_add(&answer, DNS_A, 60, "\1\2\3\4", 4);
  size_t reply_size = dns_end(&answer);
  dns_cache_put(cache, packet, &query, 100, reply, reply_size);
  size = make_query(packet, 2, "A.Example", DNS_A, 0);
  dns_parse_query(packet, size, &query);
  CHECK(dns_cache_get(cache, packet, &query, 110, out) == reply_size);
  CHECK(dns_word(out) == 2 && !memcmp(out + DNS_HEAD, packet + DNS_HEAD, size - DNS_HEAD));
  struct dns_record record;
  size_t at = 0;
  unsigned number = 0;
  CHECK(dns_next(out, reply_size, &at, &number, &record) == 1 && record.ttl == 50);
  CHECK(dns_cache_get(cache, packet, &query, 161, out) == 0);
  /* It does not grow without end. */
  for (int i = 0; i < 5000; i++) {
    char name[32];
    snprintf(name, sizeof name, "n%d.example", i);
    size = make_query(packet, 3, name, DNS_A, 0);
    dns_parse_query(packet, size, &query);
    dns_begin(&answer, reply, sizeof reply, packet, &query, 0);
    dns_add(&answer, DNS_A, 60, "\1\2\3\4", 4);
    dns_cache_put(cache, packet, &query, 100, reply, dns_end(&answer));
  }
  CHECK(dns_cache_get(cache, packet, &query, 100, out) > 0);
  dns_cache_free(cache);
}

int main(void) {
  CHECK(mkdtemp(directory));
  test_packets();
  test_table();
  test_cache();
  remove_directory();
  printf("dns packets, table, cache: ok\n");
  return 0;
}

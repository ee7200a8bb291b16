#include "dns/egress.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/netlink.h"

enum {
  LIFE_S = 3600, /* how long an address stays allowed after it was last told; a program may keep it longer than its TTL */
  ENTRIES = 1024,
  BATCH = 32,
};

/* One element of a set: lower and upper bounds of source, destination, protocol and port, each padded to four bytes. */
struct entry {
  int six;
  size_t size; /* of each key */
  uint8_t from[40], to[40];
  time_t until;
};

struct dns_egress {
  struct source watch; /* the packet filter's changes, told by the kernel; fd -1: none */
  struct loop *loop;
  struct netlink netlink;
  char table[NFT_TABLE_MAXNAMELEN];
  struct entry *entries;
  size_t count, room;
  int renewed; /* the transaction being told makes our table anew */
};

static time_t now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec;
}

static void edge(struct netlink_batch *batch, uint16_t type) {
  struct nfgenmsg header = {.nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
  netlink_message(batch, type, 0, &header, sizeof header);
}

static void put_key(struct netlink_batch *batch, uint16_t type, const void *bytes, size_t size) {
  struct nlattr *nest = netlink_nest(batch, type);
  netlink_put(batch, NFTA_DATA_VALUE, bytes, size);
  netlink_nest_end(batch, nest);
}

static void put_entry(struct netlink_batch *batch, const char *table, const struct entry *entry, time_t now) {
  struct nfgenmsg header = {.nfgen_family = NFPROTO_INET};
  netlink_message(batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM, NLM_F_CREATE, &header, sizeof header);
  netlink_about(batch, "allow a name's address");
  netlink_put_string(batch, NFTA_SET_ELEM_LIST_TABLE, table);
  netlink_put_string(batch, NFTA_SET_ELEM_LIST_SET, entry->six ? "named6" : "named4");
  struct nlattr *list = netlink_nest(batch, NFTA_SET_ELEM_LIST_ELEMENTS);
  struct nlattr *element = netlink_nest(batch, NFTA_LIST_ELEM);
  put_key(batch, NFTA_SET_ELEM_KEY, entry->from, entry->size);
  put_key(batch, NFTA_SET_ELEM_KEY_END, entry->to, entry->size);
  uint64_t timeout = htobe64((uint64_t) (entry->until - now) * 1000);
  netlink_put(batch, NFTA_SET_ELEM_TIMEOUT, &timeout, sizeof timeout);
  /* An element that is there already lives on: from Linux 6.12 this is what gives it more time. */
  netlink_put(batch, NFTA_SET_ELEM_EXPIRATION, &timeout, sizeof timeout);
  netlink_nest_end(batch, element);
  netlink_nest_end(batch, list);
}

/* Adds entries, each in a transaction of its own when several at once are refused: one that a wider one covers can't be
   added, and need not be. */
static void install(struct dns_egress *egress, const struct entry *entries, size_t count) {
  cleanup_free struct netlink_batch *batch = malloc(sizeof *batch);
  if (!batch || egress->netlink.fd < 0) return;
  time_t now = now_s();
  for (size_t at = 0; at < count; at += BATCH) {
    size_t most = count - at < BATCH ? count - at : BATCH;
    for (size_t step = most; step > 0; step = step > 1 ? 1 : 0) {
      int failed = 0;
      for (size_t i = 0; i < most; i += step) {
        netlink_reset(batch);
        edge(batch, NFNL_MSG_BATCH_BEGIN);
        for (size_t k = i; k < i + step; k++) put_entry(batch, egress->table, &entries[at + k], now);
        edge(batch, NFNL_MSG_BATCH_END);
        batch->trailer = 1;
        failed |= netlink_commit(&egress->netlink, batch, NULL, NULL) < 0;
      }
      if (!failed) break;
    }
  }
}

/* Drops what has run out; when it is still too much, the first half. */
static void make_room(struct dns_egress *egress, time_t now) {
  size_t kept = 0;
  for (size_t i = 0; i < egress->count; i++) {
    if (egress->entries[i].until > now) egress->entries[kept++] = egress->entries[i];
  }
  if (kept >= ENTRIES) {
    memmove(egress->entries, egress->entries + kept / 2, (kept - kept / 2) * sizeof *egress->entries);
    kept -= kept / 2;
  }
  egress->count = kept;
}

/* Remembers the entry. Returns it, or NULL when the kernel was given it a short time ago. */
static struct entry *remember(struct dns_egress *egress, const struct entry *entry, time_t now) {
  for (size_t i = 0; i < egress->count; i++) {
    struct entry *at = &egress->entries[i];
    if (at->six != entry->six || memcmp(at->from, entry->from, entry->size) || memcmp(at->to, entry->to, entry->size)) continue;
    if (at->until - now > LIFE_S - 60) return NULL;
    at->until = entry->until;
    return at;
  }
  if (egress->count >= ENTRIES) make_room(egress, now);
  if (egress->count == egress->room) {
    size_t room = egress->room ? egress->room * 2 : 16;
    struct entry *more = realloc(egress->entries, room * sizeof *more);
    if (!more) return NULL;
    egress->entries = more;
    egress->room = room;
  }
  egress->entries[egress->count] = *entry;
  return &egress->entries[egress->count++];
}

static void watch_ready(struct source *source, uint32_t events) {
  struct dns_egress *egress = (struct dns_egress *) source;
  _Alignas(16) char bytes[16384];
  int renewed = 0;
  for (;;) {
    ssize_t size = recv(source->fd, bytes, sizeof bytes, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      renewed = 1; /* something was missed */
      continue;
    }
    if (size <= 0) break;
    int left = (int) size;
    for (const struct nlmsghdr *at = (void *) bytes; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
      size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
      if (at->nlmsg_len < skip) continue;
      if (at->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE)) {
        const struct nlattr *name = netlink_find((const char *) at + skip, at->nlmsg_len - skip, NFTA_TABLE_NAME);
        egress->renewed |= name && !strncmp(netlink_data(name), egress->table, netlink_size(name));
      } else if (at->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) {
        renewed |= egress->renewed;
        egress->renewed = 0;
      }
    }
  }
  if (!renewed) return;
  make_room(egress, now_s());
  install(egress, egress->entries, egress->count);
}

static struct dns_egress *make(struct loop *loop, const struct dns_field *table) {
  struct dns_egress *egress = calloc(1, sizeof *egress);
  if (!egress || table->size >= sizeof egress->table) {
    free(egress);
    return NULL;
  }
  memcpy(egress->table, table->text, table->size);
  egress->loop = loop;
  netlink_open(&egress->netlink, NETLINK_NETFILTER, NULL);
  int group = NFNLGRP_NFTABLES, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  egress->watch = (struct source){.fd = fd, .ready = watch_ready};
  if (fd >= 0 && (bind(fd, (struct sockaddr *) &address, sizeof address) < 0 ||
                  setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0 ||
                  loop_add(loop, &egress->watch, EPOLLIN) < 0)) {
    close(fd);
    egress->watch.fd = -1;
  }
  return egress;
}

void dns_egress_free(struct dns_egress *egress) {
  if (!egress) return;
  if (egress->watch.fd >= 0) {
    loop_remove(egress->loop, &egress->watch);
    close(egress->watch.fd);
  }
  netlink_close(&egress->netlink);
  free(egress->entries);
  free(egress);
}

/* Whether the policy's name covers the one that was asked for (lower case). */
static int covers(const struct dns_field *rule, const char *name) {
  size_t length = strlen(name), size = rule->size;
  const char *text = rule->text;
  if (size > 2 && text[0] == '*' && text[1] == '.') {
    text++, size--;
    return length > size && !strncasecmp(name + length - size, text, size);
  }
  return length == size && !strncasecmp(name, text, size);
}

/* The entry for one address, as one rule allows it from one of the container's own. Returns 0 when they do not go together. */
static int make_entry(const struct dns_line *rule, const struct dns_field *own, const uint8_t *address, int six,
                      struct entry *entry) {
  char text[INET6_ADDRSTRLEN];
  size_t width = six ? 16 : 4;
  if (own->size >= sizeof text) return 0;
  memcpy(text, own->text, own->size);
  text[own->size] = 0;
  *entry = (struct entry){.six = six, .size = 2 * width + 8};
  if (inet_pton(six ? AF_INET6 : AF_INET, text, entry->from) != 1) return 0;
  memcpy(entry->from + width, address, width);
  memcpy(entry->to, entry->from, 2 * width);
  uint8_t *low = entry->from + 2 * width, *high = entry->to + 2 * width;
  if (dns_field_is(rule, 2, "tcp") || dns_field_is(rule, 2, "udp"))
    low[0] = high[0] = dns_field_is(rule, 2, "tcp") ? IPPROTO_TCP : IPPROTO_UDP;
  else
    high[0] = 255;
  char number[8] = "";
  if (rule->fields[3].size < sizeof number) memcpy(number, rule->fields[3].text, rule->fields[3].size);
  int port = atoi(number);
  dns_put_word(low + 4, (unsigned) port);
  dns_put_word(high + 4, port ? (unsigned) port : 65535);
  return 1;
}

/* Allows one address of the name to all of the container's own. */
static void allow(struct dns_egress **egress, struct loop *loop, const struct dns_table *table, const struct dns_line *rule,
                  const uint8_t *address, int six) {
  struct dns_line line;
  time_t now = now_s();
  for (size_t at = 0; dns_line(&table->sandbox, &at, &line);) {
    struct entry entry;
    if (line.count < 3 || !dns_field_is(&line, 0, "egress-from")) continue;
    if (!make_entry(rule, &line.fields[2], address, six, &entry)) continue;
    if (!*egress && !(*egress = make(loop, &line.fields[1]))) return;
    entry.until = now + LIFE_S;
    const struct entry *new = remember(*egress, &entry, now);
    if (new) install(*egress, new, 1);
  }
}

void dns_egress_reply(struct dns_egress **egress, struct loop *loop, const struct dns_table *table,
                      const struct dns_query *query, const uint8_t *reply, size_t size) {
  struct dns_line rule;
  if (query->type != DNS_A && query->type != DNS_AAAA) return;
  for (size_t at = 0; dns_line(&table->sandbox, &at, &rule);) {
    if (rule.count < 4 || !dns_field_is(&rule, 0, "egress") || !covers(&rule.fields[1], query->name)) continue;
    size_t walk = 0;
    unsigned number = 0;
    struct dns_record record;
    while (dns_next(reply, size, &walk, &number, &record) > 0 && record.section == 1) {
      if (record.class == DNS_IN && record.type == DNS_A && record.size == 4)
        allow(egress, loop, table, &rule, reply + record.data_at, 0);
      else if (record.class == DNS_IN && record.type == DNS_AAAA && record.size == 16)
        allow(egress, loop, table, &rule, reply + record.data_at, 1);
    }
  }
}

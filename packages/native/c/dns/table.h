/* The names that a container's name service knows: the files that dns.h describes. They are mapped, not copied, so that
   all containers of a network share one copy; a query scans them. */
#ifndef BERTH_DNS_TABLE_H
#define BERTH_DNS_TABLE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* A file that is read again when it was replaced. */
struct dns_file {
  char *path;
  const char *text; /* mapped; NULL when it is empty or not there */
  size_t size;
  struct dns_stamp { /* zero: not there */
    uint64_t device, inode, size;
    int64_t seconds, nanoseconds;
  } seen;
};

enum { DNS_SERVERS = 8, DNS_NETWORKS = 64 };

/* A server to ask. */
struct dns_server {
  struct sockaddr_storage address;
  socklen_t address_size;
  int inside;        /* asked from the container's namespace */
  int misses;        /* questions in a row that it left to others */
  int64_t bad_until; /* it did not answer: asked last until then (milliseconds of the monotonic clock) */
};

struct dns_table {
  struct dns_file sandbox;
  struct dns_file resolvconf; /* path NULL: none */
  struct dns_file networks[DNS_NETWORKS];
  size_t network_count;
  struct dns_server servers[DNS_SERVERS];
  size_t server_count;
  unsigned turn; /* for the rotation */
};

/* Begins with the sandbox file at `path`, which need not be there. Returns 0, or -1 without memory. */
int dns_table_open(struct dns_table *table, const char *path);
/* Unmaps and frees all of it. */
void dns_table_close(struct dns_table *table);
/* Reads what changed. Returns 1 when the servers are others than before. */
int dns_table_refresh(struct dns_table *table);

enum { DNS_ADDRESSES = 512 };

struct dns_addresses {
  size_t count;
  uint8_t list[DNS_ADDRESSES][16];
};

/* Whether one of the networks has the name (lower case). Fills in its addresses of `family`, rotated: with none, the name
   has only addresses of the other one. */
int dns_table_find(struct dns_table *table, const char *name, int family, struct dns_addresses *out);
/* The name of an address of 4 or 16 bytes, `NAME.NETWORK`. Returns 0 when none of the networks has it. */
int dns_table_reverse(struct dns_table *table, const uint8_t *address, int size, char name[512]);

/* One line of a mapped file, cut into fields. */
struct dns_line {
  size_t count;
  struct dns_field {
    const char *text;
    size_t size;
  } fields[6];
};
/* The next line: start with *at = 0. Returns 0 at the end. */
int dns_line(const struct dns_file *file, size_t *at, struct dns_line *line);
/* Whether field `number` of a line is there, and is this text. */
int dns_field_is(const struct dns_line *line, size_t number, const char *text);

#endif

/* Shared by tests of the name service. */
#ifndef BERTH_DNS_TESTING_H
#define BERTH_DNS_TESTING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/packet.h"

#define CHECK(what)                                              \
  do {                                                           \
    if (!(what)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
      exit(1);                                                   \
    }                                                            \
  } while (0)

static char directory[] = "/tmp/berth-dns-test-XXXXXX";

/* Puts a file of that text into the directory, as the daemon does: by a rename. */
static void put(const char *name, const char *text) {
  char path[256], new[264];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  snprintf(new, sizeof new, "%s.new", path);
  FILE *file = fopen(new, "w");
  CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0 && rename(new, path) == 0);
}

/* A question as a client sends it; `edns_size`: what it says it takes, 0 for nothing. Returns its bytes. */
static size_t make_query(uint8_t *out, uint16_t id, const char *name, uint16_t type, int edns_size) {
  memset(out, 0, DNS_HEAD);
  dns_put_word(out, id);
  dns_put_word(out + 2, DNS_RD);
  dns_put_word(out + 4, 1);
  size_t size = DNS_HEAD + dns_encode_name(name, out + DNS_HEAD);
  dns_put_word(out + size, type);
  dns_put_word(out + size + 2, DNS_IN);
  size += 4;
  if (edns_size) {
    dns_put_word(out + 10, 1);
    memset(out + size, 0, 11);
    dns_put_word(out + size + 1, DNS_OPT);
    dns_put_word(out + size + 3, (unsigned) edns_size);
    size += 11;
  }
  return size;
}

/* Removes the directory with all in it. */
static void remove_directory(void) {
  char command[300];
  snprintf(command, sizeof command, "rm -r %s", directory);
  CHECK(system(command) == 0);
}

#endif

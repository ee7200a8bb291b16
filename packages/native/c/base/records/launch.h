/* A launch: a list of records, each a name and its arguments, as the daemon compiled them. The C side only executes. */
#ifndef BERTH_LAUNCH_H
#define BERTH_LAUNCH_H

#include <stddef.h>

#include "base/error.h"

/* On the wire a record is one byte, the number of strings, then that many NUL-terminated strings; records follow each
   other without padding. argv[0] is the record's name. */
struct launch_record {
  int argc;
  const char **argv; /* argc strings, then NULL */
};

struct launch {
  size_t count;
  struct launch_record *records;
  void *memory; /* one block that holds all of it, of `size` bytes */
  size_t size;
};

/* Parses `size` bytes. Strings point into a copy owned by the launch. Returns 0, or -1 with stage "launch". */
int launch_parse(const void *bytes, size_t size, struct launch *out, struct error *err);
/* Frees it; nothing for one that is all zeros. */
void launch_free(struct launch *launch);
/* Frees it and leaves nothing of its strings in memory: environments have secrets. */
void launch_wipe(struct launch *launch);
/* The first record of that name, or NULL. */
const struct launch_record *launch_find(const struct launch *launch, const char *name);
/* The next record of that name from number `*at` on, which becomes the one behind it; or NULL. Begin with 0. */
const struct launch_record *launch_next(const struct launch *launch, const char *name, size_t *at);
/* How many records have that name. */
size_t launch_count(const struct launch *launch, const char *name);
/* Parses a whole decimal number. Returns 0 or -1. */
int parse_number(const char *text, long long *out);

#endif

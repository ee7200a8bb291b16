#include "base/records/launch.h"

#include <stdlib.h>
#include <string.h>

/* Counts records and strings and checks that every string ends inside the buffer. */
static int measure(const unsigned char *bytes, size_t size, size_t *records, size_t *strings) {
  size_t at = 0;
  while (at < size) {
    unsigned count = bytes[at++];
    if (count == 0) return -1;
    for (unsigned i = 0; i < count; i++) {
      const unsigned char *end = at < size ? memchr(bytes + at, 0, size - at) : NULL;
      if (!end) return -1;
      at = (size_t) (end - bytes) + 1;
    }
    *records += 1;
    *strings += count;
  }
  return 0;
}

int launch_parse(const void *bytes, size_t size, struct launch *out, struct error *err) {
  size_t records = 0, strings = 0;
  *out = (struct launch){0};
  if (measure(bytes, size, &records, &strings) < 0) return fail(err, "launch", EPROTO, "malformed launch records");

  size_t heads = records * sizeof(struct launch_record), pointers = (strings + records) * sizeof(char *);
  char *memory = malloc(heads + pointers + size + 1);
  if (!memory) return fail(err, "launch", ENOMEM, "launch records of %zu bytes", size);
  const char **pointer = (const char **) (memory + heads);
  char *text = memory + heads + pointers;
  if (size) memcpy(text, bytes, size);

  out->memory = memory;
  out->size = heads + pointers + size + 1;
  out->records = (struct launch_record *) memory;
  out->count = records;
  for (size_t i = 0; i < records; i++) {
    int count = (unsigned char) *text++;
    out->records[i].argc = count;
    out->records[i].argv = pointer;
    for (int k = 0; k < count; k++) {
      *pointer++ = text;
      text += strlen(text) + 1;
    }
    *pointer++ = NULL;
  }
  return 0;
}

void launch_free(struct launch *launch) {
  free(launch->memory);
  *launch = (struct launch){0};
}

void launch_wipe(struct launch *launch) {
  if (launch->memory) explicit_bzero(launch->memory, launch->size);
  launch_free(launch);
}

const struct launch_record *launch_find(const struct launch *launch, const char *name) {
  for (size_t i = 0; i < launch->count; i++) {
    if (!strcmp(launch->records[i].argv[0], name)) return &launch->records[i];
  }
  return NULL;
}

const struct launch_record *launch_next(const struct launch *launch, const char *name, size_t *at) {
  while (*at < launch->count) {
    const struct launch_record *r = &launch->records[(*at)++];
    if (!strcmp(r->argv[0], name)) return r;
  }
  return NULL;
}

size_t launch_count(const struct launch *launch, const char *name) {
  size_t count = 0, at = 0;
  while (launch_next(launch, name, &at)) count++;
  return count;
}

int parse_number(const char *text, long long *out) {
  char *end;
  errno = 0;
  *out = strtoll(text, &end, 10);
  return errno || *end || end == text ? -1 : 0;
}

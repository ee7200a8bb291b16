/* Single fields of a tar header. */
#include <string.h>

#include "layer/tar/meta.h"

int tar_header_checks(const struct tar_block *block) {
  int64_t told, sum = 0, signed_sum = 0;
  struct tar_block blank = *block;
  if (tar_number(block->checksum, sizeof block->checksum, &told)) return 0;
  memset(blank.checksum, ' ', sizeof blank.checksum);
  for (size_t i = 0; i < sizeof blank; i++) {
    uint8_t byte = ((const uint8_t *) &blank)[i];
    sum += byte;
    signed_sum += (int8_t) byte; /* old tars added signed bytes */
  }
  return told == sum || told == signed_sum;
}

int tar_header_path(char *to, const char *from, struct error *err) {
  size_t size = strlen(from);
  if (size > TAR_PATH_LIMIT) return fail(err, "tar", ENAMETOOLONG, "%.60s...", from);
  memcpy(to, from, size + 1);
  return 0;
}

int tar_header_id(const uint8_t *field, int has_pax, int64_t pax, const char *what, uint32_t *out, struct error *err) {
  int64_t value = pax;
  if (!has_pax && tar_number(field, 8, &value)) return fail(err, "tar", 0, TAR_BAD_HEADER);
  /* (uint32) -1 means "no change" to chown. */
  if (value < 0 || value >= UINT32_MAX) return fail(err, "tar", 0, "%s %lld is out of range", what, (long long) value);
  *out = (uint32_t) value;
  return 0;
}

int tar_header_type(const struct tar_block *block, const char *path, enum tar_type *type, int *skip, struct error *err) {
  size_t length = strlen(path);
  *skip = 0;
  switch (block->type) {
  case '0':
  case 0:
    /* V7 had no type for directories but a slash */
    *type = length && path[length - 1] == '/' ? TAR_DIRECTORY : TAR_FILE;
    return 0;
  case '7':
  case 'S': *type = TAR_FILE; return 0;
  case '1': *type = TAR_HARDLINK; return 0;
  case '2': *type = TAR_SYMLINK; return 0;
  case '3': *type = TAR_CHAR; return 0;
  case '4': *type = TAR_BLOCK; return 0;
  case '5':
  case 'D': *type = TAR_DIRECTORY; return 0;
  case '6': *type = TAR_FIFO; return 0;
  case 'g': /* global pax headers, volume labels and Solaris ACLs say nothing about files here; dockerd ignores them too */
  case 'V':
  case 'A': *type = TAR_FILE, *skip = 1; return 0;
  default: return fail(err, "tar", 0, "unhandled tar header type %d", block->type);
  }
}

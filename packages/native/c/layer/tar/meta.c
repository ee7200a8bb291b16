#include "layer/tar/meta.h"

#include <stdlib.h>
#include <string.h>

int tar_number(const uint8_t *field, size_t size, int64_t *out) {
  if (field[0] & 0x80) {
    int negative = field[0] & 0x40;
    uint64_t value = negative ? ~0ull : 0;
    for (size_t i = 0; i < size; i++) {
      uint8_t byte = i ? field[i] : (negative ? field[i] : field[i] & 0x7f);
      uint8_t top = (uint8_t) (value >> 56);
      if (top != (negative ? 0xff : 0)) return -1;
      value = value << 8 | byte;
    }
    *out = (int64_t) value;
    return (*out < 0) == !!negative ? 0 : -1;
  }
  size_t i = 0;
  while (i < size && (field[i] == ' ' || field[i] == 0)) i++;
  uint64_t value = 0;
  for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) {
    if (value >> 60) return -1;
    value = value << 3 | (uint64_t) (field[i] - '0');
  }
  if (i < size && field[i] != ' ' && field[i] != 0) return -1;
  *out = (int64_t) value;
  return 0;
}

void tar_meta_reset(struct tar_meta *meta) {
  free(meta->path);
  free(meta->link);
  free(meta->sparse_name);
  free(meta->segments);
  for (size_t i = 0; i < meta->xattr_count; i++) {
    free((char *) meta->xattrs[i].name);
    free((void *) meta->xattrs[i].value);
  }
  memset(meta, 0, sizeof *meta);
  meta->sparse_offset = -1;
}

int tar_meta_segment(struct tar_meta *meta, int64_t offset, int64_t size, struct error *err) {
  if (offset < 0 || size < 0 || offset > INT64_MAX - size) return fail(err, "tar", 0, TAR_BAD_HEADER);
  if (meta->segment_count == TAR_SEGMENT_LIMIT)
    return fail(err, "tar", 0, "a sparse file of more than %u pieces", TAR_SEGMENT_LIMIT);
  if (meta->segment_count == meta->segment_room) {
    size_t room = meta->segment_room ? meta->segment_room * 2 : 16;
    struct tar_segment *grown = realloc(meta->segments, room * sizeof *grown);
    if (!grown) return fail(err, "memory", ENOMEM, "sparse map");
    meta->segments = grown;
    meta->segment_room = room;
  }
  meta->segments[meta->segment_count++] = (struct tar_segment){.offset = (uint64_t) offset, .size = (uint64_t) size};
  return 0;
}

int tar_meta_old_sparse(struct tar_meta *meta, const uint8_t *at, int count, struct error *err) {
  for (int i = 0; i < count; i++, at += 24) {
    int64_t offset, size;
    if (!at[0]) break;
    if (tar_number(at, 12, &offset) || tar_number(at + 12, 12, &size)) return fail(err, "tar", 0, TAR_BAD_HEADER);
    if (tar_meta_segment(meta, offset, size, err)) return -1;
  }
  return 0;
}

int tar_meta_check_segments(struct tar_meta *meta, uint64_t size, uint64_t stored, struct error *err) {
  uint64_t end = 0, sum = 0;
  size_t kept = 0;
  for (size_t i = 0; i < meta->segment_count; i++) {
    struct tar_segment *s = &meta->segments[i];
    if (s->offset < end || s->offset + s->size > size) return fail(err, "tar", 0, TAR_BAD_HEADER);
    end = s->offset + s->size;
    sum += s->size;
    if (s->size) meta->segments[kept++] = *s;
  }
  meta->segment_count = kept;
  if (sum != stored) return fail(err, "tar", 0, TAR_BAD_HEADER);
  return 0;
}

/* A decimal of at most 18 digits that fills the text up to `end` of it. */
static int decimal(const char *text, size_t size, int64_t *out) {
  int64_t value = 0;
  int negative = size && *text == '-';
  if (negative) text++, size--;
  if (!size || size > 18) return -1;
  for (; size; size--, text++) {
    if (*text < '0' || *text > '9') return -1;
    value = value * 10 + (*text - '0');
  }
  *out = negative ? -value : value;
  return 0;
}

/* Seconds with a fraction; the fraction of a negative time counts towards the past, as pax has it. */
static int decimal_time(const char *text, size_t size, int64_t *seconds, uint32_t *ns) {
  const char *dot = memchr(text, '.', size);
  size_t whole = dot ? (size_t) (dot - text) : size;
  int negative = size && *text == '-';
  if (whole == (size_t) negative)
    *seconds = 0;
  else if (decimal(text, whole, seconds))
    return -1;
  uint32_t fraction = 0, unit = 100000000;
  for (size_t i = whole + 1; dot && i < size; i++, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return -1;
    fraction += unit * (uint32_t) (text[i] - '0');
  }
  if (negative && fraction) {
    *seconds -= 1;
    fraction = 1000000000 - fraction;
  }
  *ns = fraction;
  return 0;
}

static int keep_text(char **to, const char *text, size_t size, struct error *err) {
  if (memchr(text, 0, size)) return fail(err, "tar", 0, TAR_BAD_HEADER);
  free(*to);
  *to = strndup(text, size);
  return *to ? 0 : fail(err, "memory", ENOMEM, "pax header");
}

static int keep_xattr(struct tar_meta *meta, const char *name, size_t name_size, const char *value, size_t size,
                      struct error *err) {
  if (!name_size || name_size > 255 || memchr(name, 0, name_size))
    return fail(err, "tar", 0, "the name of an extended attribute is longer than 255 bytes");
  meta->xattr_bytes += name_size + size;
  if (meta->xattr_count == TAR_XATTR_LIMIT || meta->xattr_bytes > 65535)
    return fail(err, "tar", 0, "more than %u extended attributes or 64 KiB of them on one file", TAR_XATTR_LIMIT);
  char *n = strndup(name, name_size), *v = malloc(size + 1);
  if (!n || !v) {
    free(n);
    free(v);
    return fail(err, "memory", ENOMEM, "extended attribute");
  }
  memcpy(v, value, size);
  meta->xattrs[meta->xattr_count++] = (struct tar_xattr){.name = n, .value = v, .size = size};
  return 0;
}

/* GNU.sparse.map: offset,length,offset,length... */
static int sparse_map(struct tar_meta *meta, const char *text, size_t size, struct error *err) {
  int64_t offset = -1;
  meta->segment_count = 0;
  while (size) {
    const char *comma = memchr(text, ',', size);
    size_t n = comma ? (size_t) (comma - text) : size;
    int64_t value;
    if (decimal(text, n, &value) || value < 0) return fail(err, "tar", 0, TAR_BAD_HEADER);
    if (offset < 0)
      offset = value;
    else if (tar_meta_segment(meta, offset, value, err))
      return -1;
    else
      offset = -1;
    text += n + !!comma;
    size -= n + !!comma;
  }
  return offset < 0 ? 0 : fail(err, "tar", 0, TAR_BAD_HEADER);
}

static int sparse_record(struct tar_meta *meta, const char *key, const char *value, size_t size, struct error *err) {
  int64_t number = 0;
  if (!strcmp(key, "map")) return meta->sparse = 1, sparse_map(meta, value, size, err);
  if (!strcmp(key, "name")) return keep_text(&meta->sparse_name, value, size, err);
  if (decimal(value, size, &number) || number < 0) return fail(err, "tar", 0, TAR_BAD_HEADER);
  if (!strcmp(key, "major")) {
    meta->sparse = 1;
    meta->sparse_major = (int) (number > 1 ? 2 : number);
  } else if (!strcmp(key, "size") || !strcmp(key, "realsize")) {
    meta->sparse = 1;
    meta->sparse_size = number;
  } else if (!strcmp(key, "offset")) {
    meta->sparse_offset = number;
  } else if (!strcmp(key, "numbytes")) {
    int64_t offset = meta->sparse_offset;
    meta->sparse_offset = -1;
    return tar_meta_segment(meta, offset, number, err);
  }
  return 0;
}

static int record(struct tar_meta *meta, const char *key, const char *value, size_t size, struct error *err) {
  static const char xattr[] = "SCHILY.xattr.", sparse[] = "GNU.sparse.";
  int bad = 0;
  if (!strncmp(key, xattr, sizeof xattr - 1))
    return keep_xattr(meta, key + sizeof xattr - 1, strlen(key + sizeof xattr - 1), value, size, err);
  if (!strncmp(key, sparse, sizeof sparse - 1)) return sparse_record(meta, key + sizeof sparse - 1, value, size, err);
  if (!size) return 0;
  if (!strcmp(key, "path")) return keep_text(&meta->path, value, size, err);
  if (!strcmp(key, "linkpath")) return keep_text(&meta->link, value, size, err);
  if (!strcmp(key, "size"))
    bad = decimal(value, size, &meta->size), meta->has_size = 1;
  else if (!strcmp(key, "uid"))
    bad = decimal(value, size, &meta->uid), meta->has_uid = 1;
  else if (!strcmp(key, "gid"))
    bad = decimal(value, size, &meta->gid), meta->has_gid = 1;
  else if (!strcmp(key, "mtime"))
    bad = decimal_time(value, size, &meta->mtime, &meta->mtime_ns), meta->has_mtime = 1;
  return bad ? fail(err, "tar", 0, TAR_BAD_HEADER) : 0;
}

/* Each record is "LENGTH KEY=VALUE\n", the length counting itself. */
int tar_meta_pax(struct tar_meta *meta, const char *records, size_t size, struct error *err) {
  while (size) {
    size_t digits = 0, length = 0;
    while (digits < size && digits < 8 && records[digits] >= '0' && records[digits] <= '9')
      length = length * 10 + (size_t) (records[digits++] - '0');
    if (!digits || digits >= size || records[digits] != ' ' || length <= digits + 2 || length > size ||
        records[length - 1] != '\n')
      return fail(err, "tar", 0, TAR_BAD_HEADER);
    const char *start = records + digits + 1;
    const char *equals = memchr(start, '=', length - digits - 2);
    if (!equals || equals == start || memchr(start, 0, (size_t) (equals - start))) return fail(err, "tar", 0, TAR_BAD_HEADER);
    char *key = strndup(start, (size_t) (equals - start));
    if (!key) return fail(err, "memory", ENOMEM, "pax header");
    int result = record(meta, key, equals + 1, (size_t) (records + length - 1 - (equals + 1)), err);
    free(key);
    if (result) return -1;
    records += length;
    size -= length;
  }
  return 0;
}

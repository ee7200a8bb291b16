/* The reader: a state machine that is fed, so that one pass can hash, keep and understand an archive. */
#include <stdlib.h>
#include <string.h>

#include "layer/tar/meta.h"

enum state { HEADER, META, OLD_SPARSE, SPARSE_MAP, DATA, PADDING, TRAILER };

struct tar_parser {
  struct tar_handler handler;
  enum state state;
  uint64_t position; /* bytes taken so far */
  uint8_t block[512];
  size_t held;
  int zero_blocks;
  unsigned entries;
  /* META: a pax header or a long name being collected */
  char meta_type;
  int meta_pending; /* one was taken whose member is yet to come */
  char *collected;
  size_t collected_size, collect;
  struct tar_meta meta;
  uint64_t left;    /* bytes of the state that are to come */
  uint64_t padding; /* bytes after the data, up to the next block */
  int wanted;       /* the data belongs to a file */
  struct tar_entry entry;
  char path[TAR_PATH_LIMIT + 1], link[TAR_PATH_LIMIT + 1];
  /* SPARSE_MAP: pax 1.0, decimal numbers by line, up to the end of a block */
  uint64_t map_left; /* numbers to come; ~0 until the first line told */
  uint64_t map_number;
  unsigned map_digits;
  int64_t map_offset;
  uint64_t map_bytes;
};

struct tar_parser *tar_parser_new(const struct tar_handler *handler) {
  struct tar_parser *parser = calloc(1, sizeof *parser);
  if (parser) {
    parser->handler = *handler;
    tar_meta_reset(&parser->meta);
  }
  return parser;
}

void tar_parser_free(struct tar_parser *parser) {
  if (!parser) return;
  tar_meta_reset(&parser->meta);
  free(parser->collected);
  free(parser);
}

static int bad_header(struct error *err) {
  return fail(err, "tar", 0, TAR_BAD_HEADER);
}

/* The member's name: from pax, a long name, or the header's fields. */
static int names(struct tar_parser *p, struct error *err) {
  const uint8_t *b = p->block;
  const char *path = p->meta.sparse_name ? p->meta.sparse_name : p->meta.path;
  if (path) {
    if (tar_header_path(p->path, path, err)) return -1;
  } else {
    size_t n = 0;
    if (!memcmp(b + 257, "ustar\0", 6) && b[345]) {
      /* star keeps times behind a shorter prefix and says so at the end of the block */
      size_t prefix = strnlen((const char *) b + 345, memcmp(b + 508, "tar", 4) ? 155 : 131);
      memcpy(p->path, b + 345, prefix);
      p->path[prefix] = '/';
      n = prefix + 1;
    }
    size_t name = strnlen((const char *) b, 100);
    memcpy(p->path + n, b, name);
    p->path[n + name] = 0;
  }
  if (p->meta.link) return tar_header_path(p->link, p->meta.link, err);
  size_t link = strnlen((const char *) b + 157, 100);
  memcpy(p->link, b + 157, link);
  p->link[link] = 0;
  return 0;
}

static void data_follows(struct tar_parser *p, uint64_t size, int wanted) {
  p->left = size;
  p->padding = -size & 511;
  p->wanted = wanted;
  p->state = DATA;
}

static int call_entry(struct tar_parser *p, struct error *err) {
  struct tar_entry *e = &p->entry;
  e->path = p->path;
  e->link = p->link;
  e->xattrs = p->meta.xattrs;
  e->xattr_count = p->meta.xattr_count;
  if (e->sparse) {
    if (tar_meta_check_segments(&p->meta, e->size, e->data_size, err)) return -1;
    e->segments = p->meta.segments;
    e->segment_count = p->meta.segment_count;
  }
  if (++p->entries > TAR_ENTRY_LIMIT) return fail(err, "tar", 0, "more than %u entries", TAR_ENTRY_LIMIT);
  return p->handler.entry(p->handler.data, e, err);
}

/* The maps are known: tells the handler, and lets the data come. */
static int begin_entry(struct tar_parser *p, struct error *err) {
  if (call_entry(p, err)) return -1;
  if (p->entry.type == TAR_FILE) {
    data_follows(p, p->entry.data_size, 1);
    return 0;
  }
  p->state = HEADER;
  tar_meta_reset(&p->meta);
  return 0;
}

static int member(struct tar_parser *p, int64_t size, struct error *err) {
  struct tar_entry *e = &p->entry;
  struct tar_meta *m = &p->meta;
  const uint8_t *b = p->block;
  int64_t mode, mtime = m->mtime, major = 0, minor = 0;
  int skip;
  memset(e, 0, sizeof *e);
  if (names(p, err) || tar_header_type(p->block, p->path, &e->type, &skip, err)) return -1;
  if (skip) {
    data_follows(p, (uint64_t) size, 0);
    return 0;
  }
  if (tar_number(b + 100, 8, &mode) || (!m->has_mtime && tar_number(b + 136, 12, &mtime))) return bad_header(err);
  if (tar_header_id(b + 108, m->has_uid, m->uid, "uid", &e->uid, err) ||
      tar_header_id(b + 116, m->has_gid, m->gid, "gid", &e->gid, err))
    return -1;
  if ((e->type == TAR_CHAR || e->type == TAR_BLOCK) && (tar_number(b + 329, 8, &major) || tar_number(b + 337, 8, &minor)))
    return bad_header(err);
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff)
    return fail(err, "tar", 0, "device number %lld:%lld is out of range", (long long) major, (long long) minor);
  e->mode = (uint32_t) mode & 07777;
  e->mtime = mtime;
  e->mtime_ns = m->mtime_ns;
  e->major = (uint32_t) major;
  e->minor = (uint32_t) minor;
  e->data_offset = p->position;
  if (e->type != TAR_FILE) {
    /* Whatever size these claim, no data follows (but GNU's dump folders, which list names). */
    if (b[156] == 'D') {
      if (call_entry(p, err)) return -1;
      data_follows(p, (uint64_t) size, 0);
      return 0;
    }
    return begin_entry(p, err);
  }
  e->size = e->data_size = (uint64_t) size;
  if (b[156] == 'S') {
    int64_t real;
    if (tar_number(b + 483, 12, &real) || real < 0 || (uint64_t) real > TAR_FILE_LIMIT) return bad_header(err);
    e->sparse = 1;
    e->size = (uint64_t) real;
    m->segment_count = 0;
    if (tar_meta_old_sparse(&p->meta, b + 386, 4, err)) return -1;
    if (b[482]) {
      p->state = OLD_SPARSE;
      return 0;
    }
  } else if (m->sparse) {
    if (m->sparse_major > 1 || m->sparse_offset >= 0 || (uint64_t) m->sparse_size > TAR_FILE_LIMIT) return bad_header(err);
    e->sparse = 1;
    e->size = (uint64_t) m->sparse_size;
    if (m->sparse_major == 1) {
      m->segment_count = 0;
      p->map_left = ~0ull;
      p->map_number = p->map_digits = 0;
      p->map_offset = -1;
      p->map_bytes = 0;
      p->state = SPARSE_MAP;
      return 0;
    }
  }
  return begin_entry(p, err);
}

static int header(struct tar_parser *p, struct error *err) {
  const uint8_t *b = p->block;
  int zero = 1;
  for (int i = 0; i < 512 && zero; i++) zero = !b[i];
  if (zero) {
    if (++p->zero_blocks == 2) p->state = TRAILER;
    return 0;
  }
  if (p->zero_blocks || !tar_header_checks(b)) return bad_header(err);
  int64_t size = p->meta.size;
  char type = (char) b[156];
  int meta = type == 'x' || type == 'X' || type == 'L' || type == 'K';
  if (((meta || !p->meta.has_size) && tar_number(b + 124, 12, &size)) || size < 0) return bad_header(err);
  if ((uint64_t) size > TAR_FILE_LIMIT) return fail(err, "tar", EFBIG, "a member of %lld bytes", (long long) size);
  if (!meta) {
    p->meta_pending = 0;
    return member(p, size, err);
  }
  if (size > TAR_META_LIMIT) return fail(err, "tar", 0, "an extended header of more than %u bytes", TAR_META_LIMIT);
  p->collect = (size_t) size;
  p->collected_size = 0;
  free(p->collected);
  p->collected = malloc(p->collect + 1);
  if (!p->collected) return fail(err, "memory", ENOMEM, "extended header");
  p->meta_type = type;
  data_follows(p, (uint64_t) size, 0);
  p->state = META;
  return 0;
}

static int meta_whole(struct tar_parser *p, struct error *err) {
  p->collected[p->collected_size] = 0;
  p->state = PADDING;
  p->meta_pending = 1;
  if (p->meta_type == 'L' || p->meta_type == 'K') {
    char **to = p->meta_type == 'L' ? &p->meta.path : &p->meta.link;
    free(*to);
    *to = strdup(p->collected);
    return *to ? 0 : fail(err, "memory", ENOMEM, "long name");
  }
  return tar_meta_pax(&p->meta, p->collected, p->collected_size, err);
}

/* One byte of a pax 1.0 map. Returns 1 when the map is whole. */
static int map_byte(struct tar_parser *p, char c, struct error *err) {
  if (c >= '0' && c <= '9') {
    if (++p->map_digits > 18) return bad_header(err);
    p->map_number = p->map_number * 10 + (uint64_t) (c - '0');
    return 0;
  }
  if (c != '\n' || !p->map_digits) return bad_header(err);
  uint64_t number = p->map_number;
  p->map_number = p->map_digits = 0;
  if (p->map_left == ~0ull) {
    if (number > TAR_SEGMENT_LIMIT) return fail(err, "tar", 0, "a sparse file of more than %u pieces", TAR_SEGMENT_LIMIT);
    p->map_left = number * 2;
  } else {
    p->map_left--;
    if (p->map_offset < 0) {
      p->map_offset = (int64_t) number;
    } else {
      if (tar_meta_segment(&p->meta, p->map_offset, (int64_t) number, err)) return -1;
      p->map_offset = -1;
    }
  }
  return p->map_left == 0;
}

/* A block of a pax 1.0 map; the data begins with the block after the one that ends it. */
static int map_block(struct tar_parser *p, struct error *err) {
  p->map_bytes += 512;
  if (p->map_bytes > p->entry.data_size) return bad_header(err);
  for (int i = 0; i < 512; i++) {
    int whole = map_byte(p, (char) p->block[i], err);
    if (whole < 0) return -1;
    if (whole) {
      p->entry.data_offset = p->position;
      p->entry.data_size -= p->map_bytes;
      return begin_entry(p, err);
    }
  }
  return 0;
}

static int block_whole(struct tar_parser *p, struct error *err) {
  switch (p->state) {
  case HEADER: return header(p, err);
  case SPARSE_MAP: return map_block(p, err);
  default:
    if (tar_meta_old_sparse(&p->meta, p->block, 21, err)) return -1;
    if (p->block[504]) return 0;
    p->entry.data_offset = p->position;
    return begin_entry(p, err);
  }
}

/* Leaves the states that nothing more has to be read for. */
static int settle(struct tar_parser *p, struct error *err) {
  if (p->state == META && !p->left && meta_whole(p, err)) return -1;
  if (p->state == DATA && !p->left) {
    p->state = PADDING;
    if (p->wanted && p->handler.end && p->handler.end(p->handler.data, err)) return -1;
    tar_meta_reset(&p->meta);
  }
  if (p->state == PADDING && !p->padding) p->state = HEADER;
  return 0;
}

int tar_parser_feed(struct tar_parser *p, const void *bytes, size_t size, struct error *err) {
  const uint8_t *at = bytes;
  while (size) {
    size_t n = size;
    switch (p->state) {
    case HEADER:
    case OLD_SPARSE:
    case SPARSE_MAP:
      if (n > 512 - p->held) n = 512 - p->held;
      memcpy(p->block + p->held, at, n);
      p->held += n;
      p->position += n;
      if (p->held == 512) {
        p->held = 0;
        if (block_whole(p, err)) return -1;
      }
      break;
    case META:
    case DATA:
      if (n > p->left) n = (size_t) p->left;
      if (p->state == META) {
        memcpy(p->collected + p->collected_size, at, n);
        p->collected_size += n;
      } else if (p->wanted && p->handler.bytes && p->handler.bytes(p->handler.data, at, n, err)) {
        return -1;
      }
      p->left -= n;
      p->position += n;
      break;
    case PADDING:
      if (n > p->padding) n = (size_t) p->padding;
      p->padding -= n;
      p->position += n;
      break;
    case TRAILER: return 0;
    }
    if (settle(p, err)) return -1;
    at += n;
    size -= n;
  }
  return 0;
}

uint64_t tar_parser_skippable(const struct tar_parser *p) {
  if (p->state == DATA && (!p->wanted || !p->handler.bytes)) return p->left;
  return p->state == PADDING ? p->padding : 0;
}

void tar_parser_skip(struct tar_parser *p, uint64_t size) {
  *(p->state == DATA ? &p->left : &p->padding) -= size;
  p->position += size;
  struct error unused;
  settle(p, &unused);
}

int tar_parser_finish(struct tar_parser *p, struct error *err) {
  /* An archive may lack its trailer, and the padding of its last file; Go takes that too. */
  if (!p->meta_pending && (p->state == TRAILER || p->state == PADDING || (p->state == HEADER && !p->held))) return 0;
  return fail(err, "tar", 0, "unexpected EOF");
}

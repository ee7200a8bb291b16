/* Headers of an archive: of members, and the extended ones before them. */
#include <stdlib.h>
#include <string.h>

#include "layer/tar/parser.h"

enum { star_prefix = 131 };

/* A numeric field of the header. Returns 0, or -1 when it is none. */
#define NUMBER(field, out) tar_number(field, sizeof(field), out)

/* The member's name: from pax, a long name, or the header's fields. */
static int names(struct tar_parser *p, struct error *err) {
  const struct tar_block *b = &p->block.header;
  const char *path = p->meta.sparse_name ? p->meta.sparse_name : p->meta.path;
  if (path) {
    if (tar_header_path(p->path, path, err)) return -1;
  } else {
    size_t n = 0;
    if (!memcmp(b->magic, "ustar", sizeof b->magic) && b->prefix[0]) {
      /* star keeps times behind a shorter prefix and says so at the end of the block */
      size_t prefix = strnlen((const char *) b->prefix,
                              memcmp(b->star, "tar", sizeof b->star) ? sizeof b->prefix : star_prefix);
      memcpy(p->path, b->prefix, prefix);
      p->path[prefix] = '/';
      n = prefix + 1;
    }
    size_t name = strnlen((const char *) b->name, sizeof b->name);
    memcpy(p->path + n, b->name, name);
    p->path[n + name] = 0;
  }
  if (p->meta.link) return tar_header_path(p->link, p->meta.link, err);
  size_t link = strnlen((const char *) b->link, sizeof b->link);
  memcpy(p->link, b->link, link);
  p->link[link] = 0;
  return 0;
}

void tar_parser_data_follows(struct tar_parser *p, uint64_t size, int wanted) {
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

int tar_parser_begin_entry(struct tar_parser *p, struct error *err) {
  if (call_entry(p, err)) return -1;
  if (p->entry.type == TAR_FILE) {
    tar_parser_data_follows(p, p->entry.data_size, 1);
    return 0;
  }
  p->state = HEADER;
  tar_meta_reset(&p->meta);
  return 0;
}

/* Mode, owner, times and device number, from the block and what extended headers have put in their place. */
static int attributes(struct tar_parser *p, struct error *err) {
  struct tar_entry *e = &p->entry;
  const struct tar_meta *m = &p->meta;
  const struct tar_block *b = &p->block.header;
  int64_t mode, mtime = m->mtime, major = 0, minor = 0;
  if (NUMBER(b->mode, &mode) || (!m->has_mtime && NUMBER(b->mtime, &mtime))) return bad_header(err);
  if (tar_header_id(b->uid, m->has_uid, m->uid, "uid", &e->uid, err) ||
      tar_header_id(b->gid, m->has_gid, m->gid, "gid", &e->gid, err))
    return -1;
  if ((e->type == TAR_CHAR || e->type == TAR_BLOCK) && (NUMBER(b->major, &major) || NUMBER(b->minor, &minor)))
    return bad_header(err);
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff)
    return fail(err, "tar", 0, "device number %lld:%lld is out of range", (long long) major, (long long) minor);
  e->mode = (uint32_t) mode & 07777;
  e->mtime = mtime;
  e->mtime_ns = m->mtime_ns;
  e->major = (uint32_t) major;
  e->minor = (uint32_t) minor;
  return 0;
}

/* A file of GNU's old format for sparse ones: the first four pieces are in the header, the others in blocks behind it. */
static int old_sparse_file(struct tar_parser *p, struct error *err) {
  const struct tar_block *b = &p->block.header;
  int64_t size;
  if (NUMBER(b->gnu.real_size, &size) || size < 0 || (uint64_t) size > TAR_FILE_LIMIT) return bad_header(err);
  p->entry.sparse = 1;
  p->entry.size = (uint64_t) size;
  p->meta.segment_count = 0;
  if (tar_meta_old_sparse(&p->meta, &b->gnu.pieces[0][0], 4, err)) return -1;
  if (!b->gnu.more_pieces) return tar_parser_begin_entry(p, err);
  p->state = OLD_SPARSE;
  return 0;
}

/* A sparse file of pax: 0.x has its map in the extended header, 1.0 before the data. */
static int pax_sparse_file(struct tar_parser *p, struct error *err) {
  const struct tar_meta *m = &p->meta;
  if (m->sparse_major > 1 || m->sparse_offset >= 0 || (uint64_t) m->sparse_size > TAR_FILE_LIMIT) return bad_header(err);
  p->entry.sparse = 1;
  p->entry.size = (uint64_t) m->sparse_size;
  if (m->sparse_major != 1) return tar_parser_begin_entry(p, err);
  tar_parser_begin_map(p);
  return 0;
}

/* The header of a member with data of `size` bytes. */
static int member(struct tar_parser *p, int64_t size, struct error *err) {
  struct tar_entry *e = &p->entry;
  int skip;
  *e = (struct tar_entry){0};
  if (names(p, err) || tar_header_type(&p->block.header, p->path, &e->type, &skip, err)) return -1;
  if (skip) {
    tar_parser_data_follows(p, (uint64_t) size, 0);
    return 0;
  }
  if (attributes(p, err)) return -1;
  e->data_offset = p->position;
  if (e->type == TAR_FILE) {
    e->size = e->data_size = (uint64_t) size;
    if (p->block.header.type == 'S') return old_sparse_file(p, err);
    return p->meta.sparse ? pax_sparse_file(p, err) : tar_parser_begin_entry(p, err);
  }
  /* No data follows these, whatever size they claim, but for GNU's dump directories, which list names. */
  if (p->block.header.type != 'D') return tar_parser_begin_entry(p, err);
  if (call_entry(p, err)) return -1;
  tar_parser_data_follows(p, (uint64_t) size, 0);
  return 0;
}

int tar_parser_header(struct tar_parser *p, struct error *err) {
  const struct tar_block *b = &p->block.header;
  int zero = 1;
  for (int i = 0; i < TAR_BLOCK_SIZE && zero; i++) zero = !p->block.bytes[i];
  if (zero) {
    if (++p->zero_blocks == 2) p->state = TRAILER;
    return 0;
  }
  if (p->zero_blocks || !tar_header_checks(b)) return bad_header(err);
  int64_t size = p->meta.size;
  char type = (char) b->type;
  int meta = type == 'x' || type == 'X' || type == 'L' || type == 'K';
  if (((meta || !p->meta.has_size) && NUMBER(b->size, &size)) || size < 0) return bad_header(err);
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
  tar_parser_data_follows(p, (uint64_t) size, 0);
  p->state = META;
  return 0;
}

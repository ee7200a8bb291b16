/* The reader's own files to each other; others see tar.h. parse.c feeds the states, member.c takes headers, sparse_map.c the
 * maps of sparse files. */
#ifndef BERTH_TAR_PARSER_H
#define BERTH_TAR_PARSER_H

#include "layer/tar/meta.h"

/* The kind of bytes that come next in the archive. */
enum state { HEADER, META, OLD_SPARSE, SPARSE_MAP, DATA, PADDING, TRAILER };

struct tar_parser {
  struct tar_handler handler;
  enum state state;
  uint64_t position; /* bytes taken so far */
  /* the block under way: a header, more pieces of an old sparse file, or text of a map */
  union {
    struct tar_block header;
    struct tar_pieces_block pieces;
    uint8_t bytes[TAR_BLOCK_SIZE];
  } block;
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

/* member.c: a block in the state HEADER. Returns 0, or -1. */
int tar_parser_header(struct tar_parser *p, struct error *err);
/* The maps of a sparse file are known: tells the handler of the entry, and lets the data come. */
int tar_parser_begin_entry(struct tar_parser *p, struct error *err);
/* The next `size` bytes are data; `wanted`: the handler's. */
void tar_parser_data_follows(struct tar_parser *p, uint64_t size, int wanted);

/* sparse_map.c: the entry has a map of pax 1.0 before its data: begins it. */
void tar_parser_begin_map(struct tar_parser *p);
/* Takes a block of the map. Returns 0, or -1 with stage "tar". */
int tar_parser_map_block(struct tar_parser *p, struct error *err);

static inline int bad_header(struct error *err) {
  return fail(err, "tar", 0, TAR_BAD_HEADER);
}

#endif

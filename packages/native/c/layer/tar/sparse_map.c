/* The map of a sparse file of pax 1.0: decimal numbers, a line each, in blocks before the data. The first is how many pieces there
 * are, then come the offset and the size of each (GNU tar's manual, "Storing Sparse Files"). */
#include "layer/tar/parser.h"

/* No number was read yet: how many come is not known. */
static const uint64_t unknown = ~0ull;

void tar_parser_begin_map(struct tar_parser *p) {
  p->meta.segment_count = 0;
  p->map_left = unknown;
  p->map_number = p->map_digits = 0;
  p->map_offset = -1;
  p->map_bytes = 0;
  p->state = SPARSE_MAP;
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
  if (p->map_left == unknown) {
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

/* The data begins with the block after the one that ends the map. */
int tar_parser_map_block(struct tar_parser *p, struct error *err) {
  p->map_bytes += TAR_BLOCK_SIZE;
  if (p->map_bytes > p->entry.data_size) return bad_header(err);
  for (int i = 0; i < TAR_BLOCK_SIZE; i++) {
    int whole = map_byte(p, (char) p->block.bytes[i], err);
    if (whole < 0) return -1;
    if (whole) {
      p->entry.data_offset = p->position;
      p->entry.data_size -= p->map_bytes;
      return tar_parser_begin_entry(p, err);
    }
  }
  return 0;
}

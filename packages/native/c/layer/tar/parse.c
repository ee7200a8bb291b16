/* The reader: a state machine that is fed, so that one pass can hash, keep and understand an archive. */
#include <stdlib.h>
#include <string.h>

#include "layer/tar/parser.h"

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

static int block_whole(struct tar_parser *p, struct error *err) {
  switch (p->state) {
  case HEADER: return tar_parser_header(p, err);
  case SPARSE_MAP: return tar_parser_map_block(p, err);
  default:
    if (tar_meta_old_sparse(&p->meta, &p->block.pieces.pieces[0][0], 21, err)) return -1;
    if (p->block.pieces.more_pieces) return 0;
    p->entry.data_offset = p->position;
    return tar_parser_begin_entry(p, err);
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
      if (n > TAR_BLOCK_SIZE - p->held) n = TAR_BLOCK_SIZE - p->held;
      memcpy(p->block.bytes + p->held, at, n);
      p->held += n;
      p->position += n;
      if (p->held == TAR_BLOCK_SIZE) {
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

/* Reading and writing tar archives: V7, ustar, GNU and pax, as docker, GNU tar, libarchive and Go write them.
 *
 * Written here: a layer's tar is hashed, kept and indexed in one pass as its bytes come, and the index needs to know where in
 * the archive each file's bytes lie, which libarchive does not tell. Its reading is fuzzed (tar_tree.fuzz.c); GNU tar reads what
 * it writes in the tests of daemon/src/layers. */
#ifndef BERTH_TAR_H
#define BERTH_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "layer/tar/buffered.h"

/* Hard limits on what an archive may ask for; errors name them. */
#define TAR_PATH_LIMIT 4095
#define TAR_META_LIMIT (1u << 20)    /* bytes of one pax header or long name: Go's limit too */
#define TAR_ENTRY_LIMIT 2000000u     /* entries of one archive */
#define TAR_XATTR_LIMIT 128u         /* extended attributes of one entry */
#define TAR_SEGMENT_LIMIT (1u << 20) /* pieces of one sparse file */
#define TAR_FILE_LIMIT (1ull << 43)  /* bytes of one file */

enum tar_type { TAR_FILE, TAR_HARDLINK, TAR_SYMLINK, TAR_CHAR, TAR_BLOCK, TAR_DIRECTORY, TAR_FIFO };

struct tar_xattr {
  const char *name;
  const void *value;
  size_t size;
};

/* A piece of a sparse file that holds data; pieces are in order and do not overlap. */
struct tar_segment {
  uint64_t offset, size;
};

/* One member of the archive, as its headers describe it. Strings live until the next call of the parser. */
struct tar_entry {
  const char *path, *link;
  enum tar_type type;
  uint32_t mode, uid, gid;
  int64_t mtime;
  uint32_t mtime_ns;
  uint64_t size;                   /* of the file, holes included */
  uint64_t data_offset, data_size; /* where its data is in the archive */
  uint32_t major, minor;
  size_t xattr_count;
  struct tar_xattr *xattrs;
  int sparse;
  size_t segment_count;
  struct tar_segment *segments;
};

struct tar_handler {
  int (*entry)(void *data, const struct tar_entry *entry, struct error *err);
  /* The stored bytes of a file (for a sparse one: of its segments, joined), in pieces; NULL: not wanted. */
  int (*bytes)(void *data, const void *bytes, size_t size, struct error *err);
  /* After the last byte of a file; NULL: not wanted. */
  int (*end)(void *data, struct error *err);
  void *data;
};

struct tar_parser;

/* A parser at the start of an archive, for a handler that it copies. NULL without memory. */
struct tar_parser *tar_parser_new(const struct tar_handler *handler);
/* Frees it; NULL is allowed. */
void tar_parser_free(struct tar_parser *parser);
/* Takes the next bytes of the archive. -1 with stage "tar" for a malformed archive, or the handler's own error. */
int tar_parser_feed(struct tar_parser *parser, const void *bytes, size_t size, struct error *err);
/* Bytes that may be skipped instead of fed, because nobody wants them (only when the handler takes no bytes). */
uint64_t tar_parser_skippable(const struct tar_parser *parser);
/* Counts `size` of these bytes, which have been passed over. */
void tar_parser_skip(struct tar_parser *parser, uint64_t size);
/* To be called at the end of the archive: fails when it was cut off. */
int tar_parser_finish(struct tar_parser *parser, struct error *err);

/* Builds one archive on a file descriptor, buffered. */
struct tar_writer {
  struct buffered out;
  int sparse; /* files with holes are stored without them (pax, GNU's sparse format 1.0) */
};

/* Begins an archive on `fd`, which stays the caller's. Returns 0, or -1 without memory. */
int tar_writer_open(struct tar_writer *writer, int fd, struct error *err);
/* Frees the buffer; what tar_write_end() has not written is dropped. */
void tar_writer_close(struct tar_writer *writer);
/* Writes the headers of an entry (`data_*` is ignored; `size` bytes must follow for a file, for a sparse one those of its
   segments: tar_write_pieces()). Names that
   ustar can't hold go into a pax header. Modification times are cut to seconds unless `nanoseconds` is set. */
int tar_write_entry(struct tar_writer *writer, const struct tar_entry *entry, int nanoseconds, struct error *err);
/* `size` bytes of a file's data from `from`, with its padding; a file that has become shorter is filled with zeros. */
int tar_write_file(struct tar_writer *writer, int from, uint64_t size, struct error *err);
/* The data of a sparse entry: its segments of `from`. */
int tar_write_pieces(struct tar_writer *writer, int from, const struct tar_entry *entry, struct error *err);
/* Ends the archive with two empty blocks, and writes all that is held. Returns 0, or -1. */
int tar_write_end(struct tar_writer *writer, struct error *err);

/* How a directory is put into an archive. */
struct tar_walk {
  const char *prefix; /* goes before each name: "" or "base"; joined by '/' unless empty */
  int include_root;   /* an entry for the directory itself, named by the prefix */
  int rooted;         /* names begin with '/' */
  int nanoseconds;
};
/* Walks `directory` (an open directory) in order of names, never following a symbolic link. Sockets are left out. */
int tar_walk(struct tar_writer *writer, int directory, const struct tar_walk *walk, struct error *err);
/* One entry that is no directory: `name` in `directory`, stored as `stored`. */
int tar_walk_one(struct tar_writer *writer, int directory, const char *name, const char *stored, struct error *err);

#endif

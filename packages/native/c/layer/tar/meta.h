/* Extended headers (pax, GNU) and the member that follows them. Internal to the tar reader. */
#ifndef BERTH_TAR_META_H
#define BERTH_TAR_META_H

#include "layer/tar/tar.h"
#include "layer/tar/ustar.h"

/* A numeric field of a header: octal, or base-256 where the first bit is set. -1 when it is neither. */
int tar_number(const uint8_t *field, size_t size, int64_t *out);

/* Whether the block's checksum is right: the sum of its bytes, unsigned or signed, with blanks in the checksum's place. */
int tar_header_checks(const struct tar_block *block);
/* Copies a name into a buffer of TAR_PATH_LIMIT + 1 bytes. Returns 0, or -1 with ENAMETOOLONG. */
int tar_header_path(char *to, const char *from, struct error *err);
/* A user's or group's number, from the extended header (`has_pax`) or the field. Returns 0, or -1 for what is no number of 32
   bits. `what` names it in the error. */
int tar_header_id(const uint8_t *field, int has_pax, int64_t pax, const char *what, uint32_t *out, struct error *err);
/* Tells the type of a member. `*skip`: it is nothing that concerns files. Returns 0, or -1 with stage "tar" for an unknown one. */
int tar_header_type(const struct tar_block *block, const char *path, enum tar_type *type, int *skip, struct error *err);

struct tar_meta {
  char *path, *link;
  int has_size, has_uid, has_gid, has_mtime;
  int64_t size, uid, gid, mtime;
  uint32_t mtime_ns;
  struct tar_xattr xattrs[TAR_XATTR_LIMIT];
  size_t xattr_count;
  size_t xattr_bytes;
  /* GNU's sparse formats 0.0, 0.1 and 1.0, which are told in pax records. */
  int sparse;       /* any of them */
  int sparse_major; /* 1: the map is at the start of the data */
  int64_t sparse_size;
  char *sparse_name;
  int64_t sparse_offset; /* 0.0: the offset whose length is to come; -1: none */
  struct tar_segment *segments;
  size_t segment_count, segment_room;
};

/* Forgets what extended headers have said: the member that they were for is over. */
void tar_meta_reset(struct tar_meta *meta);
/* Takes the records of a pax header. */
int tar_meta_pax(struct tar_meta *meta, const char *records, size_t size, struct error *err);
/* Adds a piece of a sparse file. Returns 0, or -1 for one that is out of order or one too many. */
int tar_meta_segment(struct tar_meta *meta, int64_t offset, int64_t size, struct error *err);
/* Takes up to `count` pairs of numbers as GNU's old format has them; the first empty one ends them. */
int tar_meta_old_sparse(struct tar_meta *meta, const uint8_t *at, int count, struct error *err);
/* Checks that the segments fit a file of `size` bytes and hold `stored` bytes; drops empty ones. */
int tar_meta_check_segments(struct tar_meta *meta, uint64_t size, uint64_t stored, struct error *err);

/* The text dockerd (Go's archive/tar) gives for a header that makes no sense. */
#define TAR_BAD_HEADER "archive/tar: invalid tar header"

#endif

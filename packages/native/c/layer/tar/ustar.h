/* A header block of a tar archive, as POSIX's ustar has it, with what GNU tar and star put behind it (tar(5)). Numbers are octal
 * text, or base-256 where the first bit is set; texts that fill their field have no NUL. */
#ifndef BERTH_TAR_USTAR_H
#define BERTH_TAR_USTAR_H

#include <stddef.h>
#include <stdint.h>

enum { TAR_BLOCK_SIZE = 512 };

struct tar_block {
  uint8_t name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
  uint8_t magic[6], version[2], user[32], group[32], major[8], minor[8];
  union {
    struct {
      uint8_t prefix[155]; /* of the name; star's is 131 long, times follow it */
      uint8_t unused[8], star[4];
    };
    struct { /* type S: a sparse file of GNU's old format */
      uint8_t times[24], offset[12], long_names[4], unused_here;
      uint8_t pieces[4][24]; /* offset and size, 12 bytes each */
      uint8_t more_pieces, real_size[12];
    } gnu;
  };
};
_Static_assert(sizeof(struct tar_block) == TAR_BLOCK_SIZE && offsetof(struct tar_block, gnu.real_size) == 483 &&
                   offsetof(struct tar_block, star) == 508,
               "the fields have their places");

/* A block with more pieces of an old sparse file. */
struct tar_pieces_block {
  uint8_t pieces[21][24], more_pieces, unused[7];
};
_Static_assert(sizeof(struct tar_pieces_block) == TAR_BLOCK_SIZE, "a block of pieces is one");

#endif

/* The entries of a directory as EROFS blocks. Internal to the writer of images. */
#ifndef BERTH_EROFS_DIRECTORY_H
#define BERTH_EROFS_DIRECTORY_H

#include "layer/tree/erofs.h"

/* Places of a node in the image: place[0] its inode's offset, place[1] the first block of what it has outside of it, place[2]
   its layout. */
#define INODE_AT 0
#define BLOCK_AT 1
#define LAYOUT 2

/* The entries of a directory with "." and "..", in order of bytes. */
struct listing {
  const struct node *directory;
  uint32_t next;
  int dots; /* bit 0: "." was given, bit 1: ".." was */
};

/* Fills one block (NULL: only counts) with entries from the list; returns how many bytes of it are used, 0 at the end. */
size_t erofs_directory_block(struct listing *list, uint8_t block[EROFS_BLOCK]);
/* The directory's size, its last block cut to what is used. */
uint64_t erofs_directory_size(const struct node *directory);

#endif

/* The entries of a folder as EROFS blocks. Internal to the writer of images. */
#ifndef BERTH_EROFS_FOLDER_H
#define BERTH_EROFS_FOLDER_H

#include "layer/tree/erofs.h"

/* Places of a node in the image: place[0] its inode's offset, place[1] the first block of what it has outside of it, place[2] its
   layout. */
#define INODE_AT 0
#define BLOCK_AT 1
#define LAYOUT 2

/* The entries of a folder with "." and "..", in order of bytes. */
struct listing {
  const struct node *folder;
  uint32_t next;
  int dots; /* bit 0: "." was given, bit 1: ".." was */
};

/* Fills one block (NULL: only counts) with entries from the list; returns how many bytes of it are used, 0 at the end. */
size_t erofs_folder_block(struct listing *list, uint8_t block[EROFS_BLOCK]);
/* The folder's size, its last block cut to what is used. */
uint64_t erofs_folder_size(const struct node *folder);

#endif

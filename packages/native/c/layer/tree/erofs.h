/* Writes an EROFS image (the kernel's Documentation/filesystems/erofs.rst) that describes a layer: directories, names and
   attributes are in the image, the contents of files stay where they are in the layer's tar, which is its second device.

   Written here: the image is made of the tree that the pass over the tar has left in memory; mkfs.erofs would read the tar
   once more, in a program that no host has. fsck.erofs checks and extracts it in daemon/src/layers/adding/erofs.test.ts. */
#ifndef BERTH_EROFS_H
#define BERTH_EROFS_H

#include "layer/tree/tree.h"

/* Tars are made of such blocks, so the file system must be. */
#define EROFS_BLOCK 512u

/* Writes the image of a finished tree to `image` (an empty file). `tar` is the layer's tar of `tar_size` bytes, `digest`
   its 64 hexadecimal digits. The same tree gives the same bytes. */
int erofs_write(struct tree *tree, int image, int tar, uint64_t tar_size, const char *digest, struct error *err);

#endif

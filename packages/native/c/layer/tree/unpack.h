/* Writes a layer's tree as files below a directory, for kernels that can't mount EROFS from a file. */
#ifndef BERTH_LAYER_UNPACK_H
#define BERTH_LAYER_UNPACK_H

#include "layer/tree/tree.h"

/* `directory` must be empty; `tar` holds the contents. Every file is made by its own name in an open directory. */
int layer_unpack(struct tree *tree, int directory, int tar, struct error *err);

#endif

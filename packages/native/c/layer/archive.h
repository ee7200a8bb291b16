/* Copies into and out of a container's root. */
#ifndef BERTH_LAYER_ARCHIVE_H
#define BERTH_LAYER_ARCHIVE_H

#include "base/error.h"

/* Unpacks the tar on standard input into the folder `path` of the root. With `keep_kinds` a folder is not replaced by
   anything else, nor anything else by a folder. */
int layer_put(int root, const char *path, int keep_kinds, struct error *err);

#endif

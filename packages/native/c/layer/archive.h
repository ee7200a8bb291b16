/* Copies into and out of a container's root. */
#ifndef BERTH_LAYER_ARCHIVE_H
#define BERTH_LAYER_ARCHIVE_H

#include "base/error.h"
#include "base/users/users.h"

/* Unpacks the tar on standard input into the directory `path` of the root. With `keep_kinds` a directory is not replaced by
   anything else, nor anything else by a directory. All of it is given to `owner` unless that is NULL. */
int layer_put(int root, const char *path, int keep_kinds, const struct user *owner, struct error *err);
/* Unpacks the tar on standard input into an open directory, whose own attributes are the archive's, too. */
int layer_put_whole(int directory, struct error *err);

#endif

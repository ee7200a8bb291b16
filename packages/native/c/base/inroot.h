/* Paths of a container, resolved so that no symlink and no race of the container can lead out of its root. */
#ifndef BERTH_INROOT_H
#define BERTH_INROOT_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum inroot_kind { INROOT_DIRECTORY, INROOT_FILE };

/* How symlinks on the way are taken: followed inside the root, or refused (ELOOP) where only a plain path will do. */
enum inroot_links { INROOT_FOLLOW, INROOT_REFUSE };

/* Opens an existing path; `flags` are open(2)'s. Returns an fd, or -1 with errno. */
int inroot_open(int root, const char *path, int flags, enum inroot_links links);

/* Opens a mount target with O_PATH, making what is missing (directories 0755, an empty file 0644) through the fds of its
   parents, also where a link leads to what is not there. An existing target of the other kind is refused with ENOTDIR. Returns
   an fd, or -1 with errno. */
int inroot_target(int root, const char *path, enum inroot_kind kind, enum inroot_links links);

/* The place that a path leads to, all links followed as far as they exist, as an absolute path in the root. Returns 0 or -1. */
int inroot_final(int root, const char *path, char out[PATH_MAX]);

/* Opens the directory that holds `path` (made when missing) and points *name at the last component, which is copied into
   `buffer` of `size` bytes. Returns an fd, or -1 with errno. */
int inroot_parent(int root, const char *path, char *buffer, size_t size, const char **name);

/* Sets the mode of a directory, or of a node that was made with this mode already (a change of owner takes some of it away),
   in an open directory. What a link leads to that was put in its place meanwhile stays as it is. Returns 0, or -1 with errno. */
int inroot_set_mode(int directory, const char *name, mode_t mode);

/* Reads a regular file of at most `limit` bytes into memory the caller frees, NUL-terminated. Returns 0, or -1 with
   errno (EFBIG beyond the limit, EINVAL for anything but a regular file). */
int inroot_read(int root, const char *path, size_t limit, char **content, size_t *size);

#endif

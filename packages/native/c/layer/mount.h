/* The layers of a container, mounted in a mount namespace of this process's own: nothing is seen by the host, and all of it
   goes when the process does. */
#ifndef BERTH_LAYER_MOUNT_H
#define BERTH_LAYER_MOUNT_H

#include "base/error.h"

/* A detached, read-only mount of an EROFS image; `device` may be NULL. */
int layer_mount_erofs(const char *image, const char *device, struct error *err);

/* Leaves the host's mount namespace (changes of it are no longer seen, either). */
int layer_own_namespace(struct error *err);

/* Has no device node opened through a mount (`path` below `directory`, or "" for what that is) and all below it: a file that
   was looked at may have become one by the time it is opened, and opening some is an act of its own. Returns 0, or -1. */
int layer_without_devices(int directory, const char *path, struct error *err);

/* Opens a directory of the host that containers write to, by a mount of its own without devices. Returns an fd, or -1. */
int layer_open_directory(const char *path, struct error *err);

/* A root as `layer` verbs are told of it, by arguments after "--": `erofs IMAGE DEVICE`, `directory PATH` (topmost first),
   `upper PATH`, `bind SOURCE SUBPATH DESTINATION ro|rw` (SUBPATH may be
   empty; it is resolved inside SOURCE), `make PATH` (a directory that is made where it is missing and can be). */
struct layer_root {
  int argc;
  char **argv;
};

/* Mounts the lower layers only, read-only. Returns an fd of the root; in its own namespace. */
int layer_mount_lower(const struct layer_root *root, struct error *err);
/* Whether a writable layer is told of. */
int layer_has_upper(const struct layer_root *root);

/* The work directory of one mount, beside the upper layer. Each mount has its own: the kernel makes a work directory anew
   when it is mounted, and another mount that stands on it would then copy nothing up any more (ENOENT). */
struct layer_work {
  int directory; /* that it lies in */
  int held;      /* locked as long as it is in use, so that what a killed process left is known by the next */
  char name[32];
};

/* Mounts the whole, with binds (made where they are missing) when `binds` is set. */
int layer_mount_whole(const struct layer_root *root, int binds, struct layer_work *work, struct error *err);
/* Removes the work directory of a mount that is not written to any more; at once for none (`held` is -1). */
void layer_remove_work(struct layer_work *work);

#endif

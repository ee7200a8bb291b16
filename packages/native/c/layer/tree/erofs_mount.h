/* Mounting the EROFS images of layers. */
#ifndef BERTH_EROFS_MOUNT_H
#define BERTH_EROFS_MOUNT_H

#include "base/error.h"

/* A detached read-only mount of `image`, whose data lies in `blobs` (NULL-terminated). Where the kernel cannot mount a
   file (before 6.12) a loop device is used that goes with the mount. Returns an fd, or -1. */
int erofs_mount(const char *image, const char *const *blobs, struct error *err);

#endif

/* The places of the engine's own mounts in a container's root. */
#ifndef BERTH_INIT_MOUNT_POINTS_H
#define BERTH_INIT_MOUNT_POINTS_H

#include <stddef.h>

#include "base/error.h"
#include "base/inroot.h"

struct init_mount_point {
  const char *path;
  enum inroot_kind kind;
};

extern const struct init_mount_point init_mount_points[];
extern const size_t init_mount_points_count;

/* An image's symlinks at these places give way to what the engine mounts there; /etc/mtab is made. */
int init_mount_points_clear(int root, struct error *err);

#endif

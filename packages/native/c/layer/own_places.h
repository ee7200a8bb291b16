/* The places of the engine's own mounts in a container's root. */
#ifndef BERTH_OWN_PLACES_H
#define BERTH_OWN_PLACES_H

#include <stddef.h>

#include "base/error.h"
#include "base/inroot.h"

struct own_place {
  const char *path;
  enum inroot_kind kind;
};

extern const struct own_place own_places[];
extern const size_t own_places_count;

/* An image's symlinks at these places give way to what the engine mounts there; /etc/mtab is made. */
int own_places_clear(int root, struct error *err);

#endif

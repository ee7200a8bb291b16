/* The places of the engine's own mounts in a container's root. */
#ifndef BERTH_OWN_PLACES_H
#define BERTH_OWN_PLACES_H

#include "error.h"

/* An image's symlinks at these places give way to what the engine mounts there; /etc/mtab is made. */
int own_places_clear(int root, struct error *err);

#endif

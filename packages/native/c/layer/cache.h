/* Layers that stay mounted in the launcher, so that all containers of an image share one page cache of it, and only the
   first start of a layer pays for its mount. Needs Linux 6.15, where an overlay takes detached mounts. */
#ifndef BERTH_LAYER_CACHE_H
#define BERTH_LAYER_CACHE_H

#include "base/loop.h"

/* Whether overlays take detached mounts here. */
int overlay_takes_detached(void);

/* In the launcher: begins to keep what its supervisors offer. Without it every start mounts its layers itself. */
void layer_cache_serve(struct loop *loop);

/* In a forked supervisor: closes the fds from `first` up, but for the kept layers' until layer_cache_leave. */
void layer_cache_inherit(unsigned first);

/* The kept mount of an image and its blobs (NULL-terminated), now the caller's; -1 when there is none. */
int layer_cache_take(const char *image, const char *const *blobs);

/* Gives the launcher a mount to keep; the caller's stays its own. */
void layer_cache_offer(const char *image, const char *const *blobs, int mount);

/* In a supervisor that has its root: the layers it had no use for are closed. */
void layer_cache_leave(void);

#endif

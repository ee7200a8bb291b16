/* Capabilities of a process. */
#ifndef BERTH_CAPS_H
#define BERTH_CAPS_H

#include <stdint.h>

#include "base/error.h"
#include "base/launch.h"

struct caps {
  uint64_t bounding, effective, permitted, inheritable, ambient;
};

/* Reads the `caps` record; without one every set is empty. */
int caps_read(const struct launch *launch, struct caps *out, struct error *err);
/* Takes from the bounding set what is not in it; needs CAP_SETPCAP. */
int caps_bound(const struct caps *caps, struct error *err);
/* Sets effective, permitted and inheritable alone, to no more than they are. `key`: see birth.h. */
int caps_limit(const struct caps *caps, uint64_t key, struct error *err);
/* Sets the other four. */
int caps_set(const struct caps *caps, struct error *err);

#endif

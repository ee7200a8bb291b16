/* Capabilities of a process. */
#ifndef BERTH_CAPS_H
#define BERTH_CAPS_H

#include <stdint.h>

#include "base/error.h"
#include "container/spec/spec.h"

/* Drops all capabilities from the process's bounding set that are not in `caps->bounding`; needs CAP_SETPCAP. */
int caps_bound(const struct caps *caps, struct error *err);
/* Sets effective, permitted and inheritable alone, to no more than they are. `key`: see late_clone.h. */
int caps_limit(const struct caps *caps, uint64_t key, struct error *err);
/* Sets the other four. */
int caps_set(const struct caps *caps, struct error *err);

#endif

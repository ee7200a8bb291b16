/* The launcher's helpers. */
#ifndef BERTH_LAUNCHER_H
#define BERTH_LAUNCHER_H

#include "base/error.h"

/* Makes sure that this program runs from a sealed copy in memory: execs itself from one when it does not. Whatever a
   container does to /proc/PID/exe of ours, no file of the host changes. Returns when sealed, or with an error. */
int seal_self(char **argv, struct error *err);

#endif

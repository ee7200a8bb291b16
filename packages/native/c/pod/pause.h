/* A pod's pause process, the first of its namespaces: it is there while they are bound to files, and for good as process 1 of a PID
   namespace. */
#ifndef BERTH_POD_PAUSE_H
#define BERTH_POD_PAUSE_H

#include "base/namespaces/namespaces.h"

/* In the clone: waits on `channel` for the word that all is bound, then ends; or with a PID namespace reaps what is left in it.
   Does not return. */
_Noreturn void pause_process(const struct namespaces *namespaces, int channel);

#endif

/* The first process of a pod's namespaces: there while they are bound to files, and for good as process 1 of a PID namespace. */
#ifndef BERTH_KEEPER_H
#define BERTH_KEEPER_H

#include "base/namespaces/namespaces.h"

/* In the clone: waits on `channel` for the word that all is bound, then ends, or keeps its PID namespace. */
_Noreturn void keep_pod(const struct namespaces *namespaces, int channel);

#endif

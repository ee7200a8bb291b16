/* The procfs of a pod's PID namespace, where the kernel lets only a process in there make one. */
#ifndef BERTH_POD_PROCFS_H
#define BERTH_POD_PROCFS_H

#include <sys/types.h>

#include "base/error.h"

/* Mounts it at `path`, for the containers of the pod to clone; does nothing on a kernel that makes one for any PID namespace
   (Linux 6.18). `first` is the only process of the namespace: nobody may be in there who could look into the one that mounts.
   The caller's next children begin in the namespace. Returns -1 with stage "pod". */
int procfs_keep(pid_t first, const char *path, struct error *err);

#endif

/* A pod's namespaces, which last without a process of the daemon's: each is bound to a file of the pod's directory.
 *
 * Records, of which the first is `pod`; what is asked for is done in this order:
 *
 *   pod DIRECTORY
 *   namespace TYPE               net ipc uts user pid: a new one, bound to DIRECTORY/TYPE. A PID namespace lasts as long as its
 *                                first, the pause process: it has no rights, sees no files, and reaps what the containers leave
 *   uid-map INSIDE OUTSIDE COUNT for `namespace user`, which then owns the others; likewise gid-map
 *   cgroup PATH                  the pause process is put into it; made where it is missing
 *   pin TYPE PATH                one that exists, bound likewise
 *   shm SIZE UID GID             DIRECTORY/shm: a tmpfs of that many bytes
 *   hostname NAME
 *   sysctl KEY VALUE             in the network and IPC namespaces of DIRECTORY; KEY with dots
 *   port ...                     as portproxy.h says: held by a process of their own
 *   release                      nothing of all that: what is bound in DIRECTORY is let go, and DIRECTORY is removed
 */
#ifndef BERTH_POD_H
#define BERTH_POD_H

#include "base/records/launch.h"

/* The launcher's child becomes the maker of a pod: does what the records say and answers on `control`, with `pod-done PROCESS`
   (the number of the process that keeps the PID namespace, or that holds the ports; 0: none) or with `failed` as a supervisor
   does. Does not return. */
_Noreturn void pod_make(int control, const struct launch *request);

#endif

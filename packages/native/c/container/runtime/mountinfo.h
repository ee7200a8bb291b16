/* The mount that a file lies on, by /proc/self/mountinfo. */
#ifndef BERTH_CONTAINER_RUNTIME_MOUNTINFO_H
#define BERTH_CONTAINER_RUNTIME_MOUNTINFO_H

#include <limits.h>

struct mount_place {
  char point[PATH_MAX]; /* where it is mounted */
  int shared;           /* it has peers */
};

/* Returns 0, or -1 with errno. The file has to be of the caller's mount namespace. */
int mount_place_of(int fd, struct mount_place *out);

#endif

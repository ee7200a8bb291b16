/* The cgroup of a container: one directory in each v1 hierarchy that is used, or one of v2. */
#ifndef BERTH_CGROUP_H
#define BERTH_CGROUP_H

#include "base/error.h"
#include "base/records/launch.h"

struct container_spec;

#define CGROUP_MAX 16
#define CGROUP_NAME_MAX 24 /* with its 0 */

struct cgroup_directory {
  char name[CGROUP_NAME_MAX]; /* the v1 hierarchy's, "" for v2 */
  const char *path;           /* on the host; a string of the launch */
  int dir;
  int tasks; /* v1: opened for the child to write itself in, -1 for v2 */
  int tree;  /* v1: a detached mount of the directory, for the container to see; -1 otherwise */
};

struct cgroup {
  int version; /* 0: none */
  int count;
  struct cgroup_directory directory[CGROUP_MAX];
  long oom_before;
  long oom_stalls; /* how often it has run out of memory where nothing is killed (v1's oom_kill_disable) */
  int oom_stalled; /* its processes wait for memory now */
};

/* Makes the directories (and their parents), writes limits and device rules. */
int cgroup_prepare(const struct container_spec *spec, struct cgroup *out, struct error *err);
/* The directory of a controller, or NULL. */
const struct cgroup_directory *cgroup_controller(const struct cgroup *cgroup, const char *controller);
/* For clone3: the v2 directory, or -1. */
int cgroup_clone_fd(const struct cgroup *cgroup);
/* The child writes itself into each v1 hierarchy. */
int cgroup_join(const struct cgroup *cgroup, struct error *err);
/* How often it has run out of memory since cgroup_prepare: the processes that the OOM killer has taken, and, where it is not to kill,
   the times its processes began to wait. */
long cgroup_ooms(struct cgroup *cgroup);
/* The kernel has told of it (cgroup_oom_fd): processes that wait now have begun to, also where others waited at the last look. */
void cgroup_oom_told(struct cgroup *cgroup);
/* Something to poll for out-of-memory: v1 an eventfd (EPOLLIN), told before the kill; v2 the file of the counter
   (EPOLLPRI, until it is read), told after it, and *counter is 1. -1 where there is none. */
int cgroup_oom_fd(const struct cgroup *cgroup, int *counter);
/* Kills every process in it: by cgroup.kill of v2 (Linux 5.14), else one by one until none is left, for at most 100 rounds. */
void cgroup_kill(const struct cgroup *cgroup);
/* Closes the descriptors; the directories stay. */
void cgroup_close(struct cgroup *cgroup);
/* Removes the directories of a launch up to one in which something is left: that and those behind it are the daemon's to remove,
   which looks at the last. */
void cgroup_remove(const struct cgroup *cgroup);

/* devices.c */
int cgroup_devices_prepare(const struct container_spec *spec, const struct cgroup *cgroup, struct error *err);

#endif

/* The namespaces of a container: made by clone3, or joined. */
#ifndef BERTH_NAMESPACES_H
#define BERTH_NAMESPACES_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/launch.h"

enum { NS_MNT, NS_PID, NS_UTS, NS_IPC, NS_NET, NS_CGROUP, NS_TIME, NS_USER, NS_COUNT };

struct namespaces {
  uint64_t create;    /* CLONE_NEW* of the new ones */
  int join[NS_COUNT]; /* fds of those to join, or -1 */
};

/* Reads the `namespace` records and opens the paths. Who is to get a new user namespace, but joins what another one owns,
   joins that one: only there it has rights over what it shares. */
int namespaces_prepare(const struct launch *launch, struct namespaces *out, struct error *err);
void namespaces_close(struct namespaces *namespaces);
/* True when the container has a user namespace that is not the supervisor's. */
int namespaces_has_user(const struct namespaces *namespaces);

/* Clones a child into the namespaces, but for a PID namespace that others live in already: it is in an empty mount
   namespace of its own. As fork(): 0 in the child. The caller is back in its own namespaces afterwards. `cgroup`: the fd of a v2 folder to be born in, or -1. */
pid_t namespaces_clone(const struct namespaces *namespaces, int cgroup, int *pidfd, struct error *err);
/* The child's part: what can only be done from inside. `channel` tells when the user maps are written. */
int namespaces_child(const struct namespaces *namespaces, int channel, struct error *err);
/* In the child: makes the PID namespace that is shared with others that of its own children. */
int namespaces_join_pid(const struct namespaces *namespaces, struct error *err);
/* Writes uid and gid maps of the child `pid`. */
int namespaces_write_maps(const struct launch *launch, pid_t pid, struct error *err);
/* A user namespace with the launch's maps, held by nothing but the fd returned. */
int namespaces_user_fd(const struct launch *launch, struct error *err);
/* A network namespace that belongs to such a user namespace, which goes with it; or to the one at a path (a record
   `user-namespace PATH`). */
int namespaces_owned_net(const struct launch *launch, struct error *err);

/* Clones a child for docker exec, born in the cgroup of the fd (-1: the caller's); it joins the namespaces itself. */
pid_t namespaces_clone_beside(int cgroup, struct error *err);
/* Joins those of the process behind `pidfd`; a PID namespace among them is that of the children to come. */
int namespaces_join(int pidfd, uint64_t which, struct error *err);

/* A mount namespace whose root is an empty, read-only tmpfs: made once by the launcher, inherited by every supervisor,
   CLOEXEC. A container's child joins it and unshares its own copy, so that nothing of the host is there to be unmounted.
   -1 when it could not be made. */
extern int namespaces_empty_mnt;
/* The null device in there, as O_PATH: what containers get of one. Its mount is read-only: nobody changes its mode or owner,
   as they could those of the host's own. */
extern int namespaces_null;
/* A network namespace with loopback up that nobody uses yet, or -1: the next container's that wants one of its own. */
extern int namespaces_spare_net;
/* Brings loopback up in the caller's network namespace. */
int loopback_up(struct error *err);
/* Makes the mount namespace of namespaces_empty_mnt; returns an fd of it, or -1. `null` receives namespaces_null. */
int make_empty_mntns(int *null, struct error *err);
/* Opens the null device of the empty namespace anew. Returns an fd, or -1. */
int namespaces_null_open(int flags, struct error *err);
/* The mount namespace with nothing but an empty read-only tmpfs: the launcher's, or one made now. Returns its fd, or -1. */
int namespaces_empty(struct error *err);

/* The caller's own namespace of that kind, opened once. Returns an fd, or -1 with errno. */
int namespaces_own(int kind);

#endif

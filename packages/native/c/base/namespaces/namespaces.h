/* The namespaces of a container: made by clone3, or joined. */
#ifndef BERTH_NAMESPACES_H
#define BERTH_NAMESPACES_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/records/launch.h"
#include "base/namespaces/idmap.h"

enum { NS_MNT, NS_PID, NS_UTS, NS_IPC, NS_NET, NS_CGROUP, NS_TIME, NS_USER, NS_COUNT };

/* A record `namespace TYPE [PATH]`. `path`: the file of a namespace to join, as /proc/PID/ns/net; NULL: a new one. */
struct namespace_request {
  int kind; /* NS_* */
  const char *path;
};
/* Decodes such a record, whose strings stay. Returns 0, or -1 with EINVAL for a type that is missing or unknown. */
int namespace_decode(const struct launch_record *record, struct namespace_request *request, struct error *err);

struct namespaces {
  uint64_t create;    /* CLONE_NEW* of the new ones */
  int join[NS_COUNT]; /* descriptors of those to join, or -1 */
};

/* The NS_* of a name in /proc/PID/ns ("mnt", "pid", ...), or -1. */
int namespaces_kind(const char *name);
/* The CLONE_NEW* flag of a kind. */
uint64_t namespaces_flag(int kind);
/* A kind's name in /proc/PID/ns. */
const char *namespaces_name(int kind);

/* Opens the namespaces that are asked for by path and notes those to be made; the mount namespace is always new. A container
   that is to get a new user namespace, but joins a namespace that another user namespace owns, joins that user namespace:
   only there it has rights over what it shares. Takes namespaces_spare_net where that fits. Returns 0, or -1. */
int namespaces_prepare(const struct namespace_request *requests, size_t count, struct namespaces *out, struct error *err);
/* Closes the descriptors of namespaces to join. */
void namespaces_close(struct namespaces *namespaces);
/* True when the container has a user namespace that is not the supervisor's. */
int namespaces_has_user(const struct namespaces *namespaces);

/* Clones a child into the namespaces, except a PID namespace that other processes are in already, which
   namespaces_join_pid() joins. The child's mount namespace is a copy of the empty one. As fork(): 0 in the child, its pid in
   the caller, -1 with an error; the caller is back in its own namespaces afterwards. `cgroup`: the descriptor of the v2
   cgroup that the child begins in, or -1. `*pidfd` receives the child's pidfd. */
pid_t namespaces_clone(const struct namespaces *namespaces, int cgroup, int *pidfd, struct error *err);
/* The child's part: under a user namespace it waits on `channel` for one byte, which says that the id maps are written, and
   becomes its root. */
int namespaces_child(const struct namespaces *namespaces, int channel, struct error *err);
/* In the child: its children to come begin in the PID namespace that is joined. */
int namespaces_join_pid(const struct namespaces *namespaces, struct error *err);
/* A new user namespace with these maps that no process is in: it lasts as long as the descriptor returned. -1: an error. */
int namespaces_user_fd(const struct id_maps *maps, struct error *err);
/* A new network namespace that a user namespace owns: a new one, with the records `uid-map` and `gid-map` of `launch`, or the
   one at the path of a record `user-namespace PATH`. Returns a descriptor, or -1. */
int namespaces_owned_net(const struct launch *launch, struct error *err);

/* Clones a child of docker exec, which joins the namespaces itself. `cgroup`: the v2 cgroup it begins in, -1: the caller's.
   As fork(). */
pid_t namespaces_clone_beside(int cgroup, struct error *err);
/* Joins the namespaces `which` (CLONE_NEW*) of the process behind `pidfd`; a PID namespace among them is that of the
   children to come (setns(2)). */
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

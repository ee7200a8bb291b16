/* Internal to a container's set-up. Outside, use container.h.
 *
 * Names: `*_prepare` runs in the supervisor, in the host's mount namespace; `*_apply` runs in the container's child
 * before it has become the program. Neither trusts anything that lies inside the container's root. All return 0, or -1 with
 * an error, where nothing else is said. Descriptors are -1 where there is none. */
#ifndef BERTH_CONTAINER_INTERNAL_H
#define BERTH_CONTAINER_INTERNAL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/namespaces/namespaces.h"
#include "container/cgroup/cgroup.h"
#include "container/container.h"
#include "container/spec/spec.h"

struct prepared_mount {
  const struct mount_spec *spec;
  int fd; /* a detached mount for move_mount; -1 when the child has to make it */
};

struct container {
  struct container_spec *spec; /* until the program runs */
  struct runtime *runtime;     /* another than ours (runtime/runtime.h), or NULL */
  struct namespaces namespaces;
  struct cgroup cgroup;
  int root; /* the detached, later attached, root mount */
  struct prepared_mount *mounts;
  size_t mount_count;
  int null;                     /* in the child: a detached clone of namespaces_null, for masks */
  int host_proc, host_sys;      /* shown to the kernel while a user namespace's own are made */
  int bare_sys;                 /* the host's sysfs alone, for a network namespace that is not the user namespace's */
  int device_tree;              /* under a user namespace: a detached tmpfs with a node "N" for the Nth device record */
  int init_program;             /* this program's own sealed file, with --init */
  int proc_context, proc_clone; /* what the procfs of a shared PID namespace is made of */
  int proc;                     /* in the child: the container's own procfs */
  dev_t dev;                    /* in the child: the container's own /dev, or 0 */
  pid_t pid;
  int pidfd;
};

/* A process on its way to become the container's program or an exec's. */
struct child {
  struct container *container;
  const struct container_spec *spec; /* the container's, or the exec's own */
  const struct process_io *io;
  int channel; /* init messages go there (init_message.h) */
  int root;
  int proc;                      /* a trusted procfs of the container's PID namespace, or -1 */
  int self;                      /* a trusted procfs that has the child itself in it, or -1 */
  int terminal;                  /* its end of the terminal, or -1 */
  uint64_t join;                 /* of an exec: CLONE_NEW* of the namespaces to join */
  struct program *program;       /* from process_run() on (process/process.c) */
  struct late_clone *late_clone; /* the program is to run in a process made at the very end (late_clone.h), or NULL */
  int seccomp_size;              /* instructions */
  void *seccomp;
};

/* container.c: the program runs, so what only its start needed is closed and freed. Root, namespaces and cgroups stay, for
   execs. */
void container_forget_start(struct container *container);

/* mounts/rootfs.c: makes the overlay of the spec's layers as a detached mount, in container->root. `user_ns`: a descriptor of
   the user namespace that layers are id-mapped to, -1 for none. */
int rootfs_prepare(struct container *container, int user_ns, struct error *err);
/* Maps a detached mount's ids to those of a user namespace; `recursive`: of all that is mounted below it, too. Returns 0, or
   -1 with errno. */
int map_ids(int mount, int user_ns, int recursive);
/* A detached mount of the image whose layers are for the mount at `destination`, or of what is at `subpath` in it (NULL:
   all of it); -1. */
int rootfs_image(const struct container_spec *spec, const char *destination, const char *subpath, int user_ns,
                 struct error *err);

/* mounts/mounts.c: opens the sources of binds and images. */
int mounts_prepare(struct container *container, int user_ns, struct error *err);
/* Attaches all mounts in the order of their records, in the child. */
int mounts_apply(struct container *container, struct error *err);
/* mounts/masks.c: covers the masked paths and protects the read-only ones; those that are missing are passed over. */
int masks_apply(struct container *container, struct error *err);
/* Makes the root mount read-only where the spec says so; mounts in it stay as they are. */
int root_readonly_apply(struct container *container, struct error *err);

/* mounts/procfs.c: opens what the procfs of a shared PID namespace is made of; nothing for a new one. */
int procfs_shared(struct container *container, struct error *err);
/* A detached clone of the mount at `path` of another container, by the /proc/PID directory of a process in it. A mount can
   be cloned in its own mount namespace only (open_tree(2)). -1 with errno. */
int clone_of_process(int process, const char *path);

/* mounts/devices.c: under a user namespace, makes the nodes for it. */
int devices_prepare(struct container *container, int user_ns, struct error *err);
/* Puts nodes and links into /dev, in the child. */
int devices_apply(struct container *container, struct error *err);

/* sysctl.c: host name and domain name of the caller's UTS namespace. */
int names_apply(const struct container_spec *spec, struct error *err);
/* A choice of sysctls: all, those of the network alone, or the others. */
enum sysctl_part { SYSCTLS_ALL, SYSCTLS_NET, SYSCTLS_OTHER };
/* Opens the program that becomes a container's process 1 with --init: this one, sealed. -1 with errno. */
int open_init_program(void);
/* Writes the sysctls of that part through `proc`, a trusted procfs. */
int sysctls_apply(const struct container_spec *spec, int proc, enum sysctl_part part, struct error *err);

#endif

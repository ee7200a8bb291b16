/* How mounts of each kind are made. Before the clone, from the host's paths: binds, images, another container's /dev/shm.
   In the container's child: filesystems of its own namespaces. All are detached mounts until mounts.c attaches them. */
#ifndef BERTH_CONTAINER_MOUNT_KINDS_H
#define BERTH_CONTAINER_MOUNT_KINDS_H

#include "container/internal.h"

/* sources.c: in the supervisor. Each returns a detached mount with the spec's options set, or -1. `user_ns`: a descriptor of
   the user namespace that an image's layers are mapped to, or -1. open_bind: what is at a path of the host. */
int open_bind(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err);
/* An image's layers, or a subpath of them. */
int open_image(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err);
/* Another container's /dev/shm. */
int open_shm_of(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err);

/* mounts.c: opens the place of a mount, making it where it is missing; returns it as O_PATH, or -1. */
int open_target(struct container *container, const struct mount_spec *mount, int directory, struct error *err);

/* filesystems.c: in the child, after show_host_filesystems(). Each returns a detached mount with the spec's options, or -1.
   make_plain: a filesystem of the spec's type, without more ado (devpts, mqueue). */
int make_plain(struct container *container, const struct mount_spec *mount, struct error *err);
/* The procfs of the container's PID namespace. */
int make_proc(struct container *container, const struct mount_spec *mount, struct error *err);
/* The sysfs of its network namespace; where that is not its own, the host's, read-only. */
int make_sysfs(struct container *container, const struct mount_spec *mount, struct error *err);
/* A tmpfs, with the mode of the directory that it covers unless a mode is given. */
int make_tmpfs(struct container *container, const struct mount_spec *mount, struct error *err);
/* The v2 hierarchy, with the container's cgroup as its root. */
int make_cgroup2(struct container *container, const struct mount_spec *mount, struct error *err);
/* v1: a directory with the container's own cgroup of each hierarchy; is attached when this returns 0. */
int attach_cgroup1(struct container *container, const struct mount_spec *mount, struct error *err);

/* refusals.c: fill the error and return -1. refuse_options: the filesystem does not take the mount's options (errno). */
int refuse_options(const struct mount_spec *mount, struct error *err);
/* The mount's place is a file where a directory is needed, or the other way round (ENOTDIR). */
int refuse_target(const struct container *container, const struct mount_spec *mount, int directory, struct error *err);

/* hostfs.c: what shows the kernel an unmasked /proc and /sys while a user namespace makes its own (mount_too_revealing() of
   the kernel's fs/namespace.c). Opens it, in the supervisor. */
int host_filesystems_prepare(struct container *container, struct error *err);
/* Shows them, in the child; before the container's own are made. */
int show_host_filesystems(struct container *container, struct error *err);
/* Takes them away again, in the child. */
int hide_host_filesystems(struct container *container, struct error *err);

#endif

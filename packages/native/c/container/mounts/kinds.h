/* How mounts of each kind are made. Before the clone, from the host's paths: binds, images, another container's /dev/shm.
   In the container's child: filesystems of its own namespaces. All are detached mounts until mounts.c attaches them. */
#ifndef BERTH_CONTAINER_MOUNT_KINDS_H
#define BERTH_CONTAINER_MOUNT_KINDS_H

#include "container/parts.h"

/* sources.c: in the supervisor. Each returns a detached mount with the spec's options set, or -1. `user_ns`: a descriptor of
   the user namespace that an image's layers are mapped to, or -1. */
int open_bind(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err);
int open_image(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err);
int open_shm_of(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err);

/* mounts.c: opens the place of a mount, making it where it is missing; returns it as O_PATH, or -1. */
int open_target(struct container *container, const struct mount_spec *mount, int directory, struct error *err);

/* filesystems.c: in the child, after show_host_filesystems(). Each returns a detached mount with the spec's options, or -1. */
int make_plain(struct container *container, const struct mount_spec *mount, struct error *err);
int make_proc(struct container *container, const struct mount_spec *mount, struct error *err);
int make_sysfs(struct container *container, const struct mount_spec *mount, struct error *err);
int make_tmpfs(struct container *container, const struct mount_spec *mount, struct error *err);
int make_cgroup2(struct container *container, const struct mount_spec *mount, struct error *err);
/* v1: a directory with the container's own cgroup of each hierarchy; is attached when this returns 0. */
int attach_cgroup1(struct container *container, const struct mount_spec *mount, struct error *err);

/* hostfs.c: what shows the kernel an unmasked /proc and /sys while a user namespace makes its own (mount_too_revealing() of
   the kernel's fs/namespace.c). The first runs in the supervisor, the others in the child. */
int host_filesystems_prepare(struct container *container, struct error *err);
int show_host_filesystems(struct container *container, struct error *err);
int hide_host_filesystems(struct container *container, struct error *err);

#endif

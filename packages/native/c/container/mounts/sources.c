/* Mounts from the host: binds, images, another container's /dev/shm. */
#include <sched.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/inroot.h"
#include "container/mounts/kinds.h"

/* Options are set while the mount is still detached: the container never sees it otherwise. */
static int set_options(int bind, const struct mount_spec *mount, struct error *err) {
  const struct mount_options *o = &mount->options;
  uint64_t propagation = o->propagation ? o->propagation : MS_PRIVATE;
  int recursive = o->propagation ? o->propagation_recursive : 1;
  if (tree_change(bind, recursive, 0, 0, propagation) < 0) return fail(err, "mount", errno, "propagation of %s", mount->source);
  if ((o->set || o->clear) && tree_change(bind, 0, o->set, o->clear, 0) < 0)
    return fail(err, "mount", errno, "options of %s", mount->source);
  if ((o->recursive_set || o->recursive_clear) && tree_change(bind, 1, o->recursive_set, o->recursive_clear, 0) < 0 &&
      (o->force_recursive || errno != ENOSYS))
    return fail(err, "mount", errno, "recursive options of %s", mount->source);
  return 0;
}

/* A volume's subpath may have been written by a container: it is resolved inside the volume. */
static int clone_source(const struct mount_spec *mount) {
  int recursive = mount->options.recursive_bind;
  if (!mount->subpath) return tree_clone(AT_FDCWD, mount->source, recursive);
  cleanup_close int volume = open(mount->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int inside = volume < 0 ? -1 : inroot_open(volume, mount->subpath, O_PATH, INROOT_FOLLOW);
  return inside < 0 ? -1 : tree_clone(inside, "", recursive);
}

/* The reason why the kernel refuses to map ids, and what to do about it. */
static const char *no_map(int status) {
  switch (status) {
  case EINVAL:
    return "the file system, or one that is mounted below, cannot map ids: use ext4, XFS, btrfs or (since Linux 6.3) tmpfs, "
           "leave out what is mounted below (bind-recursive=disabled), or leave out idmap";
  case EPERM:
    return "the mount, or one below it, has mapped ids already, or belongs to another user namespace: bind the directory itself";
  case ENOSYS: return "the kernel cannot map ids of mounts: Linux 5.12 or newer is needed; leave out idmap";
  default: return go_strerror(status);
  }
}

static int map_files(int bind, const struct mount_spec *mount, int user_ns, struct error *err) {
  const char *source = mount->source, *destination = mount->destination;
  cleanup_close int made = -1;
  if (mount->options.id_maps) {
    struct id_maps maps = {0};
    if (id_maps_parse(mount->options.id_maps, &maps, err) < 0) return -1;
    user_ns = made = namespaces_user_fd(&maps, err);
    if (made < 0) return -1;
  }
  if (user_ns < 0)
    return fail_text(err, "mount", EINVAL,
                     "error mounting \"%s\" to rootfs at \"%s\": map the ids of its files: the container has no user namespace "
                     "whose ids they could be: say which (idmap=uids=...;gids=...)",
                     source, destination);
  if (map_ids(bind, user_ns, mount->options.recursive_idmap) == 0) return 0;
  return fail_text(err, "mount", errno, "error mounting \"%s\" to rootfs at \"%s\": map the ids of its files: %s", source,
                   destination, no_map(errno));
}

int open_bind(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err) {
  cleanup_close int bind = clone_source(mount);
  if (bind < 0)
    return fail_text(err, "mount", errno,
                     "error mounting \"%s\" to rootfs at \"%s\": create mount destination for %s mount: bind mount source "
                     "stat: stat %s: %s",
                     mount->source, mount->destination, mount->destination, mount->source, go_strerror(errno));
  if (mount->options.idmap && map_files(bind, mount, user_ns, err) < 0) return -1;
  return set_options(bind, mount, err) < 0 ? -1 : steal_fd(&bind);
}

int open_image(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err) {
  cleanup_close int image = rootfs_image(container->spec, mount->destination, mount->subpath, user_ns, err);
  if (image < 0)
    return fail_text(err, "mount", err->status, "error mounting \"%s\" to rootfs at \"%s\": %s", mount->source,
                     mount->destination, go_strerror(err->status));
  if (tree_change(image, 0, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE) < 0)
    return fail(err, "mount", errno, "options of %s", mount->destination);
  return steal_fd(&image);
}

/* The source is a directory /proc/PID of a process of the other container. A mount can be cloned in its own mount namespace
   only (open_tree(2)). */
int open_shm_of(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err) {
  cleanup_close int process = open(mount->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int shm = process < 0 ? -1 : clone_of_process(process, "/dev/shm");
  return shm < 0 ? fail(err, "mount", errno, "the other container's /dev/shm") : shm;
}

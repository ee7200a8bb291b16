/* Device nodes and links of a container's /dev. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/fsmount.h"
#include "base/inroot.h"
#include "container/internal.h"

static int make_device(int parent, const char *name, const struct device_spec *device) {
  if (mknodat(parent, name, device->mode, device->number) < 0) return errno == EEXIST ? 0 : -1;
  /* mknod is subject to the umask, which is 0 here; only the owner is left to set. */
  if ((device->uid || device->gid) && fchownat(parent, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0) return -1;
  return 0;
}

/* A user namespace may make no nodes. They are made for it, in a filesystem of its own: the host's nodes stay the host's. */
int devices_prepare(struct container *container, int user_ns, struct error *err) {
  if (!namespaces_has_user(&container->namespaces)) return 0;
  cleanup_close int context = fs_open("tmpfs");
  if (context < 0 || fs_set(context, "source", "tmpfs") < 0 || fs_set(context, "mode", "0755") < 0)
    return fail(err, "device", errno, "tmpfs for devices");
  cleanup_close int tree = fs_mount(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (tree < 0) return fail(err, "device", errno, "tmpfs for devices");
  mode_t before = umask(0);
  int made = 0;
  FOR_EACH(device, &container->spec->devices) {
    char name[24];
    snprintf(name, sizeof name, "%td", device - container->spec->devices.items);
    if ((made = make_device(tree, name, device)) == 0) continue;
    fail_text(err, "device", errno, "error creating device nodes: mknod %s: %s", device->path, go_strerror(errno));
    break;
  }
  umask(before);
  if (made < 0) return -1;
  /* So that they are the container's root's. Before Linux 6.3 they are nobody's. */
  if (user_ns >= 0 && map_ids(tree, user_ns, 0) < 0 && errno != EINVAL)
    return fail(err, "device", errno, "map the user ids of devices");
  container->device_tree = steal_fd(&tree);
  return 0;
}

static int bind_device(int parent, const char *name, int tree, size_t index) {
  char node[24];
  snprintf(node, sizeof node, "%zu", index);
  int made = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (made < 0 && errno != EEXIST) return -1;
  if (made >= 0) close(made);
  cleanup_close int target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  cleanup_close int source = target < 0 ? -1 : tree_clone(tree, node, 0);
  return source < 0 ? -1 : tree_attach(source, target);
}

/* A detached mount can be cloned on new kernels only: this one is over the root for the moment. */
static int show_devices(const struct container *container, struct error *err) {
  if (container->device_tree < 0) return 0;
  if (move_mount(container->device_tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fail(err, "device", errno, "show devices");
  return 0;
}

static int hide_devices(const struct container *container, int root, struct error *err) {
  if (container->device_tree < 0) return 0;
  if (fchdir(container->device_tree) < 0 || umount2(".", MNT_DETACH) < 0 || fchdir(root) < 0)
    return fail(err, "device", errno, "hide devices");
  return 0;
}

static int apply_device(struct container *container, int dev, const struct device_spec *device, size_t index,
                        struct error *err) {
  char buffer[PATH_MAX];
  int direct = dev >= 0 && !strncmp(device->path, "/dev/", 5) && device->path[5] && !strchr(device->path + 5, '/');
  const char *name = device->path + 5;
  cleanup_close int other = direct ? -1 : inroot_parent(container->root, device->path, buffer, sizeof buffer, &name);
  int parent = direct ? dev : other;
  if (parent < 0) return fail(err, "device", errno, "%s", device->path);
  int made = container->device_tree >= 0 ? bind_device(parent, name, container->device_tree, index)
                                         : make_device(parent, name, device);
  if (made < 0)
    return fail_text(err, "device", errno, "error creating device nodes: mknod %s: %s", device->path, go_strerror(errno));
  return 0;
}

int devices_apply(struct container *container, struct error *err) {
  /* Nearly all lie right in /dev: its directory is opened once. */
  cleanup_close int dev = inroot_open(container->root, "/dev", O_PATH | O_DIRECTORY, INROOT_REFUSE);
  if (show_devices(container, err) < 0) return -1;
  FOR_EACH(device, &container->spec->devices) {
    if (apply_device(container, dev, device, (size_t) (device - container->spec->devices.items), err) < 0) return -1;
  }
  if (hide_devices(container, container->root, err) < 0) return -1;
  FOR_EACH(link, &container->spec->links) {
    if (dev < 0 || (symlinkat(link->value, dev, link->name + strlen("/dev/")) < 0 && errno != EEXIST))
      return fail(err, "device", errno, "link %s", link->name);
  }
  return 0;
}

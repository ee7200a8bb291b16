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
#include "container/parts.h"

struct device {
  const char *path;
  mode_t mode; /* with the type */
  dev_t number;
  uid_t uid;
  gid_t gid;
};

static int read_device(const struct launch_record *r, struct device *out, struct error *err) {
  long long major, minor, uid, gid;
  char *end;
  if (r->argc < 8 || strlen(r->argv[2]) != 1 || parse_number(r->argv[3], &major) < 0 ||
      parse_number(r->argv[4], &minor) < 0 || parse_number(r->argv[6], &uid) < 0 || parse_number(r->argv[7], &gid) < 0)
    return fail(err, "launch", EINVAL, "device record");
  unsigned long mode = strtoul(r->argv[5], &end, 8);
  mode_t type = *r->argv[2] == 'c' || *r->argv[2] == 'u' ? S_IFCHR : *r->argv[2] == 'b' ? S_IFBLK : *r->argv[2] == 'p' ? S_IFIFO : 0;
  if (!type || *end || mode > 07777) return fail(err, "launch", EINVAL, "device record of %s", r->argv[1]);
  *out = (struct device){.path = r->argv[1], .mode = type | (mode_t) mode, .uid = (uid_t) uid, .gid = (gid_t) gid,
                         .number = makedev((unsigned) major, (unsigned) minor)};
  return 0;
}

static int make_device(int parent, const char *name, const struct device *device) {
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
  size_t at = 0, index = 0;
  mode_t before = umask(0);
  int made = 0;
  for (const struct launch_record *r; made == 0 && (r = launch_next(container->launch, "device", &at)); index++) {
    struct device device;
    char name[24];
    snprintf(name, sizeof name, "%zu", index);
    if ((made = read_device(r, &device, err)) == 0 && (made = make_device(tree, name, &device)) < 0)
      fail_text(err, "device", errno, "error creating device nodes: mknod %s: %s", device.path, go_strerror(errno));
  }
  umask(before);
  if (made < 0) return -1;
  /* So that they are the container's root's. Before Linux 6.3 they are nobody's. */
  if (user_ns >= 0 && map_ids(tree, user_ns) < 0 && errno != EINVAL) return fail(err, "device", errno, "map the user ids of devices");
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
  if (move_mount(container->device_tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0) return fail(err, "device", errno, "show devices");
  return 0;
}

static int hide_devices(const struct container *container, int root, struct error *err) {
  if (container->device_tree < 0) return 0;
  if (fchdir(container->device_tree) < 0 || umount2(".", MNT_DETACH) < 0 || fchdir(root) < 0) return fail(err, "device", errno, "hide devices");
  return 0;
}

int devices_apply(struct container *container, int root, struct error *err) {
  char buffer[PATH_MAX];
  size_t at = 0, index = 0;
  /* Nearly all lie right in /dev: its folder is opened once. */
  cleanup_close int dev = inroot_open(root, "/dev", O_PATH | O_DIRECTORY, INROOT_REFUSE);
  if (show_devices(container, err) < 0) return -1;
  for (const struct launch_record *r; (r = launch_next(container->launch, "device", &at)); index++) {
    struct device device;
    if (read_device(r, &device, err) < 0) return -1;
    int direct = dev >= 0 && !strncmp(device.path, "/dev/", 5) && device.path[5] && !strchr(device.path + 5, '/');
    const char *name = device.path + 5;
    cleanup_close int other = direct ? -1 : inroot_parent(root, device.path, buffer, sizeof buffer, &name);
    int parent = direct ? dev : other;
    if (parent < 0) return fail(err, "device", errno, "%s", device.path);
    int done = container->device_tree >= 0 ? bind_device(parent, name, container->device_tree, index)
                                           : make_device(parent, name, &device);
    if (done < 0) return fail_text(err, "device", errno, "error creating device nodes: mknod %s: %s", device.path, go_strerror(errno));
  }
  if (hide_devices(container, root, err) < 0) return -1;
  at = 0;
  for (const struct launch_record *r; (r = launch_next(container->launch, "link", &at));) {
    if (r->argc != 3 || strncmp(r->argv[1], "/dev/", 5) || strchr(r->argv[1] + 5, '/'))
      return fail(err, "launch", EINVAL, "link record");
    if (dev < 0 || (symlinkat(r->argv[2], dev, r->argv[1] + 5) < 0 && errno != EEXIST))
      return fail(err, "device", errno, "link %s", r->argv[1]);
  }
  return 0;
}

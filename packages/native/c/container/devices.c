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

int devices_prepare(struct container *container, struct error *err) {
  if (!namespaces_has_user(&container->namespaces)) return 0;
  size_t at = 0;
  container->device_binds = calloc(launch_count(container->launch, "device") + 1, sizeof(int));
  if (!container->device_binds) return fail(err, "device", ENOMEM, "devices");
  for (const struct launch_record *r; (r = launch_next(container->launch, "device", &at));) {
    struct device device;
    if (read_device(r, &device, err) < 0) return -1;
    const char *source = r->argc > 8 ? r->argv[8] : device.path;
    struct stat st;
    int fd = container->device_binds[container->device_count++] = tree_clone(AT_FDCWD, source, 0);
    if (fd < 0 || fstat(fd, &st) < 0) return fail(err, "device", errno, "%s", source);
    if ((st.st_mode & S_IFMT) != (device.mode & S_IFMT) || st.st_rdev != device.number)
      return fail(err, "device", ENODEV, "%s is not the device it should be", source);
  }
  return 0;
}

static int bind_device(int parent, const char *name, int source) {
  int made = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (made < 0 && errno != EEXIST) return -1;
  if (made >= 0) close(made);
  cleanup_close int target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  return target < 0 ? -1 : tree_attach(source, target);
}

static int make_device(int parent, const char *name, const struct device *device) {
  if (mknodat(parent, name, device->mode, device->number) < 0) return errno == EEXIST ? 0 : -1;
  /* mknod is subject to the umask, which is 0 here; only the owner is left to set. */
  if ((device->uid || device->gid) && fchownat(parent, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0) return -1;
  return 0;
}

int devices_apply(struct container *container, int root, struct error *err) {
  char buffer[PATH_MAX];
  size_t at = 0, index = 0;
  /* Nearly all lie right in /dev: its folder is opened once. */
  cleanup_close int dev = inroot_open(root, "/dev", O_PATH | O_DIRECTORY, INROOT_REFUSE);
  for (const struct launch_record *r; (r = launch_next(container->launch, "device", &at)); index++) {
    struct device device;
    if (read_device(r, &device, err) < 0) return -1;
    int direct = dev >= 0 && !strncmp(device.path, "/dev/", 5) && device.path[5] && !strchr(device.path + 5, '/');
    const char *name = device.path + 5;
    cleanup_close int other = direct ? -1 : inroot_parent(root, device.path, buffer, sizeof buffer, &name);
    int parent = direct ? dev : other;
    if (parent < 0) return fail(err, "device", errno, "%s", device.path);
    int done = container->device_binds ? bind_device(parent, name, container->device_binds[index])
                                       : make_device(parent, name, &device);
    if (done < 0) return fail_text(err, "device", errno, "error creating device nodes: mknod %s: %s", device.path, go_strerror(errno));
  }
  at = 0;
  for (const struct launch_record *r; (r = launch_next(container->launch, "link", &at));) {
    if (r->argc != 3 || strncmp(r->argv[1], "/dev/", 5) || strchr(r->argv[1] + 5, '/'))
      return fail(err, "launch", EINVAL, "link record");
    if (dev < 0 || (symlinkat(r->argv[2], dev, r->argv[1] + 5) < 0 && errno != EEXIST))
      return fail(err, "device", errno, "link %s", r->argv[1]);
  }
  return 0;
}

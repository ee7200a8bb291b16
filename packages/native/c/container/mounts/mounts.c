/* The mounts of a container over its root: prepared from the host's paths, attached by descriptors in the container's. */
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/inroot.h"
#include "container/mounts/kinds.h"
#include "layer/init_mount_points.h"

/* `open` runs in the supervisor, `make` in the child; each kind has one of them. */
static const struct {
  int (*open)(struct container *container, const struct mount_spec *mount, int user_ns, struct error *err);
  int (*make)(struct container *container, const struct mount_spec *mount, struct error *err);
} kinds[] = {
    [MOUNT_BIND] = {.open = open_bind},    [MOUNT_IMAGE] = {.open = open_image},  [MOUNT_SHM_OF] = {.open = open_shm_of},
    [MOUNT_PROC] = {.make = make_proc},    [MOUNT_SYSFS] = {.make = make_sysfs},  [MOUNT_TMPFS] = {.make = make_tmpfs},
    [MOUNT_DEVPTS] = {.make = make_plain}, [MOUNT_MQUEUE] = {.make = make_plain}, [MOUNT_CGROUP] = {.make = make_cgroup2},
};

int mounts_prepare(struct container *container, int user_ns, struct error *err) {
  size_t count = container->spec->mounts.count;
  container->mounts = calloc(count + 1, sizeof *container->mounts);
  if (!container->mounts) return fail(err, "mount", ENOMEM, "%zu mounts", count);
  FOR_EACH(mount, &container->spec->mounts) {
    struct prepared_mount *m = &container->mounts[container->mount_count++];
    *m = (struct prepared_mount){.spec = mount, .fd = -1};
    if (kinds[mount->kind].open && (m->fd = kinds[mount->kind].open(container, mount, user_ns, err)) < 0) return -1;
  }
  return procfs_shared(container, err) < 0 ? -1 : host_filesystems_prepare(container, err);
}

/* The kernel's own filesystems go only onto plain directories: an image's symlink must not choose where. */
static int is_kernel_filesystem(const struct mount_spec *mount) {
  if (mount->kind == MOUNT_TMPFS) return !strncmp(mount->destination, "/dev", 4);
  return mount->kind != MOUNT_BIND && mount->kind != MOUNT_IMAGE;
}

/* The name of a guarded place that `target` lies in, or NULL: filesystems in which the kernel shows a container itself, and
   the container's own /dev. */
static const char *guarded(const struct container *container, int target) {
  struct statfs fs;
  struct stat st;
  if (fstatfs(target, &fs) < 0 || fstat(target, &st) < 0) return "a place that cannot be looked at";
  switch ((unsigned long) fs.f_type) {
  case PROC_SUPER_MAGIC: return "/proc";
  case SYSFS_MAGIC: return "/sys";
  case CGROUP_SUPER_MAGIC:
  case CGROUP2_SUPER_MAGIC: return "/sys/fs/cgroup";
  case DEVPTS_SUPER_MAGIC: return "/dev/pts";
  default: return container->dev && st.st_dev == container->dev ? "/dev" : NULL;
  }
}

/* The daemon has checked a destination as text. Links (of the image, of a volume) may lead elsewhere, but not into a guarded
   place: procfs confines the container, and devices are made in /dev after this. */
static int check_target(const struct container *container, const struct mount_spec *mount, int target, struct error *err) {
  const char *place = guarded(container, target);
  cleanup_close int plain = place ? inroot_open(container->root, mount->destination, O_PATH, INROOT_REFUSE) : -1;
  if (!place || plain >= 0) return 0;
  return fail_text(err, "mount", EXDEV,
                   "error mounting \"%s\" to rootfs at \"%s\": create mount destination for %s mount: check proc-safety of %s "
                   "mount: \"%s\" cannot be mounted because it is inside %s",
                   mount->source, mount->destination, mount->destination, mount->destination, mount->destination, place);
}

int open_target(struct container *container, const struct mount_spec *mount, int directory, struct error *err) {
  cleanup_close int target = inroot_target(container->root, mount->destination, directory ? INROOT_DIRECTORY : INROOT_FILE,
                                           is_kernel_filesystem(mount) ? INROOT_REFUSE : INROOT_FOLLOW);
  if (target < 0 && errno == ENOTDIR) return refuse_target(container, mount, directory, err);
  if (target < 0)
    return fail_text(err, "mount", errno, "error mounting \"%s\" to rootfs at \"%s\": %s", mount->source, mount->destination,
                     go_strerror(errno));
  return check_target(container, mount, target, err) < 0 ? -1 : steal_fd(&target);
}

static int apply_one(struct container *container, struct prepared_mount *m, struct error *err) {
  const struct mount_spec *spec = m->spec;
  if (spec->kind == MOUNT_CGROUP && container->cgroup.version == 1) return attach_cgroup1(container, spec, err);
  cleanup_close int mount = kinds[spec->kind].make ? kinds[spec->kind].make(container, spec, err) : steal_fd(&m->fd);
  if (mount < 0) return -1;

  struct stat st;
  if (fstat(mount, &st) < 0) return fail(err, "mount", errno, "stat of the mount for %s", spec->destination);
  cleanup_close int target = open_target(container, spec, S_ISDIR(st.st_mode), err);
  if (target < 0) return -1;
  if (tree_attach(mount, target) < 0)
    return fail_text(err, "mount", errno, "error mounting \"%s\" to rootfs at \"%s\": %s", spec->source, spec->destination,
                     go_strerror(errno));
  if (spec->kind == MOUNT_TMPFS && !strcmp(spec->destination, "/dev")) container->dev = st.st_dev;
  /* A procfs that the user binds there serves as one: parameters are those of whoever writes them. */
  struct statfs fs;
  if (!strcmp(spec->destination, "/proc") && fstatfs(mount, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
    container->proc = steal_fd(&mount);
  return 0;
}

int mounts_apply(struct container *container, struct error *err) {
  /* From below the container's root, where the process began. */
  container->null = tree_clone(AT_FDCWD, "/null", 0);
  if (container->null < 0) return fail(err, "mount", errno, "the null device");
  if (!container->spec->init_mount_points && init_mount_points_clear(container->root, err) < 0) return -1;
  if (show_host_filesystems(container, err) < 0) return -1;
  for (size_t i = 0; i < container->mount_count; i++) {
    if (apply_one(container, &container->mounts[i], err) < 0) return -1;
  }
  return hide_host_filesystems(container, err);
}

/* Paths of a container that are masked or read-only. */
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsmount.h"
#include "base/inroot.h"
#include "container/internal.h"

/* A mount that is put over masked paths. A detached mount can be cloned on new kernels only, an attached one on all: the first
   mask takes the mount itself, the others clones of it. */
struct mask_source {
  int mount;
  int attached;
};

static int put_mask(struct mask_source *source, int target) {
  if (!source->attached) {
    source->attached = 1;
    return tree_attach(source->mount, target);
  }
  cleanup_close int clone = tree_clone(source->mount, "", 0);
  return clone < 0 ? -1 : tree_attach(clone, target);
}

static int make_empty_directory(void) {
  cleanup_close int context = fs_open("tmpfs");
  if (context < 0 || fs_set(context, "source", "tmpfs") < 0) return -1;
  return fs_mount(context, MOUNT_ATTR_RDONLY);
}

static int mask_one(int root, const char *path, struct mask_source *file, struct mask_source *directory, struct error *err) {
  cleanup_close int target = inroot_open(root, path, O_PATH, INROOT_FOLLOW);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : fail(err, "mount", errno, "mask %s", path);
  struct stat st;
  if (fstat(target, &st) < 0) return fail(err, "mount", errno, "mask %s", path);
  if (S_ISDIR(st.st_mode) && directory->mount < 0) directory->mount = make_empty_directory();
  if (put_mask(S_ISDIR(st.st_mode) ? directory : file, target) < 0) return fail(err, "mount", errno, "mask %s", path);
  return 0;
}

static int readonly_one(int root, const char *path, struct error *err) {
  cleanup_close int target = inroot_open(root, path, O_PATH, INROOT_FOLLOW);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : fail(err, "mount", errno, "protect %s", path);
  cleanup_close int readonly = tree_clone(target, "", 1);
  if (readonly < 0 || tree_change(readonly, 1, MOUNT_ATTR_RDONLY, 0, 0) < 0 || tree_attach(readonly, target) < 0)
    return fail(err, "mount", errno, "protect %s", path);
  return 0;
}

int masks_apply(struct container *container, struct error *err) {
  FOR_EACH(path, &container->spec->readonly) {
    if (readonly_one(container->root, *path, err) < 0) return -1;
  }
  struct mask_source file = {.mount = container->null}, directory = {.mount = -1};
  FOR_EACH(path, &container->spec->masks) {
    if (mask_one(container->root, *path, &file, &directory, err) < 0) return -1;
  }
  return 0;
}

int root_readonly_apply(struct container *container, struct error *err) {
  if (!container->spec->root_readonly) return 0;
  if (tree_change(container->root, 0, MOUNT_ATTR_RDONLY, 0, 0) < 0) return fail(err, "mount", errno, "read-only root");
  return 0;
}

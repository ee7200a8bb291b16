/* What of a container's own files is hidden from it, or may only be read. */
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsmount.h"
#include "base/inroot.h"
#include "container/parts.h"

/* What lies over masked paths. A detached mount can be cloned on new kernels only, an attached one on all: the first
   mask takes the mount itself, the others clones of it. */
struct cover {
  int mount;
  int attached;
};

static int lay_cover(struct cover *cover, int target) {
  if (!cover->attached) {
    cover->attached = 1;
    return tree_attach(cover->mount, target);
  }
  cleanup_close int clone = tree_clone(cover->mount, "", 0);
  return clone < 0 ? -1 : tree_attach(clone, target);
}

static int make_empty_folder(void) {
  cleanup_close int context = fs_open("tmpfs");
  if (context < 0 || fs_set(context, "source", "tmpfs") < 0) return -1;
  return fs_mount(context, MOUNT_ATTR_RDONLY);
}

static int mask_one(int root, const char *path, struct cover *file, struct cover *folder, struct error *err) {
  cleanup_close int target = inroot_open(root, path, O_PATH, INROOT_FOLLOW);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : fail(err, "mount", errno, "mask %s", path);
  struct stat st;
  if (fstat(target, &st) < 0) return fail(err, "mount", errno, "mask %s", path);
  if (S_ISDIR(st.st_mode) && folder->mount < 0) folder->mount = make_empty_folder();
  if (lay_cover(S_ISDIR(st.st_mode) ? folder : file, target) < 0) return fail(err, "mount", errno, "mask %s", path);
  return 0;
}

static int readonly_one(int root, const char *path, struct error *err) {
  cleanup_close int target = inroot_open(root, path, O_PATH, INROOT_FOLLOW);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : fail(err, "mount", errno, "protect %s", path);
  cleanup_close int cover = tree_clone(target, "", 1);
  if (cover < 0 || tree_change(cover, 1, MOUNT_ATTR_RDONLY, 0, 0) < 0 || tree_attach(cover, target) < 0)
    return fail(err, "mount", errno, "protect %s", path);
  return 0;
}

int masks_apply(struct container *container, int root, struct error *err) {
  size_t at = 0;
  for (const struct launch_record *r; (r = launch_next(container->launch, "readonly", &at));) {
    if (r->argc != 2) return fail(err, "launch", EINVAL, "readonly record");
    if (readonly_one(root, r->argv[1], err) < 0) return -1;
  }
  struct cover file = {.mount = container->null}, folder = {.mount = -1};
  at = 0;
  for (const struct launch_record *r; (r = launch_next(container->launch, "mask", &at));) {
    if (r->argc != 2) return fail(err, "launch", EINVAL, "mask record");
    if (mask_one(root, r->argv[1], &file, &folder, err) < 0) return -1;
  }
  return 0;
}

int root_readonly_apply(const struct launch *launch, int root, struct error *err) {
  if (!launch_find(launch, "root-readonly")) return 0;
  if (tree_change(root, 0, MOUNT_ATTR_RDONLY, 0, 0) < 0) return fail(err, "mount", errno, "read-only root");
  return 0;
}

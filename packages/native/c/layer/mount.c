#include "layer/mount.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsmount.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "layer/layer.h"
#include "layer/tree/erofs_mount.h"

int layer_mount_erofs(const char *image, const char *device, struct error *err) {
  const char *const blobs[] = {device, NULL};
  return erofs_mount(image, blobs, err);
}

int layer_own_namespace(struct error *err) {
  if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
    return fail(err, "mount", errno, "mount namespace");
  return 0;
}

int layer_without_devices(int directory, const char *path, struct error *err) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE};
  unsigned flags = AT_RECURSIVE | (*path ? 0u : AT_EMPTY_PATH);
  return mount_setattr(directory, path, flags, &attributes, sizeof attributes) ? fail(err, "mount", errno, "nodev") : 0;
}

int layer_open_directory(const char *path, struct error *err) {
  cleanup_close int mount = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
  if (mount < 0) return fail(err, errno == ENOENT ? "not-found" : "open", errno, "%.300s", path);
  if (layer_without_devices(mount, "", err)) return -1;
  int directory = openat(mount, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  return directory < 0 ? fail(err, "open", errno, "%.300s", path) : directory;
}

/* How many arguments a part of a root takes, its kind included. */
static int words_of(const char *kind) {
  return !strcmp(kind, "bind") ? 5 : !strcmp(kind, "erofs") ? 3 : 2;
}

/* A directory of the host, as a mount that can be put elsewhere. */
static int clone_of(const char *path, int recursive, struct error *err) {
  int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
  return fd < 0 ? fail(err, "mount", errno, "%.200s", path) : fd;
}

static int attach(int mount, int directory, const char *name, struct error *err) {
  if (mkdirat(directory, name, 0700) || move_mount(mount, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH))
    return fail(err, "mount", errno, "layer %s", name);
  return 0;
}

/* A tmpfs on which the layers get short names: the options of an overlay must fit one page, and kernels before 6.15 take
   no layers that are mounted nowhere. */
static int make_stage(struct error *err) {
  cleanup_close int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) return fail(err, "mount", errno, "tmpfs");
  cleanup_close int stage = fsmount(context, FSMOUNT_CLOEXEC, 0);
  if (stage < 0 || move_mount(stage, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH)) return fail(err, "mount", errno, "tmpfs");
  return steal_fd(&stage);
}

static int mount_layers(const struct layer_root *root, int stage, FILE *options, struct error *err) {
  int count = 0;
  for (int i = 0; i < root->argc;) {
    const char *kind = root->argv[i];
    int erofs = !strcmp(kind, "erofs") && i + 2 < root->argc, directory = !strcmp(kind, "folder") && i + 1 < root->argc;
    if (erofs || directory) {
      cleanup_close int layer = erofs ? layer_mount_erofs(root->argv[i + 1], root->argv[i + 2], err)
                                      : clone_of(root->argv[i + 1], 0, err);
      char name[16];
      snprintf(name, sizeof name, "%d", count);
      if (layer < 0 || attach(layer, stage, name, err)) return -1;
      fprintf(options, "%s%d", count ? ":" : "lowerdir=", count);
      count++;
    }
    i += words_of(kind);
  }
  return count;
}

static const char *value_of(const struct layer_root *root, const char *kind) {
  for (int i = 0; i + 1 < root->argc;) {
    if (!strcmp(root->argv[i], kind)) return root->argv[i + 1];
    i += words_of(root->argv[i]);
  }
  return NULL;
}

int layer_has_upper(const struct layer_root *root) {
  return value_of(root, "upper") != NULL;
}

static int mount_overlay(int stage, const char *options, struct error *err) {
  if (strlen(options) > 4000) return fail(err, "mount", E2BIG, "layers");
  /* Layers are named relative to the stage. */
  if (fchdir(stage) || mkdirat(stage, "root", 0700) || mount("overlay", "root", "overlay", 0, options))
    return fail(err, "mount", errno, "overlay");
  int root = openat(stage, "root", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  return root < 0 ? fail(err, "mount", errno, "overlay") : root;
}

static const char work_prefix[] = "work-";

static int open_directory(int directory, const char *name) {
  return openat(directory, name, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
}

static void remove_directory(int directory, const char *name) {
  struct error unused;
  int fd = open_directory(directory, name);
  if (fd >= 0 && !layer_empty_directory(fd, &unused)) unlinkat(directory, name, AT_REMOVEDIR);
}

/* Removes the work directories of processes that were killed: nobody holds them. */
static void remove_left(int directory) {
  int again = open_directory(directory, ".");
  DIR *entries = again < 0 ? NULL : fdopendir(again);
  if (!entries && again >= 0) close(again);
  for (struct dirent *entry; entries && (entry = readdir(entries));) {
    if (strncmp(entry->d_name, work_prefix, sizeof work_prefix - 1)) continue;
    cleanup_close int left = open_directory(directory, entry->d_name);
    if (left >= 0 && !flock(left, LOCK_EX | LOCK_NB)) remove_directory(directory, entry->d_name);
  }
  if (entries) closedir(entries);
}

static int make_work(int parent, struct layer_work *work, struct error *err) {
  work->directory = fcntl(parent, F_DUPFD_CLOEXEC, 0);
  if (work->directory < 0) return fail(err, "mount", errno, "work directory");
  remove_left(work->directory);
  for (int tries = 0; tries < 8; tries++) {
    unsigned number;
    struct stat st;
    if (getrandom(&number, sizeof number, 0) != sizeof number) return fail(err, "mount", errno, "random");
    snprintf(work->name, sizeof work->name, "%s%08x", work_prefix, number);
    if (mkdirat(work->directory, work->name, 0700)) return fail(err, "mount", errno, "%s", work->name);
    work->held = open_directory(work->directory, work->name);
    /* Another process may take it for one that was left until it is locked. */
    if (work->held >= 0 && !flock(work->held, LOCK_SH | LOCK_NB) && !fstat(work->held, &st) && st.st_nlink > 0) return 0;
    if (work->held >= 0) close(work->held);
    work->held = -1;
  }
  return fail(err, "mount", EBUSY, "work directory");
}

void layer_remove_work(struct layer_work *work) {
  if (work->held >= 0) {
    remove_directory(work->directory, work->name);
    close(work->held);
  }
  if (work->directory >= 0) close(work->directory);
  work->directory = work->held = -1;
}

static int mount_all(const struct layer_root *root, const char *upper, struct layer_work *work, struct error *err) {
  if (layer_own_namespace(err)) return -1;
  /* Opened before the stage covers the root, though paths from "/" would still pass below it. */
  cleanup_close int stage = make_stage(err);
  cleanup_free char *options = NULL;
  size_t size;
  if (stage < 0) return -1;
  FILE *out = open_memstream(&options, &size);
  if (!out) return fail(err, "memory", ENOMEM, "overlay");
  int count = mount_layers(root, stage, out, err);
  if (count >= 0 && upper) {
    /* Upper and work must be seen through one mount. */
    cleanup_free char *parent = strdup(upper);
    char *upper_name = parent ? strrchr(parent, '/') : NULL;
    if (!upper_name) {
      fclose(out);
      return fail(err, "mount", EINVAL, "upper directory");
    }
    *upper_name++ = 0;
    cleanup_close int both = clone_of(parent, 0, err);
    if (both < 0 || make_work(both, work, err) || attach(both, stage, "w", err))
      count = -1;
    else
      fprintf(out, ",upperdir=w/%s,workdir=w/%s", upper_name, work->name);
  }
  fclose(out);
  if (count < 0) return -1;
  if (!upper && count == 0) return openat(stage, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (!upper && count == 1) return openat(stage, "0", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  cleanup_free char *all = NULL;
  if (asprintf(&all, "%s,redirect_dir=nofollow,metacopy=off,index=off", options) < 0)
    return fail(err, "memory", ENOMEM, "overlay");
  int mounted = mount_overlay(stage, all, err);
  if (mounted < 0 || !upper || overlay_is_writable(mounted)) return mounted;
  close(mounted);
  return fail(err, "mount", ENOSPC, "overlay");
}

static int mount_stack(const struct layer_root *root, const char *upper, struct layer_work *work, struct error *err) {
  cleanup_close int mounted = mount_all(root, upper, work, err);
  return mounted < 0 || layer_without_devices(mounted, "", err) ? -1 : steal_fd(&mounted);
}

int layer_mount_lower(const struct layer_root *root, struct error *err) {
  return mount_stack(root, NULL, NULL, err);
}

/* Links in a volume are a container's: they lead nowhere out of it. */
static int clone_in(const char *source, const char *subpath, struct error *err) {
  cleanup_close int directory = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int inside = directory < 0 ? -1 : inroot_open(directory, subpath, O_PATH, INROOT_FOLLOW);
  int mount = inside < 0 ? -1 : open_tree(inside, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  return mount < 0 ? fail(err, "mount", errno, "%.200s in %.200s", subpath, source) : mount;
}

/* `words`: SOURCE SUBPATH DESTINATION ro|rw */
static int mount_bind(int root, char **words, struct error *err) {
  struct stat st;
  const char *source = words[0], *subpath = words[1], *destination = words[2];
  int readonly = !strcmp(words[3], "ro");
  cleanup_close int mount = *subpath ? clone_in(source, subpath, err) : clone_of(source, 1, err);
  if (mount < 0) return -1;
  if (fstat(mount, &st)) return fail(err, "mount", errno, "%.200s", source);
  cleanup_close int target = inroot_target(root, destination, S_ISDIR(st.st_mode) ? INROOT_DIRECTORY : INROOT_FILE,
                                           INROOT_FOLLOW);
  if (target < 0) return fail(err, "mount", errno, "%.200s", destination);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NODEV | (readonly ? MOUNT_ATTR_RDONLY : 0)};
  if (mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes))
    return fail(err, "mount", errno, "%.200s", destination);
  if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
    return fail(err, "mount", errno, "%.200s", destination);
  return 0;
}

int layer_mount_whole(const struct layer_root *root, int binds, struct layer_work *work, struct error *err) {
  const char *upper = value_of(root, "upper");
  work->directory = work->held = -1;
  if (!upper) return fail(err, "mount", EINVAL, "no writable layer");
  cleanup_close int fd = mount_stack(root, upper, work, err);
  if (fd < 0) return -1;
  const char *made = value_of(root, "make");
  cleanup_close int ready = made ? inroot_target(fd, made, INROOT_DIRECTORY, INROOT_FOLLOW) : -1;
  for (int i = 0; binds && i < root->argc;) {
    int bind = !strcmp(root->argv[i], "bind") && i + 4 < root->argc;
    if (bind && mount_bind(fd, root->argv + i + 1, err)) return -1;
    i += words_of(root->argv[i]);
  }
  return steal_fd(&fd);
}

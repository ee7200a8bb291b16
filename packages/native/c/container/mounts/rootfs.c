/* A container's root: the overlay of its layers, as a detached mount. Likewise an image that is mounted in a container. */
#include <limits.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsmount.h"
#include "base/inroot.h"
#include "container/internal.h"
#include "layer/cache.h"
#include "layer/tree/erofs_mount.h"

struct overlay {
  const struct layer_spec **lower; /* topmost first */
  int *mounts;                     /* detached mount of each, or -1 for a plain directory */
  size_t count;
  const char *upper, *work; /* NULL: nothing is written */
  int is_volatile;
  int writable; /* detached (id-mapped) mount of the directory that holds upper and work, or -1 */
  int user_ns;
};

static void overlay_free(struct overlay *o) {
  for (size_t i = 0; o->mounts && i < o->count; i++) {
    if (o->mounts[i] >= 0) close(o->mounts[i]);
  }
  if (o->writable >= 0) close(o->writable);
  free(o->mounts);
  free(o->lower);
}

int map_ids(int mount, int user_ns, int recursive) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) user_ns};
  return mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u), &attributes, sizeof attributes);
}

/* The mount, or an error where the kernel made it read-only for want of room: a container would find out much later. */
static int checked_overlay(int mounted, struct error *err) {
  if (overlay_is_writable(mounted)) return mounted;
  close(mounted);
  return fail(err, "rootfs", ENOSPC, "overlay: its work directory cannot be written");
}

/* Takes those of `count` layers that are for the mount at `destination`; NULL: of the container's own root. */
static int take_layers(const struct layer_spec *layers, size_t count, const char *destination, struct overlay *o,
                       struct error *err) {
  o->lower = calloc(count + 1, sizeof *o->lower);
  o->mounts = calloc(count + 1, sizeof *o->mounts);
  if (!o->lower || !o->mounts) return fail(err, "rootfs", ENOMEM, "layers");
  for (const struct layer_spec *layer = layers; layer < layers + count; layer++) {
    if (destination && strcmp(layer->destination, destination)) continue;
    o->mounts[o->count] = -1;
    o->lower[o->count++] = layer;
  }
  return o->count ? 0 : fail(err, "launch", EINVAL, "no layers for %s", destination ? destination : "the root");
}

static int clone_directory(struct overlay *o, size_t i, struct error *err) {
  o->mounts[i] = tree_clone(AT_FDCWD, o->lower[i]->path, 0);
  return o->mounts[i] < 0 ? fail(err, "rootfs", errno, "layer directory %s", o->lower[i]->path) : 0;
}

static int clone_kept(struct overlay *o, size_t i, struct error *err) {
  o->mounts[i] = tree_clone(o->mounts[i], "", 0);
  return o->mounts[i] < 0 ? fail(err, "rootfs", errno, "clone layer %s", o->lower[i]->path) : 0;
}

/* A layer's mount: the one that the launcher keeps, or a new one, which it may keep. */
static int open_layer(struct overlay *o, size_t i, struct error *err) {
  const char *image = o->lower[i]->path, *const *blobs = o->lower[i]->blobs;
  o->mounts[i] = layer_cache_take(image, blobs);
  if (o->mounts[i] < 0) {
    o->mounts[i] = erofs_mount(image, blobs, err);
    if (o->mounts[i] < 0) return -1;
    layer_cache_offer(image, blobs, o->mounts[i]);
  }
  if (o->user_ns < 0 || !overlay_takes_detached()) return 0;
  /* The kept one stays unmapped. */
  cleanup_close int shared = o->mounts[i];
  return clone_kept(o, i, err);
}

static int open_layers(struct overlay *o, struct error *err) {
  for (size_t i = 0; i < o->count; i++) {
    const struct layer_spec *layer = o->lower[i];
    if (layer->erofs ? open_layer(o, i, err) < 0 : o->user_ns >= 0 && clone_directory(o, i, err) < 0) return -1;
    if (o->user_ns >= 0 && map_ids(o->mounts[i], o->user_ns, 0) < 0)
      return fail(err, "rootfs", errno, "map the user ids of %s", layer->path);
  }
  return 0;
}

/* upper and work have to be on one mount for the kernel: that of the directory that holds both. */
static int open_writable(struct overlay *o, struct error *err) {
  char directory[PATH_MAX];
  int length = (int) (strrchr(o->upper, '/') - o->upper);
  if (length >= (int) sizeof directory) return fail(err, "rootfs", ENAMETOOLONG, "%s", o->upper);
  snprintf(directory, sizeof directory, "%.*s", length, o->upper);
  o->writable = tree_clone(AT_FDCWD, *directory ? directory : "/", 0);
  if (o->writable < 0) return fail(err, "rootfs", errno, "%s", directory);
  if (o->user_ns >= 0 && map_ids(o->writable, o->user_ns, 0) < 0)
    return fail(err, "rootfs", errno, "map the user ids of %s", directory);
  return 0;
}

/* The overlay makes its work directories as who mounts it, who must have an id in a mapped writable layer: container root's.
   The file capabilities, which leaving user 0 would take, stay. */
static int become_mapped(const struct overlay *o) {
  struct stat owner;
  if (o->user_ns < 0 || o->writable < 0) return 0;
  if (fstat(o->writable, &owner) < 0 || prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0) return -1;
  setfsgid(owner.st_gid);
  setfsuid(owner.st_uid);
  return 0;
}

static void become_root(const struct overlay *o) {
  if (o->user_ns < 0 || o->writable < 0) return;
  int saved = errno;
  setfsuid(0);
  setfsgid(0);
  /* A change of ids makes a process undumpable, whose files in /proc then belong to the machine's root. */
  if (prctl(PR_SET_SECUREBITS, 0) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0) _exit(125);
  errno = saved;
}

/* One fsconfig per layer: needs Linux 6.8 (lowerdir+), and 6.15 for layers that are detached mounts. */
static int mount_by_context(const struct overlay *o, struct error *err) {
  cleanup_close int context = fs_open("overlay");
  if (context < 0) return fail(err, "rootfs", errno, "overlay");
  char path[64];
  cleanup_free int *held = malloc((o->count + 2) * sizeof *held);
  if (!held) return fail(err, "rootfs", ENOMEM, "layers");
  size_t holding = 0;
  int ok = fs_set(context, "source", "overlay") == 0;
  for (size_t i = 0; ok && i < o->count; i++) {
    if (o->mounts[i] >= 0) {
      snprintf(path, sizeof path, "/proc/self/fd/%d", o->mounts[i]);
      ok = fs_set(context, "lowerdir+", path) == 0;
    } else {
      ok = fs_set_path(context, "lowerdir+", o->lower[i]->path, &held[holding]) == 0;
      if (held[holding] >= 0) holding++;
    }
  }
  if (o->writable >= 0) {
    snprintf(path, sizeof path, "/proc/self/fd/%d%s", o->writable, strrchr(o->upper, '/'));
    ok = ok && fs_set(context, "upperdir", path) == 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d%s", o->writable, strrchr(o->work, '/'));
    ok = ok && fs_set(context, "workdir", path) == 0;
  } else if (o->upper) {
    ok = ok && fs_set_path(context, "upperdir", o->upper, &held[holding]) == 0;
    if (ok && held[holding] >= 0) holding++;
    ok = ok && fs_set_path(context, "workdir", o->work, &held[holding]) == 0;
    if (ok && held[holding] >= 0) holding++;
  }
  /* A layer's own redirects are not followed: only layers of ours are stacked, and they have none. */
  ok = ok && fs_set(context, "redirect_dir", "nofollow") == 0 && fs_set(context, "metacopy", "off") == 0 &&
       fs_set(context, "index", "off") == 0 && (!o->is_volatile || fs_set(context, "volatile", NULL) == 0);
  int mounted = ok && become_mapped(o) == 0 ? fs_mount(context, 0) : -1;
  become_root(o);
  int saved = errno;
  if (mounted < 0) fail(err, "rootfs", saved, "overlay (%s)", fs_reason(context));
  while (holding) close(held[--holding]);
  return mounted >= 0 && o->upper ? checked_overlay(mounted, err) : mounted;
}

/* The overlay of what lies on the stage, on its directory "m". */
static int mount_stage(const struct overlay *o, char *options, size_t length, size_t size, struct error *err) {
  if (mkdir("w", 0700) < 0 || mkdir("m", 0700) < 0 ||
      (o->upper && move_mount(o->writable, "", AT_FDCWD, "w", MOVE_MOUNT_F_EMPTY_PATH) < 0))
    return fail(err, "rootfs", errno, "stage the writable layer");
  int n = 0;
  if (o->upper)
    n = snprintf(options + length, size - length, ",upperdir=w%s,workdir=w%s%s", strrchr(o->upper, '/'), strrchr(o->work, '/'),
                 o->is_volatile ? ",volatile" : "");
  length += (size_t) n;
  if (length < size)
    length += (size_t) snprintf(options + length, size - length, ",redirect_dir=nofollow,metacopy=off,index=off");
  if (length >= size) return fail(err, "rootfs", E2BIG, "%zu layers", o->count);
  int mounted = become_mapped(o) < 0 ? -1 : mount("overlay", "m", "overlay", 0, options);
  become_root(o);
  return mounted < 0 ? fail(err, "rootfs", errno, "overlay of %zu layers", o->count) : 0;
}

/* The layers are attached in a mount namespace of the moment, where mount(2) can name them shortly. Returns what is at
   `subpath` of their overlay as a detached mount. */
static int mount_staged_inside(const struct overlay *o, const char *subpath, struct error *err) {
  char name[32], options[4096];
  size_t length = (size_t) snprintf(options, sizeof options, "lowerdir=");
  cleanup_close int context = fs_open("tmpfs");
  cleanup_close int stage = context < 0 ? -1 : fs_mount(context, 0);
  if (stage < 0 || move_mount(stage, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(stage) < 0)
    return fail(err, "rootfs", errno, "stage for the layers");
  for (size_t i = 0; i < o->count; i++) {
    snprintf(name, sizeof name, "%zu", i);
    if (mkdir(name, 0700) < 0 || move_mount(o->mounts[i], "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
      return fail(err, "rootfs", errno, "stage layer %zu", i);
    int n = snprintf(options + length, sizeof options - length, "%s%s", i ? ":" : "", name);
    length += (size_t) n;
    if (length >= sizeof options) return fail(err, "rootfs", E2BIG, "%zu layers", o->count);
  }
  /* One layer that is only read needs no overlay. */
  int alone = !o->upper && o->count == 1;
  if (!alone && mount_stage(o, options, length, sizeof options, err) < 0) return -1;
  const char *whole = alone ? "0" : "m";
  cleanup_close int root = subpath ? open(whole, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  cleanup_close int inside = root < 0 ? -1 : inroot_open(root, subpath, O_PATH, INROOT_FOLLOW);
  if (subpath && inside < 0) return fail(err, "rootfs", errno, "%s", subpath);
  int clone = subpath ? tree_clone(inside, "", 0) : tree_clone(AT_FDCWD, whole, 0);
  if (clone < 0) return fail(err, "rootfs", errno, "detach the overlay");
  return o->upper ? checked_overlay(clone, err) : clone;
}

static int mount_staged(struct overlay *o, const char *subpath, struct error *err) {
  for (size_t i = 0; i < o->count; i++) {
    /* A mount that the launcher keeps must not be moved, so a clone is attached; one made for this start alone can't be
       cloned. */
    if (o->mounts[i] >= 0 && !overlay_takes_detached()) continue;
    cleanup_close int shared = o->mounts[i];
    if ((shared < 0 ? clone_directory(o, i, err) : clone_kept(o, i, err)) < 0) {
      o->mounts[i] = -1;
      return -1;
    }
  }
  if (o->upper && o->writable < 0 && open_writable(o, err) < 0) return -1;
  int host = namespaces_own(NS_MNT);
  if (host < 0) return fail(err, "rootfs", errno, "own mount namespace");
  int empty = namespaces_empty(err);
  if (empty < 0) return -1;
  if (setns(empty, CLONE_NEWNS) < 0) return fail(err, "rootfs", errno, "empty mount namespace");
  int mounted = unshare(CLONE_NEWNS) < 0 ? fail(err, "rootfs", errno, "unshare") : mount_staged_inside(o, subpath, err);
  if (setns(host, CLONE_NEWNS) < 0) _exit(125);
  return mounted;
}

/* Trying whether an overlay takes detached mounts tells too late: a volatile overlay has left its mark in the work directory
   by then, with which the kernel refuses the second try. */
static int needs_stage(const struct overlay *o) {
  if (getenv("BERTH_STAGED_OVERLAY")) return 1;
  int detached = o->writable >= 0;
  for (size_t i = 0; i < o->count; i++) detached |= o->mounts[i] >= 0;
  return detached && !overlay_takes_detached();
}

static int mount_overlay(struct overlay *o, struct error *err) {
  int staged = needs_stage(o);
  int mounted = staged ? -1 : mount_by_context(o, err);
  if (mounted < 0 && (staged || err->status == EINVAL || err->status == ENOENT)) {
    struct error again = {0};
    mounted = mount_staged(o, NULL, &again);
    if (mounted < 0 && staged) *err = again;
  }
  return mounted;
}

int rootfs_prepare(struct container *container, int user_ns, struct error *err) {
  const struct container_spec *spec = container->spec;
  __attribute__((cleanup(overlay_free))) struct overlay o = {
      .upper = spec->upper, .work = spec->work, .is_volatile = spec->is_volatile, .writable = -1, .user_ns = user_ns};
  if (take_layers(spec->layers.items, spec->layers.count, NULL, &o, err) < 0 || open_layers(&o, err) < 0) return -1;
  if (user_ns >= 0 && open_writable(&o, err) < 0) return -1;
  container->root = mount_overlay(&o, err);
  return container->root < 0 ? -1 : 0;
}

int rootfs_image(const struct container_spec *spec, const char *destination, const char *subpath, int user_ns,
                 struct error *err) {
  __attribute__((cleanup(overlay_free))) struct overlay o = {.writable = -1, .user_ns = user_ns};
  if (take_layers(spec->image_layers.items, spec->image_layers.count, destination, &o, err) < 0 || open_layers(&o, err) < 0)
    return -1;
  if (subpath) return mount_staged(&o, subpath, err);
  if (o.count > 1) return mount_overlay(&o, err);
  if (o.mounts[0] >= 0 && !overlay_takes_detached()) return steal_fd(&o.mounts[0]);
  cleanup_close int shared = o.mounts[0];
  return (shared < 0 ? clone_directory(&o, 0, err) : clone_kept(&o, 0, err)) < 0 ? -1 : steal_fd(&o.mounts[0]);
}

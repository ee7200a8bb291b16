/* The mounts of a container over its root: prepared from the host's paths, placed by fds in the container's. */
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/fsmount.h"
#include "base/inroot.h"
#include "container/parts.h"
#include "layer/own_places.h"

static int read_options(const struct launch_record *r, struct mount_options *out) {
  *out = (struct mount_options){0};
  int unknown = 0;
  for (int i = 4; i < r->argc; i++) unknown |= !mount_option(r->argv[i], out) && strncmp(r->argv[i], "subpath=", 8);
  return unknown;
}

/* A bind's options are set while it is still detached: the container never sees it otherwise. */
static int set_options(int mount, const struct launch_record *r, const struct mount_options *o, struct error *err) {
  uint64_t propagation = o->propagation ? o->propagation : MS_PRIVATE;
  int recursive = o->propagation ? o->propagation_recursive : 1;
  if (tree_change(mount, recursive, 0, 0, propagation) < 0)
    return fail(err, "mount", errno, "propagation of %s", r->argv[2]);
  if ((o->set || o->clear) && tree_change(mount, 0, o->set, o->clear, 0) < 0)
    return fail(err, "mount", errno, "options of %s", r->argv[2]);
  if ((o->recursive_set || o->recursive_clear) && tree_change(mount, 1, o->recursive_set, o->recursive_clear, 0) < 0 &&
      (o->force_recursive || errno != ENOSYS))
    return fail(err, "mount", errno, "recursive options of %s", r->argv[2]);
  return 0;
}

static const char *subpath_of(const struct launch_record *r) {
  for (int i = 4; i < r->argc; i++) {
    if (!strncmp(r->argv[i], "subpath=", 8)) return r->argv[i] + 8;
  }
  return NULL;
}

/* A volume's subpath may have been written by a container: it is resolved inside the volume. */
static int clone_source(const struct launch_record *r, const struct mount_options *options) {
  const char *subpath = subpath_of(r);
  if (!subpath) return tree_clone(AT_FDCWD, r->argv[2], options->recursive_bind);
  cleanup_close int volume = open(r->argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int inside = volume < 0 ? -1 : inroot_open(volume, subpath, O_PATH, INROOT_FOLLOW);
  return inside < 0 ? -1 : tree_clone(inside, "", options->recursive_bind);
}

static int prepare_bind(const struct launch_record *r, int *out, struct error *err) {
  struct mount_options options;
  if (read_options(r, &options)) return fail(err, "launch", EINVAL, "options of the bind to %s", r->argv[3]);
  *out = clone_source(r, &options);
  if (*out < 0)
    return fail_text(err, "mount", errno, "error mounting \"%s\" to rootfs at \"%s\": stat %s: %s", r->argv[2], r->argv[3],
                     r->argv[2], go_strerror(errno));
  return set_options(*out, r, &options, err);
}

/* /dev/shm of another container, found in its own mount namespace by the process folder of one of its processes. A mount
   can be cloned in its own namespace only. */
static int prepare_shm_of(const struct launch_record *r, int *out, struct error *err) {
  int host = namespaces_own(NS_MNT);
  cleanup_close int process = open(r->argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int root = process < 0 ? -1 : openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int ns = process < 0 ? -1 : openat(process, "ns/mnt", O_RDONLY | O_CLOEXEC);
  if (host < 0 || root < 0 || ns < 0) return fail(err, "mount", errno, "the other container's /dev/shm");
  cleanup_close int shm = inroot_open(root, "/dev/shm", O_PATH | O_DIRECTORY, INROOT_REFUSE);
  if (shm < 0 || setns(ns, CLONE_NEWNS) < 0) return fail(err, "mount", errno, "the other container's /dev/shm");
  *out = tree_clone(shm, "", 0);
  int saved = errno;
  if (setns(host, CLONE_NEWNS) < 0) _exit(125);
  return *out < 0 ? fail(err, "mount", saved, "the other container's /dev/shm") : 0;
}

static int prepare_image(const struct launch *launch, const struct launch_record *r, int user_ns, int *out,
                         struct error *err) {
  *out = rootfs_image(launch, r->argv[3], subpath_of(r), user_ns, err);
  if (*out < 0)
    return fail_text(err, "mount", err->status, "error mounting \"%s\" to rootfs at \"%s\": %s", r->argv[2], r->argv[3],
                     go_strerror(err->status));
  if (tree_change(*out, 0, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE) < 0)
    return fail(err, "mount", errno, "options of %s", r->argv[3]);
  return 0;
}

static int known_kind(const char *kind) {
  static const char *const kinds[] = {"bind", "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "shm-of", "image"};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (!strcmp(kind, kinds[i])) return 1;
  }
  return 0;
}

int mounts_prepare(struct container *container, int user_ns, struct error *err) {
  const struct launch *launch = container->launch;
  size_t count = launch_count(launch, "mount"), at = 0;
  container->mounts = calloc(count ? count : 1, sizeof *container->mounts);
  if (!container->mounts) return fail(err, "mount", ENOMEM, "%zu mounts", count);
  for (const struct launch_record *r; (r = launch_next(launch, "mount", &at));) {
    struct prepared_mount *m = &container->mounts[container->mount_count++];
    *m = (struct prepared_mount){.record = r, .fd = -1};
    if (r->argc < 4 || !known_kind(r->argv[1])) return fail(err, "launch", EINVAL, "mount record");
    if (!strcmp(r->argv[1], "bind") && prepare_bind(r, &m->fd, err) < 0) return -1;
    if (!strcmp(r->argv[1], "image") && prepare_image(launch, r, user_ns, &m->fd, err) < 0) return -1;
    if (!strcmp(r->argv[1], "shm-of") && prepare_shm_of(r, &m->fd, err) < 0) return -1;
  }

  if (procfs_shared(container, err) < 0) return -1;
  if (namespaces_has_user(&container->namespaces)) {
    container->host_proc = tree_clone(AT_FDCWD, "/proc", 0);
    container->host_sys = tree_clone(AT_FDCWD, "/sys", 1);
    container->bare_sys = tree_clone(AT_FDCWD, "/sys", 0);
    /* Private, or their end in the container would be that of the host's own cgroup mounts. */
    if (container->host_proc < 0 || container->host_sys < 0 || container->bare_sys < 0 || tree_change(container->host_proc, 0, 0, 0, MS_PRIVATE) < 0 ||
        tree_change(container->host_sys, 1, 0, 0, MS_PRIVATE) < 0)
      return fail(err, "mount", errno, "/proc and /sys");
  }
  return 0;
}

/* Takes the context. */
static int finish_filesystem(int fd, const struct launch_record *r, const char *mode, struct error *err) {
  struct mount_options options = {0};
  cleanup_close int context = fd;
  if (fs_set(context, "source", r->argv[2]) < 0) return fail(err, "mount", errno, "source of %s", r->argv[3]);
  if (mode && fs_set(context, "mode", mode) < 0) return fail(err, "mount", errno, "mode of %s", r->argv[3]);
  for (int i = 4; i < r->argc; i++) {
    if (mount_option(r->argv[i], &options)) continue;
    char key[128];
    const char *equals = strchr(r->argv[i], '=');
    size_t n = equals ? (size_t) (equals - r->argv[i]) : strlen(r->argv[i]);
    if (n >= sizeof key) return fail(err, "mount", EINVAL, "option %s of %s", r->argv[i], r->argv[3]);
    memcpy(key, r->argv[i], n);
    key[n] = 0;
    if (fs_set(context, key, equals ? equals + 1 : NULL) < 0)
      return fail(err, "mount", errno, "option %s of %s", r->argv[i], r->argv[3]);
  }
  int mounted = fs_mount(context, options.set | options.recursive_set);
  if (mounted < 0) return fail(err, "mount", errno, "mount %s", r->argv[3]);
  if (options.propagation && tree_change(mounted, options.propagation_recursive, 0, 0, options.propagation) < 0) {
    close(mounted);
    return fail(err, "mount", errno, "propagation of %s", r->argv[3]);
  }
  return mounted;
}

/* Makes a filesystem of the container's own namespaces, with the record's options. */
static int make_filesystem(const struct launch_record *r, const char *mode, struct error *err) {
  int context = fs_open(r->argv[1]);
  return context < 0 ? fail(err, "mount", errno, "filesystem %s", r->argv[1]) : finish_filesystem(context, r, mode, err);
}

static int make_proc(struct container *container, const struct launch_record *r, struct error *err) {
  if (container->proc_clone >= 0) return steal_fd(&container->proc_clone);
  return container->proc_context >= 0 ? finish_filesystem(steal_fd(&container->proc_context), r, NULL, err)
                                      : make_filesystem(r, NULL, err);
}
/* A hierarchy of several controllers ("cpu,cpuacct") is found under each of their names. */
static int link_controllers(int folder, const char *name) {
  if (!strchr(name, ',')) return 0;
  char names[64];
  snprintf(names, sizeof names, "%s", name);
  for (char *save = NULL, *one = strtok_r(names, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
    if (symlinkat(name, folder, one) < 0) return -1;
  }
  return 0;
}

/* v1: a folder of the container's own cgroups, one for each hierarchy. */
static int make_cgroup_v1(const struct container *container, const struct launch_record *r, struct error *err) {
  struct mount_options options = {0};
  for (int i = 4; i < r->argc; i++) mount_option(r->argv[i], &options);
  uint64_t flags = options.set | options.recursive_set;
  cleanup_close int context = fs_open("tmpfs");
  if (context < 0 || fs_set(context, "source", "tmpfs") < 0 || fs_set(context, "mode", "755") < 0)
    return fail(err, "mount", errno, "tmpfs for cgroups");
  cleanup_close int folder = fs_mount(context, flags & ~(uint64_t) MOUNT_ATTR_RDONLY);
  if (folder < 0) return fail(err, "mount", errno, "tmpfs for cgroups");
  cleanup_close int target = inroot_target(container->root, r->argv[3], INROOT_DIRECTORY, INROOT_REFUSE);
  if (target < 0 || tree_attach(folder, target) < 0) return fail(err, "mount", errno, "mount %s", r->argv[3]);
  for (int i = 0; i < container->cgroup.count; i++) {
    const char *name = container->cgroup.folder[i].name;
    cleanup_close int own = container->cgroup.folder[i].tree;
    ((struct container *) container)->cgroup.folder[i].tree = -1;
    if (mkdirat(folder, name, 0755) < 0) return fail(err, "mount", errno, "cgroup %s", name);
    cleanup_close int spot = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (own < 0 || spot < 0 || tree_change(own, 0, flags, 0, 0) < 0 || tree_attach(own, spot) < 0 ||
        link_controllers(folder, name) < 0)
      return fail(err, "mount", errno, "cgroup %s", name);
  }
  if ((flags & MOUNT_ATTR_RDONLY) && tree_change(folder, 0, MOUNT_ATTR_RDONLY, 0, 0) < 0)
    return fail(err, "mount", errno, "%s read-only", r->argv[3]);
  return 0;
}

static int make_cgroup_v2(const struct launch_record *r, struct error *err) {
  struct mount_options options = {0};
  for (int i = 4; i < r->argc; i++) mount_option(r->argv[i], &options);
  cleanup_close int context = fs_open("cgroup2");
  int mounted = context < 0 || fs_set(context, "source", "cgroup") < 0
                    ? -1
                    : fs_mount(context, options.set | options.recursive_set);
  return mounted < 0 ? fail(err, "mount", errno, "mount %s", r->argv[3]) : mounted;
}

/* While these are in the namespace, over the root, the kernel lets a user namespace make its own procfs and sysfs. */
static int show_host(struct container *container, struct error *err) {
  if (container->host_proc < 0) return 0;
  if (move_mount(container->host_proc, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
      move_mount(container->host_sys, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fail(err, "mount", errno, "show /proc and /sys");
  return 0;
}

static int hide_host(struct container *container, struct error *err) {
  if (container->host_proc < 0) return 0;
  if (container->host_sys >= 0 && (fchdir(container->host_sys) < 0 || umount2(".", MNT_DETACH) < 0))
    return fail(err, "mount", errno, "hide /sys");
  if (fchdir(container->host_proc) < 0 || umount2(".", MNT_DETACH) < 0) return fail(err, "mount", errno, "hide /proc");
  if (fchdir(container->root) < 0) return fail(err, "mount", errno, "the container's root");
  return 0;
}

/* sysfs belongs to the network namespace; where that is not the container's own, the host's is shown read-only, and nothing
   of what is mounted in there (other containers' cgroups, debugfs, efivarfs). */
static int make_sysfs(struct container *container, const struct launch_record *r, struct error *err) {
  int mounted = make_filesystem(r, NULL, err);
  if (mounted >= 0 || err->status != EPERM || container->bare_sys < 0) return mounted;
  if (tree_change(container->bare_sys, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
                  MS_PRIVATE) < 0)
    return fail(err, "mount", errno, "the host's /sys");
  return steal_fd(&container->bare_sys);
}

/* A tmpfs over an existing folder takes its mode, as runc has it. */
static const char *tmpfs_mode(int root, const struct launch_record *r, char *text, size_t size) {
  for (int i = 4; i < r->argc; i++) {
    if (!strncmp(r->argv[i], "mode=", 5)) return NULL;
  }
  struct stat st;
  cleanup_close int fd = inroot_open(root, r->argv[3], O_PATH | O_DIRECTORY, INROOT_FOLLOW);
  if (fd < 0 || fstat(fd, &st) < 0) return NULL;
  snprintf(text, size, "%o", st.st_mode & 07777);
  return text;
}

/* The kernel's own filesystems go only onto plain folders: an image's symlink must not choose where. */
static int is_kernel_filesystem(const struct launch_record *r) {
  return strcmp(r->argv[1], "bind") && strcmp(r->argv[1], "image") && (strcmp(r->argv[1], "tmpfs") || !strncmp(r->argv[3], "/dev", 4));
}

/* What the kernel shows a container of itself, and the container's own /dev. */
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

/* The daemon has checked a destination as text. Where links (of the image, of a volume) lead, it says nothing: to what is
   guarded they must not. procfs is what confines a container; devices are made in /dev after this. */
static int check_target(const struct container *container, const struct launch_record *r, int root, int target, struct error *err) {
  const char *place = guarded(container, target);
  cleanup_close int plain = place ? inroot_open(root, r->argv[3], O_PATH, INROOT_REFUSE) : -1;
  if (!place || plain >= 0) return 0;
  return fail_text(err, "mount", EXDEV,
                   "error mounting \"%s\" to rootfs at \"%s\": create mount destination for %s mount: check proc-safety of %s "
                   "mount: \"%s\" cannot be mounted because it is inside %s",
                   r->argv[2], r->argv[3], r->argv[3], r->argv[3], r->argv[3], place);
}

static int apply_one(struct container *container, struct prepared_mount *m, int root, struct error *err) {
  const struct launch_record *r = m->record;
  const char *kind = r->argv[1];
  char mode[16];
  cleanup_close int mount = steal_fd(&m->fd);
  if (!strcmp(kind, "cgroup") && container->cgroup.version == 1) return make_cgroup_v1(container, r, err);
  if (!strcmp(kind, "cgroup")) mount = make_cgroup_v2(r, err);
  else if (!strcmp(kind, "sysfs")) mount = make_sysfs(container, r, err);
  else if (!strcmp(kind, "tmpfs")) mount = make_filesystem(r, tmpfs_mode(root, r, mode, sizeof mode), err);
  else if (!strcmp(kind, "proc")) mount = make_proc(container, r, err);
  else if (mount < 0) mount = make_filesystem(r, NULL, err);
  if (mount < 0) return -1;

  struct stat st;
  if (fstat(mount, &st) < 0) return fail(err, "mount", errno, "stat of the mount for %s", r->argv[3]);
  enum inroot_kind target_kind = S_ISDIR(st.st_mode) ? INROOT_DIRECTORY : INROOT_FILE;
  cleanup_close int target =
      inroot_target(root, r->argv[3], target_kind, is_kernel_filesystem(r) ? INROOT_REFUSE : INROOT_FOLLOW);
  if (target < 0 && errno == ENOTDIR)
    return fail_text(err, "mount", ENOTDIR,
                     "error mounting \"%s\" to rootfs at \"%s\": mount src=%s, dst=%s: not a directory: Are you trying to "
                     "mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the "
                     "expected type",
                     r->argv[2], r->argv[3], r->argv[2], r->argv[3]);
  if (target >= 0 && check_target(container, r, root, target, err) < 0) return -1;
  if (target < 0 || tree_attach(mount, target) < 0)
    return fail_text(err, "mount", errno, "error mounting \"%s\" to rootfs at \"%s\": %s", r->argv[2], r->argv[3],
                     go_strerror(errno));
  if (!strcmp(kind, "tmpfs") && !strcmp(r->argv[3], "/dev")) container->dev = st.st_dev;
  /* A procfs that the user binds there serves as one: parameters are those of whoever writes them. */
  struct statfs fs;
  if (!strcmp(r->argv[3], "/proc") && fstatfs(mount, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) container->proc = steal_fd(&mount);
  return 0;
}

int mounts_apply(struct container *container, int root, struct error *err) {
  /* From below the container's root, where the process began. */
  container->null = tree_clone(AT_FDCWD, "/null", 0);
  if (container->null < 0) return fail(err, "mount", errno, "the null device");
  if (!launch_find(container->launch, "own-places") && own_places_clear(root, err) < 0) return -1;
  if (show_host(container, err) < 0) return -1;
  for (size_t i = 0; i < container->mount_count; i++) {
    if (apply_one(container, &container->mounts[i], root, err) < 0) return -1;
  }
  return hide_host(container, err);
}

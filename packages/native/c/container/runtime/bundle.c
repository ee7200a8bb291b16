/* The bundle: config.json, and below `fs` what the runtime mounts. */
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/fsmount.h"
#include "base/sys.h"
#include "base/users/users.h"
#include "container/process/process.h"
#include "container/runtime/mountinfo.h"
#include "container/runtime/runtime.h"

#ifndef MOVE_MOUNT_SET_GROUP
#define MOVE_MOUNT_SET_GROUP 0x00000100
#endif

static int has_unified(int cgroup_version) {
  struct statfs fs;
  return cgroup_version == 1 && statfs("/sys/fs/cgroup/unified", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static char **copy_words(const char *const *words) {
  size_t count = 0;
  while (words[count]) count++;
  char **copy = calloc(count + 1, sizeof *copy);
  for (size_t i = 0; copy && i < count; i++) copy[i] = strdup(words[i]);
  return copy;
}

struct runtime *runtime_new(const struct container_spec *spec, int cgroup_version, struct error *err) {
  enum { PROGRAM, BUNDLE, FS, ARGS };
  struct runtime *runtime = calloc(1, sizeof *runtime);
  if (!runtime) {
    fail(err, "runtime", ENOMEM, "runtime");
    return NULL;
  }
  *runtime = (struct runtime){.id = strdup(spec->id),
                              .program = strdup(spec->runtime[PROGRAM]),
                              .bundle = strdup(spec->runtime[BUNDLE]),
                              .fs = strdup(spec->runtime[FS]),
                              .args = copy_words(spec->runtime + ARGS),
                              .user_ns = -1,
                              .hides_v2 = has_unified(cgroup_version)};
  runtime->directory = open(spec->runtime[BUNDLE], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (runtime->directory >= 0 && runtime->id && runtime->program && runtime->bundle && runtime->fs && runtime->args)
    return runtime;
  fail(err, "runtime", errno, "the bundle %s", spec->runtime[BUNDLE]);
  runtime_free(runtime);
  return NULL;
}

void runtime_free(struct runtime *runtime) {
  if (!runtime) return;
  for (char **word = runtime->args; word && *word; word++) free(*word);
  free(runtime->args);
  free(runtime->id);
  free(runtime->program);
  free(runtime->bundle);
  free(runtime->fs);
  if (runtime->directory >= 0) close(runtime->directory);
  if (runtime->user_ns >= 0) close(runtime->user_ns);
  free(runtime);
}

char *bundle_user(const struct container_spec *spec, int root, struct error *err) {
  struct user user = {0};
  char *text = NULL;
  size_t size;
  int found = process_user(spec, root, &user, err);
  FILE *out = found < 0 ? NULL : open_memstream(&text, &size);
  if (out) {
    /* The primary group is a supplementary one, too, as dockerd has it. */
    fprintf(out, "{\"uid\":%u,\"gid\":%u,\"additionalGids\":[%u", user.uid, user.gid, user.gid);
    for (size_t i = 0; i < user.group_count; i++) {
      if (user.groups[i] != user.gid) fprintf(out, ",%u", user.groups[i]);
    }
    fputs("]}", out);
    if (fclose(out)) {
      free(text);
      text = NULL;
    }
  }
  if (found == 0 && !text) fail(err, "runtime", ENOMEM, "user");
  free(user.groups);
  return text;
}

int bundle_write(const struct container *container, struct error *err) {
  const struct container_spec *spec = container->spec;
  const struct runtime *runtime = container->runtime;
  cleanup_free char *user = bundle_user(spec, container->root, err);
  if (!user) return -1;
  unlinkat(runtime->directory, "config.json", 0);
  cleanup_close int fd = openat(runtime->directory, "config.json", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0 || dprintf(fd, "%s%s%s\n", spec->config_head, user, spec->config_tail) < 0)
    return fail(err, "runtime", errno, "write %s/config.json", runtime->bundle);
  /* The second stands in for the root in later calls. */
  static const char *const directories[] = {"fs", "fs/rootfs"};
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
    if (mkdirat(runtime->directory, directories[i], 0700) < 0 && errno != EEXIST)
      return fail(err, "runtime", errno, "%s/%s", runtime->bundle, directories[i]);
  }
  return 0;
}

/* Makes a mount a peer again of the one that the supervisor's namespace has there (Linux 5.15), for what containers bind from
   it with propagation; where that fails it stays private, here alone. */
static void rejoin_peers(const char *point) {
  char there[PATH_MAX + 32];
  snprintf(there, sizeof there, "/proc/%d/root%s", getppid(), point);
  cleanup_close int ours = open(point, O_PATH | O_CLOEXEC);
  cleanup_close int peer = open(there, O_PATH | O_CLOEXEC);
  if (ours >= 0 && peer >= 0)
    move_mount(peer, "", ours, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH | MOVE_MOUNT_SET_GROUP);
}

/* Mounts `mounted` on FS for this mount namespace alone: where the mount that the directory lies
   on is shared with the host's, it leaves its peers for that moment. */
static int attach_unseen(const struct runtime *runtime, int mounted, struct error *err) {
  struct mount_place place;
  cleanup_close int target = open(runtime->fs, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0 || mount_place_of(target, &place) < 0) return fail(err, "runtime", errno, "%s", runtime->fs);
  if (place.shared && mount(NULL, place.point, NULL, MS_PRIVATE, NULL) < 0)
    return fail(err, "runtime", errno, "propagation of %s", place.point);
  if (tree_attach(mounted, target) < 0) return fail(err, "runtime", errno, "attach %s", runtime->fs);
  if (place.shared) rejoin_peers(place.point);
  return 0;
}

/* A directory or an empty file for a mount. Returns it as O_PATH, or -1. */
static int make_target(int directory, const char *name, int is_directory) {
  if (is_directory) {
    if (mkdirat(directory, name, 0755) < 0) return -1;
  } else {
    cleanup_close int fd = openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0) return -1;
  }
  return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int attach_at(int directory, const char *name, int mount_fd, struct error *err) {
  struct stat st;
  if (fstat(mount_fd, &st) < 0) return fail(err, "runtime", errno, "source %s", name);
  cleanup_close int target = make_target(directory, name, S_ISDIR(st.st_mode));
  if (target < 0 || tree_attach(mount_fd, target) < 0) return fail(err, "runtime", errno, "attach %s", name);
  return 0;
}

/* Sources of mounts, by their number among the spec's. */
static int attach_sources(const struct container *container, int directory, struct error *err) {
  if (mkdirat(directory, "mounts", 0755) < 0) return fail(err, "runtime", errno, "mounts");
  cleanup_close int mounts = openat(directory, "mounts", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < container->mount_count; i++) {
    char name[24];
    snprintf(name, sizeof name, "%zu", i);
    if (attach_at(mounts, name, container->mounts[i].fd, err) < 0) return -1;
  }
  return 0;
}

/* Our init is a copy: the container's process 1 must not lead to the program that all supervisors run. */
static int copy_init(const struct container *container, int directory, struct error *err) {
  struct stat st;
  if (container->init_program < 0) return 0;
  cleanup_close int copy = openat(directory, "init", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0555);
  if (copy < 0 || fstat(container->init_program, &st) < 0) return fail(err, "runtime", errno, "init");
  for (off_t done = 0; done < st.st_size;) {
    if (sendfile(copy, container->init_program, &done, (size_t) (st.st_size - done)) <= 0)
      return fail(err, "runtime", errno, "copy init");
  }
  return 0;
}

static int bind_user_namespace(const struct runtime *runtime, int directory, struct error *err) {
  char source[40], target[40];
  if (runtime->user_ns < 0) return 0;
  cleanup_close int file = make_target(directory, "user", 0);
  snprintf(source, sizeof source, "/proc/self/fd/%d", runtime->user_ns);
  snprintf(target, sizeof target, "/proc/self/fd/%d", file);
  if (file < 0 || mount(source, target, NULL, MS_BIND, NULL) < 0) return fail(err, "runtime", errno, "user namespace");
  return 0;
}

/* A tmpfs on FS. Returns its descriptor, or -1. */
static int attach_fs(const struct runtime *runtime, struct error *err) {
  cleanup_close int context = fs_open("tmpfs");
  if (context < 0 || fs_set(context, "source", "tmpfs") < 0 || fs_set(context, "mode", "0755") < 0)
    return fail(err, "runtime", errno, "tmpfs for the bundle");
  cleanup_close int fs = fs_mount(context, MOUNT_ATTR_NODEV);
  if (fs < 0) return fail(err, "runtime", errno, "tmpfs for the bundle");
  umask(0);
  return attach_unseen(runtime, fs, err) < 0 ? -1 : steal_fd(&fs);
}

int bundle_stand_in(const struct runtime *runtime, struct error *err) {
  if (!runtime->remapped) return 0; /* bundle_write() has made one in the run directory */
  cleanup_close int fs = attach_fs(runtime, err);
  if (fs < 0) return -1;
  return mkdirat(fs, "rootfs", 0700) < 0 ? fail(err, "runtime", errno, "%s/rootfs", runtime->fs) : 0;
}

int bundle_attach(const struct container *container, struct error *err) {
  const struct runtime *runtime = container->runtime;
  cleanup_close int fs = attach_fs(runtime, err);
  if (fs < 0 || attach_at(fs, "rootfs", container->root, err) < 0 || attach_sources(container, fs, err) < 0 ||
      copy_init(container, fs, err) < 0)
    return -1;
  return bind_user_namespace(runtime, fs, err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
  return remove(path);
}

void bundle_remove(const struct runtime *runtime) {
  char path[PATH_MAX];
  unlinkat(runtime->directory, "config.json", 0);
  unlinkat(runtime->directory, "fs/rootfs", AT_REMOVEDIR);
  unlinkat(runtime->directory, "fs", AT_REMOVEDIR);
  /* The runtime's state, which it has removed as a rule. */
  snprintf(path, sizeof path, "%s/state", runtime->bundle);
  nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* `layer archive`: a look into a container's root and copies in and out, in a process that has entered it. */
#include "layer/archive.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "layer/layer.h"
#include "layer/mount.h"
#include "layer/tar/walk.h"

static int same_namespace(int pid_directory, const char *name) {
  struct stat mine, theirs;
  char own[32], other[32];
  snprintf(own, sizeof own, "/proc/self/ns/%s", name);
  snprintf(other, sizeof other, "ns/%s", name);
  return !stat(own, &mine) && !fstatat(pid_directory, other, &theirs, 0) && mine.st_ino == theirs.st_ino &&
         mine.st_dev == theirs.st_dev;
}

/* Joins the mount namespace (and, where it has its own, the user namespace) of a running container. Returns its root. */
static int enter_running(const char *pid, struct error *err) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%.20s", pid);
  cleanup_close int process = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (process < 0) return fail(err, "gone", errno, "process %.20s", pid);
  cleanup_close int mounts = openat(process, "ns/mnt", O_RDONLY | O_CLOEXEC);
  cleanup_close int root = openat(process, "root", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  cleanup_close int users = same_namespace(process, "user") ? -1 : openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
  if (mounts < 0 || root < 0) return fail(err, "gone", errno, "process %.20s", pid);
  /* The container ended and its number is another's: nothing of the host's is read or written in its place. */
  if (same_namespace(process, "mnt")) return fail(err, "gone", ESRCH, "process %.20s", pid);
  if (users >= 0 && (setns(users, CLONE_NEWUSER) || setresgid(0, 0, 0) || setresuid(0, 0, 0)))
    return fail(err, "enter", errno, "user namespace");
  if (setns(mounts, CLONE_NEWNS)) return fail(err, "enter", errno, "mount namespace");
  /* In a copy of it, where nothing that the container puts in a file's place is opened as a device. */
  if (fchdir(root) || unshare(CLONE_NEWNS)) return fail(err, "enter", errno, "copy of the mount namespace");
  if (layer_without_devices(AT_FDCWD, "/", err)) return -1;
  int copy = open(".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  return copy < 0 ? fail(err, "enter", errno, "root of process %.20s", pid) : copy;
}

static int enter(int argc, char **argv, struct layer_work *work, struct error *err) {
  struct layer_root root = {0};
  const char *pid = layer_option(argc, argv, "pid", "");
  root.argv = layer_rest(argc, argv, &root.argc);
  if (*pid) return enter_running(pid, err);
  return layer_has_upper(&root) ? layer_mount_whole(&root, 1, work, err) : layer_mount_lower(&root, err);
}

/* The stat of a path for the daemon; it makes Go's terms of it. */
static int print_stat(int root, const char *path, const struct stat *st, struct error *err) {
  char target[PATH_MAX] = "";
  FILE *out = layer_report();
  if (S_ISLNK(st->st_mode) && inroot_final(root, path, target)) return fail(err, "stat", errno, "%.200s", path);
  fprintf(out, "{\"mode\":%u,\"size\":%lld,\"seconds\":%lld,\"nanoseconds\":%ld,\"linkTarget\":", st->st_mode,
          (long long) st->st_size, (long long) st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
  json_string(out, target);
  fprintf(out, "}\n");
  return fflush(out) ? fail(err, "write", errno, "report") : 0;
}

/* lstat, in Go's words when it fails. */
static int stat_path(int root, const char *path, struct stat *st, struct error *err) {
  size_t length = strlen(path);
  int slashed = length > 1 && path[length - 1] == '/';
  cleanup_close int fd = inroot_open(root, path, O_PATH | (slashed ? O_DIRECTORY : O_NOFOLLOW) | O_CLOEXEC, INROOT_FOLLOW);
  if (fd < 0) return fail(err, errno == ENOENT ? "not-found" : "stat", errno, "lstat %.300s", path);
  return fstat(fd, st) ? fail(err, "stat", errno, "lstat %.300s", path) : 0;
}

static int op_stat(int root, const char *path, struct error *err) {
  struct stat st;
  return stat_path(root, path, &st, err) || print_stat(root, path, &st, err) ? -1 : 0;
}

/* Opens the directory that holds the last name of a path which is no directory. */
static int open_holder(int root, const char *path, const char **name, struct error *err) {
  char directory[PATH_MAX];
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  snprintf(directory, sizeof directory, "%.*s", slash ? (int) (slash - path) : 0, path);
  int fd = inroot_open(root, *directory ? directory : "/", O_DIRECTORY | O_RDONLY | O_CLOEXEC, INROOT_FOLLOW);
  return fd < 0 ? fail(err, "stat", errno, "lstat %.300s", path) : fd;
}

static int op_get(int root, const char *path, const char *base, struct error *err) {
  struct stat st;
  struct tar_writer writer;
  if (stat_path(root, path, &st, err)) return -1;
  const char *name = NULL;
  cleanup_close int directory = S_ISDIR(st.st_mode) ? inroot_open(root, path, O_DIRECTORY | O_RDONLY | O_CLOEXEC, INROOT_FOLLOW)
                                                    : open_holder(root, path, &name, err);
  if (directory < 0) return name ? -1 : fail(err, "stat", errno, "lstat %.300s", path);
  if (print_stat(root, path, &st, err) || tar_writer_open(&writer, STDOUT_FILENO, err)) return -1;
  struct tar_walk walk = {.prefix = strcmp(base, "/") ? base : "", .include_root = 1, .rooted = 1};
  int result = name ? tar_walk_one(&writer, directory, name, base, err) : tar_walk(&writer, directory, &walk, err);
  if (!result) result = tar_write_end(&writer, err);
  tar_writer_close(&writer);
  return result;
}

/* The root of a running container without what is mounted in it. */
static int bare_root(const char *pid, struct error *err) {
  cleanup_close int root = enter_running(pid, err);
  if (root < 0) return -1;
  int bare = open_tree(root, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  cleanup_close int held = bare;
  int directory = bare < 0 ? -1 : openat(bare, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  return directory < 0 ? fail(err, "mount", errno, "root of process %.20s", pid) : directory;
}

/* The container's root without what is mounted in it: that of the running one (a second overlay over an upper directory in
   use is undefined), else its upper directory over the layers, read-only. */
static int op_export(int argc, char **argv, struct error *err) {
  struct layer_root root = {0};
  struct tar_writer writer;
  struct tar_walk walk = {.prefix = ""};
  const char *pid = layer_option(argc, argv, "pid", "");
  root.argv = layer_rest(argc, argv, &root.argc);
  cleanup_close int fd = *pid ? bare_root(pid, err) : layer_mount_lower(&root, err);
  if (fd < 0 || tar_writer_open(&writer, STDOUT_FILENO, err)) return -1;
  fprintf(layer_report(), "{}\n");
  fflush(layer_report());
  int result = tar_walk(&writer, fd, &walk, err) || tar_write_end(&writer, err) ? -1 : 0;
  tar_writer_close(&writer);
  return result;
}

/* Tells whose ids a `user[:group]` stands for in this root. */
static int op_user(int root, const char *spec, struct error *err) {
  cleanup_free char *group = NULL;
  struct user user = {0};
  int result = users_read(root, spec, &group, &user, err);
  free(user.groups);
  if (result) return -1;
  fprintf(layer_report(), "{\"uid\":%u,\"gid\":%u}\n", user.uid, user.gid);
  return fflush(layer_report()) ? fail(err, "write", errno, "report") : 0;
}

static int op_put(int root, const char *path, int argc, char **argv, struct error *err) {
  cleanup_free char *group = NULL;
  struct user user = {0};
  const char *owner = layer_option(argc, argv, "owner", "");
  int keep_kinds = !strcmp(layer_option(argc, argv, "keep-kinds", ""), "yes");
  int result = *owner ? users_read(root, owner, &group, &user, err) : 0;
  free(user.groups);
  if (result || layer_put(root, path, keep_kinds, *owner ? &user : NULL, err)) return -1;
  fprintf(layer_report(), "{}\n");
  return fflush(layer_report()) ? fail(err, "write", errno, "report") : 0;
}

int layer_archive(int argc, char **argv) {
  struct error err = {0};
  const char *op = layer_option(argc, argv, "op", ""), *path = layer_option(argc, argv, "path", "/");
  int result;
  if (!strcmp(op, "export")) {
    result = op_export(argc, argv, &err);
  } else {
    struct layer_work work = {.directory = -1, .held = -1};
    cleanup_close int root = enter(argc, argv, &work, &err);
    if (root < 0)
      result = -1;
    else if (!strcmp(op, "stat"))
      result = op_stat(root, path, &err);
    else if (!strcmp(op, "get"))
      result = op_get(root, path, layer_option(argc, argv, "base", "/"), &err);
    else if (!strcmp(op, "user"))
      result = op_user(root, layer_option(argc, argv, "user", ""), &err);
    else
      result = op_put(root, path, argc, argv, &err);
    layer_remove_work(&work);
  }
  return result ? layer_report_error(&err) : 0;
}

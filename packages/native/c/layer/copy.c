#include "layer/copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "layer/tar/walk.h"

struct copier {
  int root; /* of the copy */
  int always;
  struct copied *copied;
  struct link_table *links;
  char path[2 * TAR_PATH_LIMIT]; /* of what is being copied, in the tree */
};

static int copy_fail(const struct copier *c, struct error *err) {
  return fail(err, "copy", errno, "%.300s", c->path);
}

/* Whether a file system, or a pair of them, cannot share data; anything else is an error of this copy. */
static int cannot_share(int code) {
  return code == EOPNOTSUPP || code == ENOTTY || code == EXDEV || code == EINVAL || code == ENOSYS || code == ETXTBSY;
}

/* One piece of data; holes are no business of it. */
static int copy_piece(int from, int to, off_t at, off_t end) {
  static char bytes[1 << 16];
  while (at < end) {
    off_t out = at;
    ssize_t n = copy_file_range(from, &at, to, &out, (size_t) (end - at), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n > 0) continue;
    if (n < 0 && !cannot_share(errno)) return -1;
    size_t wanted = end - at < (off_t) sizeof bytes ? (size_t) (end - at) : sizeof bytes;
    n = pread(from, bytes, wanted, at);
    if (n < 0) return -1;
    if (n == 0) return 0; /* it has become shorter */
    for (ssize_t done = 0, m; done < n; done += m) {
      m = pwrite(to, bytes + done, (size_t) (n - done), at + done);
      if (m < 0) return -1;
    }
    at += n;
  }
  return 0;
}

static int copy_data(int from, int to, off_t size) {
  if (ftruncate(to, size)) return -1;
  for (off_t at = 0, end; at < size; at = end) {
    off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return 0;
    if (data < 0 && errno != EINVAL) return -1;
    if (data < 0) data = at; /* the file system tells of no holes */
    end = lseek(from, data, SEEK_HOLE);
    if (end < 0 || end > size) end = size;
    if (copy_piece(from, to, data, end)) return -1;
  }
  return 0;
}

static int copy_file(struct copier *c, int from_directory, int to_directory, const char *name, struct error *err) {
  struct stat st;
  cleanup_close int from = openat(from_directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (from < 0 || fstat(from, &st)) return copy_fail(c, err);
  cleanup_close int to = openat(to_directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (to < 0) return copy_fail(c, err);
  if (!ioctl(to, FICLONE, from)) {
    c->copied->shared++;
    return 0;
  }
  if (!cannot_share(errno)) return copy_fail(c, err);
  if (c->always) return fail(err, "reflink", 0, "the file system of the volumes cannot share data between files (reflink)");
  c->copied->copied++;
  return copy_data(from, to, st.st_size) ? copy_fail(c, err) : 0;
}

static int copy_xattrs(const struct copier *c, int from, int to, const char *name, struct error *err) {
  static char names[1 << 16], value[1 << 16];
  /* There is no listxattrat before Linux 6.13. */
  if (fchdir(from)) return copy_fail(c, err);
  ssize_t size = llistxattr(name, names, sizeof names);
  for (char *at = names; size > 0 && at < names + size; at += strlen(at) + 1) {
    if (!tar_xattr_travels(at)) continue;
    if (fchdir(from)) return copy_fail(c, err);
    ssize_t n = lgetxattr(name, at, value, sizeof value);
    if (n < 0) continue;
    if (fchdir(to) || (lsetxattr(name, at, value, (size_t) n, 0) && errno != ENOTSUP)) return copy_fail(c, err);
  }
  return 0;
}

/* The owner first: a change of it clears set-id bits and capabilities. Times last. */
static int describe(const struct copier *c, int from, int to, const char *name, const struct stat *st, struct error *err) {
  struct timespec times[2] = {st->st_atim, st->st_mtim};
  if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) ||
      (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0)))
    return copy_fail(c, err);
  if (copy_xattrs(c, from, to, name, err)) return -1;
  return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) ? copy_fail(c, err) : 0;
}

static int copy_link(const struct copier *c, int from, int to, const char *name, struct error *err) {
  static char target[TAR_PATH_LIMIT + 1];
  ssize_t n = readlinkat(from, name, target, sizeof target - 1);
  if (n < 0) return copy_fail(c, err);
  target[n] = 0;
  return symlinkat(target, to, name) ? copy_fail(c, err) : 0;
}

static int copy_directory(struct copier *c, int from, int to, size_t length, struct error *err);

static int copy_sub(struct copier *c, int from, int to, const char *name, size_t length, struct error *err) {
  if (mkdirat(to, name, 0700)) return copy_fail(c, err);
  cleanup_close int from_sub = openat(from, name, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  cleanup_close int to_sub = openat(to, name, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (from_sub < 0 || to_sub < 0) return copy_fail(c, err);
  c->path[length] = '/';
  c->path[length + 1] = 0;
  int result = copy_directory(c, from_sub, to_sub, length + 1, err);
  c->path[length] = 0;
  return result;
}

static int copy_node(struct copier *c, int from, int to, const char *name, size_t length, struct error *err) {
  struct stat st;
  if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT ? 0 : copy_fail(c, err);
  if (S_ISSOCK(st.st_mode)) return 0;
  if (st.st_nlink > 1 && !S_ISDIR(st.st_mode)) {
    const char *before = link_table_first_name(c->links, &st, c->path);
    if (before) return linkat(c->root, before, to, name, 0) ? copy_fail(c, err) : 0;
  }
  int result;
  switch (st.st_mode & S_IFMT) {
  case S_IFREG: result = copy_file(c, from, to, name, err); break;
  case S_IFDIR: result = copy_sub(c, from, to, name, length, err); break;
  case S_IFLNK: result = copy_link(c, from, to, name, err); break;
  default: result = mknodat(to, name, (st.st_mode & S_IFMT) | 0600, st.st_rdev) ? copy_fail(c, err) : 0;
  }
  return result ? -1 : describe(c, from, to, name, &st, err);
}

/* How deep it goes is limited by the length of a path. */
static int copy_directory(struct copier *c, int from, int to, size_t length, struct error *err) {
  cleanup_names struct name_list names = {0};
  if (name_list_read(&names, from, err)) return -1;
  for (size_t i = 0; i < names.count; i++) {
    size_t n = strlen(names.names[i]);
    if (length + n + 1 > TAR_PATH_LIMIT) return fail(err, "copy", ENAMETOOLONG, "%.100s...", c->path);
    memcpy(c->path + length, names.names[i], n + 1);
    if (copy_node(c, from, to, names.names[i], length + n, err)) return -1;
  }
  return 0;
}

int layer_copy_tree(int from, int to, int always, struct copied *copied, struct error *err) {
  struct copier *c = calloc(1, sizeof *c);
  struct stat st;
  if (!c) return fail(err, "memory", ENOMEM, "copy");
  *c = (struct copier){.root = to, .always = always, .copied = copied, .links = link_table_new()};
  int result = c->links ? copy_directory(c, from, to, 0, err) : fail(err, "memory", ENOMEM, "copy");
  if (!result) result = fstat(from, &st) ? copy_fail(c, err) : describe(c, from, to, ".", &st, err);
  link_table_free(c->links);
  free(c);
  return result;
}

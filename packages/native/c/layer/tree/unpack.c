#include "layer/tree/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The first name of each node that has several; linkat needs a path. Kept as the open directory's chain of names. */
#define NAME_AT 0 /* place[0]: the struct name under which it was made first */

static int set_xattrs(int fd, const struct node *node, struct error *err) {
  for (uint32_t i = 0; i < node->xattr_count; i++) {
    const struct tar_xattr *x = &node->xattrs[i];
    /* A file system without them is no reason to fail, as for dockerd; capabilities would be missed, though. */
    if (fsetxattr(fd, x->name, x->value, x->size, 0) && (errno != ENOTSUP || !strncmp(x->name, "security.capability", 19)))
      return fail(err, "unpack", errno, "extended attribute %.100s", x->name);
  }
  if (node->opaque && fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0)) return fail(err, "unpack", errno, "opaque directory");
  return 0;
}

static int copy_range(int from, uint64_t at, int to, uint64_t to_at, uint64_t size, struct error *err) {
  off_t offset = (off_t) at;
  if (lseek(to, (off_t) to_at, SEEK_SET) < 0) return fail(err, "unpack", errno, "seek");
  while (size) {
    ssize_t n = sendfile(to, from, &offset, size < 1 << 30 ? (size_t) size : 1 << 30);
    if (n <= 0) return fail(err, "unpack", n ? errno : EIO, "write");
    size -= (uint64_t) n;
  }
  return 0;
}

static int make_file(const struct node *node, int directory, const char *name, int tar, struct error *err) {
  cleanup_close int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return fail(err, "unpack", errno, "%.200s", name);
  if (node->sparse) {
    uint64_t from = node->data_offset;
    for (size_t i = 0; i < node->segment_count; from += node->segments[i++].size)
      if (copy_range(tar, from, fd, node->segments[i].offset, node->segments[i].size, err)) return -1;
    if (ftruncate(fd, (off_t) node->size)) return fail(err, "unpack", errno, "%.200s", name);
  } else if (copy_range(tar, node->data_offset, fd, 0, node->size, err)) {
    return -1;
  }
  struct timespec times[2] = {{.tv_sec = node->mtime, .tv_nsec = node->mtime_ns},
                              {.tv_sec = node->mtime, .tv_nsec = node->mtime_ns}};
  /* The owner first: a change of it clears set-id bits and capabilities. */
  if (fchown(fd, node->uid, node->gid) || fchmod(fd, node->mode)) return fail(err, "unpack", errno, "%.200s", name);
  if (set_xattrs(fd, node, err)) return -1;
  return futimens(fd, times) ? fail(err, "unpack", errno, "%.200s", name) : 0;
}

static int make_special(const struct node *node, int directory, const char *name, struct error *err) {
  int made;
  if (node->type == TAR_SYMLINK)
    made = symlinkat(node->link, directory, name);
  else if (node->type == TAR_FIFO)
    made = mkfifoat(directory, name, 0600);
  else
    made = mknodat(directory, name, (node->type == TAR_CHAR ? S_IFCHR : S_IFBLK) | 0600, makedev(node->major, node->minor));
  struct timespec times[2] = {{.tv_sec = node->mtime, .tv_nsec = node->mtime_ns},
                              {.tv_sec = node->mtime, .tv_nsec = node->mtime_ns}};
  if (made || fchownat(directory, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) ||
      (node->type != TAR_SYMLINK && fchmodat(directory, name, node->mode, 0)) ||
      utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW))
    return fail(err, "unpack", errno, "%.200s", name);
  char path[64 + 256];
  snprintf(path, sizeof path, "/proc/self/fd/%d/%s", directory, name);
  for (uint32_t i = 0; i < node->xattr_count; i++) {
    const struct tar_xattr *x = &node->xattrs[i];
    /* user.* is for files and directories only */
    if (lsetxattr(path, x->name, x->value, x->size, 0) && errno != ENOTSUP && errno != EPERM && errno != ENOENT)
      return fail(err, "unpack", errno, "extended attribute %.100s", x->name);
  }
  return 0;
}

/* Opens the directory of `name` from the root, name by name; all of them are directories made here. */
static int open_directory(int root, const struct node *directory, const struct node *top, struct error *err) {
  if (directory == top) return fcntl(root, F_DUPFD_CLOEXEC, 0);
  cleanup_close int parent = open_directory(root, directory->parent, top, err);
  if (parent < 0) return -1;
  const struct name *name = (const struct name *) (uintptr_t) directory->place[NAME_AT];
  int fd = openat(parent, name->text, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
  return fd < 0 ? fail(err, "unpack", errno, "%.200s", name->text) : fd;
}

static int make(struct tree *tree, int root, int directory, struct name *name, int tar, struct error *err) {
  struct node *node = name->node;
  const struct name *first = (const struct name *) (uintptr_t) node->place[NAME_AT];
  if (first) {
    cleanup_close int other = open_directory(root, first->directory, tree->root, err);
    if (other < 0) return -1;
    return linkat(other, first->text, directory, name->text, 0) ? fail(err, "unpack", errno, "%.200s", name->text) : 0;
  }
  node->place[NAME_AT] = (uintptr_t) name;
  if (node->type == TAR_DIRECTORY)
    return mkdirat(directory, name->text, 0700) ? fail(err, "unpack", errno, "%.200s", name->text) : 0;
  return node->type == TAR_FILE ? make_file(node, directory, name->text, tar, err)
                                : make_special(node, directory, name->text, err);
}

static int describe_directory(int fd, const struct node *node, struct error *err) {
  struct timespec times[2] = {{.tv_sec = node->mtime, .tv_nsec = node->mtime_ns},
                              {.tv_sec = node->mtime, .tv_nsec = node->mtime_ns}};
  if (node->implied) times[0] = times[1] = (struct timespec){0};
  if (fchown(fd, node->uid, node->gid) || fchmod(fd, node->mode) || set_xattrs(fd, node, err) || futimens(fd, times))
    return err->stage[0] ? -1 : fail(err, "unpack", errno, "folder");
  return 0;
}

int layer_unpack(struct tree *tree, int root, int tar, struct error *err) {
  err->stage[0] = 0;
  for (struct node *node = tree->root; node; node = node->next) node->place[NAME_AT] = 0;
  /* Nodes are in order of directories: a directory's names are made before its own times are set, and its sub-directories'
     names come later, which needs it to stay writable only by root. */
  for (struct node *directory = tree->root; directory; directory = directory->next) {
    if (directory->type != TAR_DIRECTORY) continue;
    cleanup_close int fd = open_directory(root, directory, tree->root, err);
    if (fd < 0) return -1;
    for (uint32_t i = 0; i < directory->name_count; i++)
      if (make(tree, root, fd, directory->names[i], tar, err)) return -1;
    if (describe_directory(fd, directory, err)) return -1;
  }
  return 0;
}

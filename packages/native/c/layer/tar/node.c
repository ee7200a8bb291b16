#include "layer/tar/walk.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"

static int type_of(const struct stat *st, enum tar_type *type) {
  switch (st->st_mode & S_IFMT) {
  case S_IFREG: *type = TAR_FILE; return 0;
  case S_IFDIR: *type = TAR_DIRECTORY; return 0;
  case S_IFLNK: *type = TAR_SYMLINK; return 0;
  case S_IFCHR: *type = TAR_CHAR; return 0;
  case S_IFBLK: *type = TAR_BLOCK; return 0;
  case S_IFIFO: *type = TAR_FIFO; return 0;
  default: return -1;
  }
}

int tar_xattr_travels(const char *name) {
  return !strcmp(name, "security.capability") || !strncmp(name, "system.posix_acl_", 17) ||
         (!strncmp(name, "user.", 5) && strncmp(name, "user.overlay.", 13));
}

struct xattrs {
  char names[1 << 16], values[1 << 16];
  struct tar_xattr list[TAR_XATTR_LIMIT];
  size_t count;
};

static void read_xattrs(struct xattrs *x, int directory, const char *name) {
  x->count = 0;
  /* There is no listxattrat before Linux 6.13, and /proc may be another namespace's here. */
  if (fchdir(directory)) return;
  ssize_t size = llistxattr(name, x->names, sizeof x->names);
  size_t used = 0;
  for (char *at = x->names; size > 0 && at < x->names + size && x->count < TAR_XATTR_LIMIT; at += strlen(at) + 1) {
    if (!tar_xattr_travels(at)) continue;
    ssize_t n = lgetxattr(name, at, x->values + used, sizeof x->values - used);
    if (n < 0) continue;
    x->list[x->count++] = (struct tar_xattr){.name = at, .value = x->values + used, .size = (size_t) n};
    used += (size_t) n;
  }
}

/* The pieces of a file that hold data; its entry stays as it is where there are no holes, or too many. Returns 0, or -1. */
static int find_pieces(struct tar_entry *entry, int file, struct error *err) {
  size_t room = 0;
  off_t size = (off_t) entry->size;
  for (off_t at = 0, end; at < size; at = end) {
    off_t data = lseek(file, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break; /* a hole up to the end */
    end = data < 0 ? -1 : lseek(file, data, SEEK_HOLE);
    if (data < 0 || end < 0 || entry->segment_count + 1 >= TAR_SEGMENT_LIMIT) {
      entry->segment_count = 0;
      return lseek(file, 0, SEEK_SET) < 0 ? fail(err, "read", errno, "%.200s", entry->path) : 0;
    }
    if (data >= size) break;
    if (end > size) end = size;
    if (entry->segment_count + 2 > room) {
      room = room ? room * 2 : 16;
      struct tar_segment *grown = realloc(entry->segments, room * sizeof *grown);
      if (!grown) return fail(err, "memory", ENOMEM, "sparse map");
      entry->segments = grown;
    }
    entry->segments[entry->segment_count++] = (struct tar_segment){(uint64_t) data, (uint64_t) (end - data)};
  }
  /* GNU tar takes the end of the last piece for the end of the file. */
  struct tar_segment *last = entry->segment_count ? &entry->segments[entry->segment_count - 1] : NULL;
  if (!last || last->offset + last->size < entry->size) {
    struct tar_segment *grown = realloc(entry->segments, (entry->segment_count + 1) * sizeof *grown);
    if (!grown) return fail(err, "memory", ENOMEM, "sparse map");
    entry->segments = grown;
    entry->segments[entry->segment_count++] = (struct tar_segment){entry->size, 0};
  }
  entry->sparse = entry->segment_count != 1 || entry->segments[0].size != entry->size;
  return entry->sparse || lseek(file, 0, SEEK_SET) >= 0 ? 0 : fail(err, "read", errno, "%.200s", entry->path);
}

static int put_file(struct tar_writer *w, struct tar_entry *entry, int file, int nanoseconds, struct error *err) {
  struct stat now;
  int result = 0;
  if (w->sparse && entry->size && !fstat(file, &now) && (uint64_t) now.st_blocks * 512 < entry->size)
    result = find_pieces(entry, file, err);
  if (!result) result = tar_write_entry(w, entry, nanoseconds, err);
  if (!result) result = entry->sparse ? tar_write_pieces(w, file, entry, err) : tar_write_file(w, file, entry->size, err);
  free(entry->segments);
  return result;
}

/* Whether the size that the kernel tells of a file says nothing about what can be read of it. */
static int is_made_while_read(int file, const struct stat *st) {
  struct statfs fs;
  if (st->st_blocks || fstatfs(file, &fs)) return 0;
  switch ((unsigned long) fs.f_type) {
  case PROC_SUPER_MAGIC:
  case SYSFS_MAGIC:
  case CGROUP_SUPER_MAGIC:
  case CGROUP2_SUPER_MAGIC: return 1;
  default: return 0;
  }
}

/* Bytes of such a file at most; those of whole address spaces have no end that anybody waits for. */
#define MADE_LIMIT (16 << 20)

/* Puts what can be read of such a file in its place, at most MADE_LIMIT bytes; what cannot be read, or is longer, counts as
   empty. Returns 0, or -1 with errno. */
static int keep_reading(int *file, off_t *size) {
  char buffer[1 << 14];
  ssize_t n;
  cleanup_close int copy = memfd_create("copy", MFD_CLOEXEC);
  if (copy < 0) return -1;
  for (*size = 0; (n = read(*file, buffer, sizeof buffer)) > 0 && *size <= MADE_LIMIT; *size += n) {
    if (write(copy, buffer, (size_t) n) != n) return -1;
  }
  if (n < 0 || *size > MADE_LIMIT) *size = 0;
  if (lseek(copy, 0, SEEK_SET) < 0) return -1;
  close(*file);
  *file = steal_fd(&copy);
  return 0;
}

int tar_put_node(struct tar_writer *w, struct link_table *links, int directory, const char *name, const struct stat *st,
                 const char *stored, int nanoseconds, struct error *err) {
  /* Not on the stack, which deep directories need; this program has one thread. */
  static struct xattrs xattrs;
  static char link[TAR_PATH_LIMIT + 1], slashed[TAR_PATH_LIMIT + 2];
  struct tar_entry entry = {
      .path = stored,
      .mode = st->st_mode & 07777,
      .uid = st->st_uid,
      .gid = st->st_gid,
      .mtime = st->st_mtim.tv_sec,
      .mtime_ns = (uint32_t) st->st_mtim.tv_nsec,
      .size = (uint64_t) st->st_size,
  };
  if (type_of(st, &entry.type)) return 0;
  if (strlen(stored) > TAR_PATH_LIMIT) return fail(err, "read", ENAMETOOLONG, "%.100s...", stored);
  cleanup_close int file = -1;
  if (entry.type == TAR_DIRECTORY && (!*stored || stored[strlen(stored) - 1] != '/')) {
    snprintf(slashed, sizeof slashed, "%s/", stored);
    entry.path = slashed;
  } else if (entry.type == TAR_SYMLINK) {
    ssize_t n = readlinkat(directory, name, link, sizeof link - 1);
    if (n < 0) return errno == ENOENT ? 0 : fail(err, "read", errno, "%.200s", stored);
    link[n] = 0;
    entry.link = link;
  } else if (entry.type == TAR_CHAR || entry.type == TAR_BLOCK) {
    entry.major = major(st->st_rdev);
    entry.minor = minor(st->st_rdev);
  }
  if (links && st->st_nlink > 1 && entry.type != TAR_DIRECTORY) {
    const char *before = link_table_first_name(links, st, stored);
    if (before) {
      entry.type = TAR_HARDLINK;
      entry.link = before;
      return tar_write_entry(w, &entry, nanoseconds, err);
    }
  }
  if (entry.type == TAR_FILE) {
    struct stat now;
    file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0 && (errno == ENOENT || errno == ELOOP)) return 0;
    if (file < 0 || fstat(file, &now)) return fail(err, "read", errno, "%.200s", stored);
    if (!S_ISREG(now.st_mode)) return 0;
    if (is_made_while_read(file, &now) && keep_reading(&file, &now.st_size) < 0)
      return fail(err, "read", errno, "%.200s", stored);
    entry.size = (uint64_t) now.st_size;
  }
  read_xattrs(&xattrs, directory, name);
  entry.xattrs = xattrs.list;
  entry.xattr_count = xattrs.count;
  return entry.type == TAR_FILE ? put_file(w, &entry, file, nanoseconds, err) : tar_write_entry(w, &entry, nanoseconds, err);
}

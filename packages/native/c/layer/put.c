/* Unpacks an archive into a container's root. Every name is resolved by the kernel inside that root, whatever symbolic links
   are there or are made meanwhile; the last component is never followed. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/inroot.h"
#include "layer/archive.h"
#include "layer/layer.h"
#include "layer/tar/tar.h"

/* Directories get their times at the end, when nothing is put into them any more. */
struct later {
  struct later *next;
  struct timespec mtime;
  char path[];
};

struct put {
  int root, keep_kinds;
  int whole;                /* the archive says how the directory itself is, too */
  const struct user *owner; /* of everything, or NULL: who the archive says */
  char base[PATH_MAX];      /* the directory, without a slash at its end */
  int file;                 /* the file whose bytes come */
  char path[PATH_MAX];
  struct tar_entry entry; /* its attributes; the segments are kept apart */
  struct tar_segment *segments;
  size_t segment, segment_done;
  struct later *later;
};

static int put_fail(struct put *put, struct error *err) {
  return fail(err, "unpack", errno, "%.300s", put->path);
}

static int join(struct put *put, const char *name, char out[PATH_MAX], struct error *err) {
  /* Names with "..", at the start too, are resolved as text, as dockerd does, and must stay in the directory. */
  size_t base = strlen(put->base), length = base;
  memcpy(out, put->base, base + 1);
  for (const char *at = name; *at;) {
    at += strspn(at, "/");
    size_t n = strcspn(at, "/");
    if (!n) break;
    if (n == 2 && at[0] == '.' && at[1] == '.') {
      if (length == base)
        return fail(err, "unpack", 0, "\"%.200s\" is outside of \"%.200s\"", name, *put->base ? put->base : "/");
      while (out[--length] != '/') {}
      out[length] = 0;
    } else if (n != 1 || *at != '.') {
      if (length + n + 2 > PATH_MAX || n > NAME_MAX) return fail(err, "unpack", ENAMETOOLONG, "%.60s...", name);
      out[length++] = '/';
      memcpy(out + length, at, n);
      length += n;
      out[length] = 0;
    }
    at += n;
  }
  return 0;
}

static int clear_place(struct put *put, int parent, const char *name, const struct tar_entry *entry, int *kept,
                       struct error *err) {
  struct stat st;
  *kept = 0;
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT ? 0 : put_fail(put, err);
  int is = S_ISDIR(st.st_mode), will_be = entry->type == TAR_DIRECTORY;
  const char *base = *put->base ? put->base : "/";
  if (put->keep_kinds && is && !will_be)
    return fail(err, "unpack", 0, "cannot overwrite directory \"%.200s\" with non-directory \"%.200s\"", put->path, base);
  if (put->keep_kinds && !is && will_be)
    return fail(err, "unpack", 0, "cannot overwrite non-directory \"%.200s\" with directory \"%.200s\"", put->path, base);
  if (is && will_be) {
    *kept = 1;
    return 0;
  }
  if (!unlinkat(parent, name, 0)) return 0;
  if (errno != EISDIR) return fail(err, "unpack", errno, "unlinkat %.300s", put->path);
  int directory = openat(parent, name, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
  if (directory < 0) return put_fail(put, err);
  if (layer_empty_directory(directory, err)) return -1;
  return unlinkat(parent, name, AT_REMOVEDIR) ? put_fail(put, err) : 0;
}

static int set_xattrs(struct put *put, const char *name, int parent, const struct tar_entry *entry, struct error *err) {
  /* There is no setxattrat before Linux 6.13, and /proc may be another namespace's here. */
  if (!entry->xattr_count) return 0;
  if (fchdir(parent)) return put_fail(put, err);
  for (size_t i = 0; i < entry->xattr_count; i++) {
    const struct tar_xattr *x = &entry->xattrs[i];
    if (strncmp(x->name, "trusted.overlay.", 16) && lsetxattr(name, x->name, x->value, x->size, 0) && errno != ENOTSUP &&
        errno != EPERM && errno != ENOENT)
      return put_fail(put, err);
  }
  return 0;
}

static int describe(struct put *put, int parent, const char *name, const struct tar_entry *e, struct error *err) {
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = e->mtime, .tv_nsec = e->mtime_ns}};
  times[0] = times[1];
  /* The owner first: a change of it clears set-id bits and capabilities. */
  if (fchownat(parent, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) ||
      (e->type != TAR_SYMLINK && inroot_set_mode(parent, name, e->mode)))
    return put_fail(put, err);
  if (set_xattrs(put, name, parent, e, err)) return -1;
  return e->type != TAR_DIRECTORY && utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) ? put_fail(put, err) : 0;
}

static int remember_directory(struct put *put, const struct tar_entry *entry, struct error *err) {
  size_t size = strlen(put->path) + 1;
  struct later *later = malloc(sizeof *later + size);
  if (!later) return fail(err, "memory", ENOMEM, "archive");
  later->mtime = (struct timespec){.tv_sec = entry->mtime, .tv_nsec = entry->mtime_ns};
  memcpy(later->path, put->path, size);
  later->next = put->later;
  put->later = later;
  return 0;
}

static int make_link(struct put *put, int parent, const char *name, const struct tar_entry *entry, struct error *err) {
  char target[PATH_MAX], buffer[PATH_MAX];
  const char *target_name;
  if (join(put, entry->link, target, err)) return -1;
  cleanup_close int directory = inroot_parent(put->root, target, buffer, sizeof buffer, &target_name);
  return directory < 0 || linkat(directory, target_name, parent, name, 0) ? put_fail(put, err) : 0;
}

static int make_file(struct put *put, int parent, const char *name, const struct tar_entry *entry, struct error *err) {
  put->file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (put->file < 0) return put_fail(put, err);
  put->entry = *entry;
  put->segment = put->segment_done = 0;
  free(put->segments);
  put->segments = NULL;
  if (entry->sparse && entry->segment_count) {
    put->segments = malloc(entry->segment_count * sizeof *put->segments);
    if (!put->segments) return fail(err, "memory", ENOMEM, "archive");
    memcpy(put->segments, entry->segments, entry->segment_count * sizeof *put->segments);
  }
  if (entry->sparse && ftruncate(put->file, (off_t) entry->size)) return put_fail(put, err);
  return fchown(put->file, entry->uid, entry->gid) || fchmod(put->file, entry->mode) ? put_fail(put, err) : 0;
}

static int on_entry(void *data, const struct tar_entry *given, struct error *err) {
  struct put *put = data;
  struct tar_entry owned = *given;
  const struct tar_entry *entry = &owned;
  char buffer[PATH_MAX];
  const char *name;
  int kept;
  if (put->owner) {
    owned.uid = put->owner->uid;
    owned.gid = put->owner->gid;
  }
  if (join(put, entry->path, put->path, err)) return -1;
  if (!strcmp(put->path, put->base)) {
    /* The directory itself is there and, as a rule, stays as it is. */
    if (entry->type == TAR_DIRECTORY && put->whole)
      return remember_directory(put, entry, err) || describe(put, put->root, ".", entry, err) ? -1 : 0;
    return entry->type == TAR_DIRECTORY ? 0 : fail(err, "unpack", EISDIR, "%.300s", *put->path ? put->path : "/");
  }
  cleanup_close int parent = inroot_parent(put->root, put->path, buffer, sizeof buffer, &name);
  if (parent < 0) return put_fail(put, err);
  /* inroot_parent's is for looking; names are removed through one that can be read. */
  cleanup_close int directory = openat(parent, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (directory < 0) return put_fail(put, err);
  if (clear_place(put, directory, name, entry, &kept, err)) return -1;
  int made = 0;
  switch (entry->type) {
  case TAR_FILE: return make_file(put, directory, name, entry, err);
  case TAR_HARDLINK: return make_link(put, directory, name, entry, err);
  case TAR_DIRECTORY:
    made = kept ? 0 : mkdirat(directory, name, 0700);
    if (remember_directory(put, entry, err)) return -1;
    break;
  case TAR_SYMLINK: made = symlinkat(entry->link, directory, name); break;
  case TAR_FIFO: made = mkfifoat(directory, name, entry->mode); break;
  default:
    made = mknodat(directory, name, (entry->type == TAR_CHAR ? S_IFCHR : S_IFBLK) | entry->mode,
                   makedev(entry->major, entry->minor));
  }
  return made ? put_fail(put, err) : describe(put, directory, name, entry, err);
}

static int write_all(struct put *put, const char *bytes, size_t size, off_t at, struct error *err) {
  while (size) {
    ssize_t n = at < 0 ? write(put->file, bytes, size) : pwrite(put->file, bytes, size, at);
    if (n < 0 && errno != EINTR) return put_fail(put, err);
    if (n > 0) bytes += n, size -= (size_t) n, at += at < 0 ? 0 : n;
  }
  return 0;
}

static int on_bytes(void *data, const void *bytes, size_t size, struct error *err) {
  struct put *put = data;
  if (put->file < 0) return 0;
  if (!put->entry.sparse) return write_all(put, bytes, size, -1, err);
  for (const char *at = bytes; size && put->segment < put->entry.segment_count;) {
    struct tar_segment *s = &put->segments[put->segment];
    size_t n = s->size - put->segment_done < size ? (size_t) (s->size - put->segment_done) : size;
    if (write_all(put, at, n, (off_t) (s->offset + put->segment_done), err)) return -1;
    at += n, size -= n, put->segment_done += n;
    if (put->segment_done == s->size) put->segment++, put->segment_done = 0;
  }
  return 0;
}

static int on_end(void *data, struct error *err) {
  struct put *put = data;
  struct timespec times[2] = {{.tv_sec = put->entry.mtime, .tv_nsec = put->entry.mtime_ns}};
  times[1] = times[0];
  int bad = 0;
  /* After the last byte: writing takes capabilities away. The parser keeps the attributes until then. */
  for (size_t i = 0; put->file >= 0 && !bad && i < put->entry.xattr_count; i++) {
    const struct tar_xattr *x = &put->entry.xattrs[i];
    bad = strncmp(x->name, "trusted.overlay.", 16) && fsetxattr(put->file, x->name, x->value, x->size, 0) && errno != ENOTSUP &&
          errno != EPERM;
  }
  bad = bad || (put->file >= 0 && futimens(put->file, times));
  if (put->file >= 0) close(put->file);
  put->file = -1;
  return bad ? put_fail(put, err) : 0;
}

static int take_all(struct tar_parser *parser, struct error *err) {
  cleanup_free char *buffer = malloc(1 << 18);
  if (!buffer) return fail(err, "memory", ENOMEM, "archive");
  for (;;) {
    ssize_t n = read(STDIN_FILENO, buffer, 1 << 18);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(err, "read", errno, "archive");
    if (!n) return tar_parser_finish(parser, err);
    if (tar_parser_feed(parser, buffer, (size_t) n, err)) return -1;
  }
}

static void set_directory_times(struct put *put) {
  for (struct later *l = put->later, *next; l; l = next) {
    struct timespec times[2] = {l->mtime, l->mtime};
    cleanup_close int fd = inroot_open(put->root, *l->path ? l->path : "/", O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC,
                                       INROOT_FOLLOW);
    if (fd >= 0) futimens(fd, times);
    next = l->next;
    free(l);
  }
}

static int unpack(int root, const char *path, int keep_kinds, int whole, const struct user *owner, struct error *err) {
  struct put *put = calloc(1, sizeof *put);
  struct tar_handler handler = {.entry = on_entry, .bytes = on_bytes, .end = on_end, .data = put};
  struct tar_parser *parser = tar_parser_new(&handler);
  if (!put || !parser) return fail(err, "memory", ENOMEM, "archive");
  put->root = root;
  put->file = -1;
  put->keep_kinds = keep_kinds;
  put->whole = whole;
  put->owner = owner;
  cleanup_close int directory = inroot_open(root, path, O_PATH | O_CLOEXEC, INROOT_FOLLOW);
  struct stat st;
  int result;
  if (directory < 0 || fstat(directory, &st))
    result = fail(err, errno == ENOENT ? "not-found" : "unpack", errno, "lstat %.300s", path);
  else if (!S_ISDIR(st.st_mode))
    result = fail(err, "unpack", 0, "extraction point is not a directory");
  else {
    snprintf(put->base, sizeof put->base, "%s", path);
    for (size_t n = strlen(put->base);
         n && (put->base[n - 1] == '/' || (put->base[n - 1] == '.' && (n == 1 || put->base[n - 2] == '/')));)
      put->base[--n] = 0;
    result = take_all(parser, err);
    set_directory_times(put);
  }
  tar_parser_free(parser);
  free(put->segments);
  free(put);
  return result;
}

int layer_put(int root, const char *path, int keep_kinds, const struct user *owner, struct error *err) {
  return unpack(root, path, keep_kinds, 0, owner, err);
}

int layer_put_whole(int directory, struct error *err) {
  return unpack(directory, "/", 0, 1, NULL, err);
}

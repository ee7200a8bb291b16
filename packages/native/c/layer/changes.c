/* The changes of a container: its upper directory compared with the lower layers, as dockerd compares the two roots. Each
   change is told once, a directory before what is in it; `layer changes` prints them, `layer diff` makes a layer's tar of
   them. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/inroot.h"
#include "layer/layer.h"
#include "layer/mount.h"
#include "layer/tar/walk.h"

enum kind { MODIFIED, ADDED, DELETED };

struct compare {
  /* `directory` and `name` tell where the upper's file is (for a deletion: what shows it, whose time is used). */
  int (*tell)(struct compare *compare, enum kind kind, int directory, const char *name, const struct stat *st,
              struct error *err);
  char path[2 * TAR_PATH_LIMIT]; /* without a slash at its start */
  /* Directories on the way that were not told yet: they are when something in them is. */
  struct pending *pending;
  FILE *out;
  struct tar_writer writer;
  struct link_table *links;
  int first;
  int started; /* the container was: places of the engine may be there */
};

struct pending {
  struct pending *before;
  size_t length; /* of its path */
  int directory;
  const char *name;
  const struct stat *st;
  int told;
};

/* Places that the engine makes for its own mounts in a root without an init layer, that of a step of a build, say. They are no
   changes as long as they are as the engine makes them and the image has nothing there. A directory among them counts as
   changed once something in it is. */
static const struct {
  const char *path;
  mode_t type;
} init_mount_points[] = {
    {".dockerenv", S_IFREG},      {"dev", S_IFDIR},       {"dev/console", S_IFREG},
    {"dev/pts", S_IFDIR},         {"dev/shm", S_IFDIR},   {"etc", S_IFDIR},
    {"etc/hostname", S_IFREG},    {"etc/hosts", S_IFREG}, {"etc/mtab", S_IFLNK},
    {"etc/resolv.conf", S_IFREG}, {"proc", S_IFDIR},      {"sys", S_IFDIR},
};

static int init_mount_point(const char *path, const struct stat *st) {
  for (size_t i = 0; i < sizeof init_mount_points / sizeof *init_mount_points; i++)
    if (!strcmp(path, init_mount_points[i].path))
      return (st->st_mode & S_IFMT) == init_mount_points[i].type && (!S_ISREG(st->st_mode) || !st->st_size);
  return 0;
}

static int tell_pending(struct compare *c, struct pending *p, struct error *err) {
  if (!p || p->told) return 0;
  if (tell_pending(c, p->before, err)) return -1;
  p->told = 1;
  char kept = c->path[p->length];
  c->path[p->length] = 0;
  int result = c->tell(c, MODIFIED, p->directory, p->name, p->st, err);
  c->path[p->length] = kept;
  return result;
}

static int tell(struct compare *c, enum kind kind, int directory, const char *name, const struct stat *st, struct error *err) {
  return tell_pending(c, c->pending, err) || c->tell(c, kind, directory, name, st, err) ? -1 : 0;
}

static int same_time(const struct timespec *a, const struct timespec *b) {
  return a->tv_sec == b->tv_sec && (a->tv_nsec == b->tv_nsec || !a->tv_nsec || !b->tv_nsec);
}

static int same_capability(int upper, int lower, const char *name) {
  char a[64], b[64];
  ssize_t x = fchdir(upper) ? -1 : lgetxattr(name, "security.capability", a, sizeof a);
  ssize_t y = fchdir(lower) ? -1 : lgetxattr(name, "security.capability", b, sizeof b);
  return x < 0 || y < 0 ? x < 0 && y < 0 : x == y && !memcmp(a, b, (size_t) x);
}

static int different(int upper, int lower, const char *name, const struct stat *a, const struct stat *b) {
  if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid || a->st_rdev != b->st_rdev) return 1;
  /* Size and time of a directory say nothing. */
  if (!S_ISDIR(a->st_mode) && (!same_time(&a->st_mtim, &b->st_mtim) || a->st_size != b->st_size)) return 1;
  return !same_capability(upper, lower, name);
}

static int is_opaque(int directory) {
  char value;
  return fgetxattr(directory, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static int is_whiteout(const struct stat *st) {
  return S_ISCHR(st->st_mode) && !st->st_rdev;
}

static int compare_directory(struct compare *c, int upper, int lower, size_t length, struct error *err);

/* A name of the upper directory; lower < 0: nothing is below. */
static int compare_name(struct compare *c, int upper, int lower, const char *name, size_t length, struct error *err) {
  struct stat st, old;
  size_t n = strlen(name);
  if (length + n > TAR_PATH_LIMIT) return fail(err, "read", ENAMETOOLONG, "%.100s...", c->path);
  memcpy(c->path + length, name, n + 1);
  if (fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT ? 0 : fail(err, "read", errno, "/%.200s", c->path);
  /* A lone lower layer is mounted as it is, with whiteouts of nothing in it. */
  int below = lower >= 0 && !fstatat(lower, name, &old, AT_SYMLINK_NOFOLLOW) && !is_whiteout(&old);
  if (is_whiteout(&st)) return below ? tell(c, DELETED, upper, name, &st, err) : 0;
  /* A link of the image's gave way to a mount. */
  int gave_way = below && S_ISLNK(old.st_mode) && !S_ISLNK(st.st_mode);
  int own = c->started && (!below || gave_way) && init_mount_point(c->path, &st);
  if (own) below = 0;
  if (own && !S_ISDIR(st.st_mode)) return 0;
  struct pending pending = {.before = c->pending, .length = length + n, .directory = upper, .name = name, .st = &st};
  cleanup_close int sub = S_ISDIR(st.st_mode) ? openat(upper, name, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC) : -1;
  if (S_ISDIR(st.st_mode) && sub < 0) return errno == ENOENT ? 0 : fail(err, "read", errno, "/%.200s", c->path);
  if (!below && !own) {
    if (tell(c, ADDED, upper, name, &st, err)) return -1;
    pending.told = 1;
  } else if (below && different(upper, lower, name, &st, &old)) {
    if (tell(c, MODIFIED, upper, name, &st, err)) return -1;
    pending.told = 1;
  }
  if (sub < 0) return 0;
  cleanup_close int old_sub = below && S_ISDIR(old.st_mode)
                                  ? openat(lower, name, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC)
                                  : -1;
  c->path[length + n] = '/';
  c->path[length + n + 1] = 0;
  c->pending = &pending;
  int result = compare_directory(c, sub, old_sub, length + n + 1, err);
  c->pending = pending.before;
  c->path[length + n] = 0;
  return result;
}

static int has(const struct name_list *list, const char *name) {
  size_t low = 0, high = list->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    int order = strcmp(list->names[middle], name);
    if (!order) return 1;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return 0;
}

/* An opaque directory hides all that is below it and not in it. */
static int tell_hidden(struct compare *c, int upper, int lower, const struct name_list *names, size_t length,
                       struct error *err) {
  cleanup_names struct name_list old = {0};
  struct stat st;
  if (name_list_read(&old, lower, err)) return -1;
  if (fstat(upper, &st)) return fail(err, "read", errno, "/%.200s", c->path);
  for (size_t i = 0; i < old.count; i++) {
    size_t n = strlen(old.names[i]);
    if (has(names, old.names[i])) continue;
    if (length + n > TAR_PATH_LIMIT) return fail(err, "read", ENAMETOOLONG, "%.100s...", c->path);
    memcpy(c->path + length, old.names[i], n + 1);
    if (tell(c, DELETED, upper, ".", &st, err)) return -1;
  }
  return 0;
}

static int compare_directory(struct compare *c, int upper, int lower, size_t length, struct error *err) {
  cleanup_names struct name_list names = {0};
  if (name_list_read(&names, upper, err)) return -1;
  for (size_t i = 0; i < names.count; i++)
    if (compare_name(c, upper, lower, names.names[i], length, err)) return -1;
  return lower >= 0 && is_opaque(upper) ? tell_hidden(c, upper, lower, &names, length, err) : 0;
}

static int compare_all(struct compare *c, int argc, char **argv, struct error *err) {
  struct layer_root root = {0};
  root.argv = layer_rest(argc, argv, &root.argc);
  c->started = !strcmp(layer_option(argc, argv, "started", ""), "yes");
  /* Opened before the layers' stage hides the host's root. */
  cleanup_close int upper = layer_open_directory(layer_option(argc, argv, "upper", ""), err);
  if (upper < 0) return -1;
  cleanup_close int lower = layer_mount_lower(&root, err);
  return lower < 0 ? -1 : compare_directory(c, upper, lower, 0, err);
}

static int print_change(struct compare *c, enum kind kind, int directory, const char *name, const struct stat *st,
                        struct error *err) {
  fprintf(c->out, "%s{\"Path\":", c->first++ ? ",\n" : "");
  char slashed[2 * TAR_PATH_LIMIT + 1];
  snprintf(slashed, sizeof slashed, "/%s", c->path);
  json_string(c->out, slashed);
  fprintf(c->out, ",\"Kind\":%d}", kind);
  return ferror(c->out) ? fail(err, "write", errno, "changes") : 0;
}

/* stdout: [{"Path","Kind"}...] */
int layer_changes(int argc, char **argv) {
  struct error err = {0};
  struct compare *c = calloc(1, sizeof *c);
  if (!c && fail(&err, "memory", ENOMEM, "changes")) return layer_report_error(&err);
  c->tell = print_change;
  c->out = stdout;
  putchar('[');
  int result = compare_all(c, argc, argv, &err);
  free(c);
  if (!result && (puts("]") < 0 || fflush(stdout))) result = fail(&err, "write", errno, "changes");
  return result ? layer_report_error(&err) : 0;
}

static int write_change(struct compare *c, enum kind kind, int directory, const char *name, const struct stat *st,
                        struct error *err) {
  if (kind != DELETED) return tar_put_node(&c->writer, c->links, directory, name, st, c->path, 0, err);
  char stored[2 * TAR_PATH_LIMIT + 8];
  const char *slash = strrchr(c->path, '/');
  size_t before = slash ? (size_t) (slash + 1 - c->path) : 0;
  snprintf(stored, sizeof stored, "%.*s.wh.%s", (int) before, c->path, c->path + before);
  struct tar_entry entry = {.path = stored, .type = TAR_FILE, .mode = 0600, .mtime = st->st_mtim.tv_sec};
  return tar_write_entry(&c->writer, &entry, 0, err);
}

/* stdout: the layer's tar */
int layer_diff(int argc, char **argv) {
  struct error err = {0};
  struct compare *c = calloc(1, sizeof *c);
  if (!c && fail(&err, "memory", ENOMEM, "diff")) return layer_report_error(&err);
  c->tell = write_change;
  c->links = link_table_new();
  int result = c->links ? tar_writer_open(&c->writer, STDOUT_FILENO, &err) : fail(&err, "memory", ENOMEM, "diff");
  if (!result) result = compare_all(c, argc, argv, &err) || tar_write_end(&c->writer, &err);
  tar_writer_close(&c->writer);
  link_table_free(c->links);
  free(c);
  return result ? layer_report_error(&err) : 0;
}

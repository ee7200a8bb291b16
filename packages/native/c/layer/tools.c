/* The small verbs of `layer`: entries, size, remove, probe. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "layer/layer.h"
#include "layer/mount.h"
#include "layer/tar/tar.h"

#define DEPTH_LIMIT 2048 /* directories within directories: a path of single letters */
#define REMOVE_DEPTH 128 /* directories deeper than this are moved up before they are removed */

/* One line of JSON per member, as it stands in the archive. */
static int print_entry(void *data, const struct tar_entry *entry, struct error *err) {
  static const char *const types[] = {
      [TAR_FILE] = "file",    [TAR_HARDLINK] = "hardlink",   [TAR_SYMLINK] = "symlink", [TAR_CHAR] = "device",
      [TAR_BLOCK] = "device", [TAR_DIRECTORY] = "directory", [TAR_FIFO] = "fifo",
  };
  FILE *out = data;
  fprintf(out, "{\"path\":");
  json_string(out, entry->path);
  fprintf(out, ",\"type\":\"%s\",\"size\":%llu,\"mode\":%u", types[entry->type], (unsigned long long) entry->size, entry->mode);
  if (entry->type == TAR_HARDLINK || entry->type == TAR_SYMLINK) {
    fprintf(out, ",\"target\":");
    json_string(out, entry->link);
  }
  fprintf(out, "}\n");
  return ferror(out) ? fail(err, "write", errno, "entries") : 0;
}

static int read_entries(int fd, struct tar_parser *parser, struct error *err) {
  cleanup_free char *buffer = malloc(1 << 16);
  if (!buffer) return fail(err, "memory", ENOMEM, "entries");
  for (;;) {
    ssize_t n = read(fd, buffer, 1 << 16);
    if (n < 0) return fail(err, "read", errno, "layer");
    if (!n) return tar_parser_finish(parser, err);
    if (tar_parser_feed(parser, buffer, (size_t) n, err)) return -1;
    uint64_t skip;
    while ((skip = tar_parser_skippable(parser))) {
      if (lseek(fd, (off_t) skip, SEEK_CUR) < 0) return fail(err, "read", errno, "layer");
      tar_parser_skip(parser, skip);
    }
  }
}

/* stdin: the tar. stdout: its members. */
int layer_entries(int argc, char **argv) {
  struct error err = {0};
  struct tar_handler handler = {.entry = print_entry, .data = stdout};
  struct tar_parser *parser = tar_parser_new(&handler);
  int result = parser ? read_entries(0, parser, &err) : fail(&err, "memory", ENOMEM, "entries");
  tar_parser_free(parser);
  if (!result && fflush(stdout)) result = fail(&err, "write", errno, "entries");
  return result ? layer_report_error(&err) : 0;
}

/* Inodes of several names that were counted. */
struct seen {
  struct {
    dev_t dev;
    ino_t ino;
  } * slots;
  size_t size, used;
};

static int seen_before(struct seen *seen, const struct stat *st) {
  if (seen->used * 2 >= seen->size) {
    struct seen grown = {.size = seen->size ? seen->size * 2 : 1024};
    grown.slots = calloc(grown.size, sizeof *grown.slots);
    if (!grown.slots) return 0;
    for (size_t i = 0; i < seen->size; i++) {
      struct stat old = {.st_dev = seen->slots[i].dev, .st_ino = seen->slots[i].ino};
      if (old.st_ino) seen_before(&grown, &old);
    }
    free(seen->slots);
    *seen = grown;
  }
  size_t at = (size_t) (st->st_ino * 0x9e3779b97f4a7c15ull >> 20) & (seen->size - 1);
  for (; seen->slots[at].ino; at = (at + 1) & (seen->size - 1))
    if (seen->slots[at].ino == st->st_ino && seen->slots[at].dev == st->st_dev) return 1;
  seen->slots[at].ino = st->st_ino;
  seen->slots[at].dev = st->st_dev;
  seen->used++;
  return 0;
}

/* Takes the fd over. What lies deeper than any path can name is not counted. */
static uint64_t size_below(int directory, unsigned depth, struct seen *seen) {
  uint64_t total = 0;
  cleanup_dir DIR *dir = fdopendir(directory);
  if (!dir) {
    close(directory);
    return 0;
  }
  for (struct dirent *d; (d = readdir(dir));) {
    struct stat st;
    if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") || fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW))
      continue;
    if (S_ISDIR(st.st_mode)) {
      int sub = depth < DEPTH_LIMIT ? openat(dirfd(dir), d->d_name, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC) : -1;
      total += sub >= 0 ? size_below(sub, depth + 1, seen) : 0;
    } else if (st.st_nlink < 2 || !seen_before(seen, &st)) {
      total += (uint64_t) st.st_size;
    }
  }
  return total;
}

/* As dockerd counts a layer: what stat says of all but directories, hard links once. */
static void report_size(const char *path) {
  struct seen seen = {0};
  int directory = open(path, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
  if (directory < 0)
    fprintf(layer_report(), "-%d", errno);
  else
    fprintf(layer_report(), "%llu", (unsigned long long) size_below(directory, 0, &seen));
  free(seen.slots);
}

/* The sizes of the directories that stand behind "--", in their order; of one that cannot be read, the errno as a negative. */
int layer_size(int argc, char **argv) {
  int count;
  char **directories = layer_rest(argc, argv, &count);
  fprintf(layer_report(), "{\"sizes\":[");
  for (int i = 0; i < count; i++) {
    fprintf(layer_report(), "%s", i ? "," : "");
    report_size(directories[i]);
  }
  fprintf(layer_report(), "]}\n");
  return fflush(layer_report()) ? 1 : 0;
}

static int remove_name(int directory, const char *name) {
  if (!unlinkat(directory, name, 0)) return 0;
  return errno == EISDIR || errno == EPERM ? unlinkat(directory, name, AT_REMOVEDIR) : -1;
}

static void clear_flags(int fd) {
  int none = 0;
  ioctl(fd, FS_IOC_SETFLAGS, &none);
}

/* A removal: a tree may be deeper than there are descriptors, so deep directories are moved to the top and done later. */
struct removal {
  int top;
  unsigned moved;
};

static int empty(struct removal *removal, int directory, unsigned depth, struct error *err);

static int move_up(struct removal *removal, int directory, const char *name) {
  char place[32];
  for (int tries = 0; tries < 1000; tries++) {
    snprintf(place, sizeof place, ".deep-%u", removal->moved++);
    if (!renameat2(directory, name, removal->top, place, RENAME_NOREPLACE)) return 0;
    if (errno != EEXIST) return -1; /* an overlay does not move all directories */
  }
  return -1;
}

/* A helper that makes a layer durable may still put its mark into the directory meanwhile. */
#define TRIES 5

static int remove_entry(struct removal *removal, int directory, const char *name, unsigned depth, struct error *err) {
  for (int tries = 0; remove_name(directory, name); tries++) {
    if (errno == ENOENT) return 0;
    if (tries == TRIES) return fail(err, "remove", errno, "%.200s", name);
    int fd = openat(directory, name, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      cleanup_close int file = openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
      if (file >= 0) clear_flags(file);
      continue;
    }
    clear_flags(fd);
    if (depth >= REMOVE_DEPTH && removal->top != directory && !move_up(removal, directory, name)) {
      close(fd);
      return 0;
    }
    if (empty(removal, fd, depth + 1, err)) return -1;
  }
  return 0;
}

/* Takes the fd over. */
static int empty(struct removal *removal, int directory, unsigned depth, struct error *err) {
  cleanup_dir DIR *dir = fdopendir(directory);
  if (!dir) {
    close(directory);
    return fail(err, "remove", errno, "folder");
  }
  if (depth > DEPTH_LIMIT) return fail(err, "remove", ELOOP, "folder");
  for (struct dirent *d; (d = readdir(dir));) {
    if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) continue;
    if (remove_entry(removal, dirfd(dir), d->d_name, depth, err)) return -1;
  }
  return 0;
}

/* Takes the fd over. */
int layer_empty_directory(int directory, struct error *err) {
  struct removal removal = {.top = directory};
  for (unsigned before = ~0u; before != removal.moved;) {
    before = removal.moved;
    int again = openat(directory, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (again < 0 || empty(&removal, again, 0, err)) {
      int status = errno;
      close(directory);
      return again < 0 ? fail(err, "remove", status, "folder") : -1;
    }
  }
  close(directory);
  return 0;
}

/* Removes all that is in the directory `--directory`. */
int layer_empty(int argc, char **argv) {
  struct error err = {0};
  int fd = open(layer_option(argc, argv, "folder", ""), O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
  if (fd < 0 && fail(&err, "remove", errno, "trash")) return layer_report_error(&err);
  return layer_empty_directory(fd, &err) ? layer_report_error(&err) : 0;
}

/* Whether this kernel mounts the EROFS image `--image` with the device `--device`: status 0 when it does. */
int layer_probe(int argc, char **argv) {
  struct error err = {0};
  cleanup_close int mount = layer_mount_erofs(layer_option(argc, argv, "image", ""), layer_option(argc, argv, "device", NULL),
                                              &err);
  return mount < 0 ? layer_report_error(&err) : 0;
}

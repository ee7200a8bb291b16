#include "layer/tar/walk.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *) a, *(char *const *) b);
}

void name_list_free(struct name_list *list) {
  for (size_t i = 0; i < list->count; i++) free(list->names[i]);
  free(list->names);
  *list = (struct name_list){0};
}

int name_list_read(struct name_list *list, int directory, struct error *err) {
  size_t room = 0;
  int own = openat(directory, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  cleanup_dir DIR *dir = own < 0 ? NULL : fdopendir(own);
  if (!dir) return fail(err, "read", errno, "folder");
  for (struct dirent *d; errno = 0, (d = readdir(dir));) {
    if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) continue;
    if (list->count == room) {
      room = room ? room * 2 : 32;
      char **grown = realloc(list->names, room * sizeof *grown);
      if (!grown) return fail(err, "memory", ENOMEM, "folder");
      list->names = grown;
    }
    char *name = strdup(d->d_name);
    if (!name) return fail(err, "memory", ENOMEM, "folder");
    list->names[list->count++] = name;
  }
  if (errno) return fail(err, "read", errno, "folder");
  if (list->count > 0) qsort(list->names, list->count, sizeof *list->names, by_bytes);
  return 0;
}

struct link {
  dev_t dev;
  ino_t ino;
  char *stored;
};

struct link_table {
  struct link *slots;
  size_t size, used;
};

struct link_table *link_table_new(void) {
  return calloc(1, sizeof(struct link_table));
}

void link_table_free(struct link_table *table) {
  for (size_t i = 0; table && i < table->size; i++) free(table->slots[i].stored);
  if (table) free(table->slots);
  free(table);
}

static struct link *slot_of(struct link_table *table, dev_t dev, ino_t ino) {
  size_t at = (size_t) ((ino ^ dev << 40) * 0x9e3779b97f4a7c15ull >> 16) & (table->size - 1);
  while (table->slots[at].stored && (table->slots[at].ino != ino || table->slots[at].dev != dev))
    at = (at + 1) & (table->size - 1);
  return &table->slots[at];
}

const char *link_table_first_name(struct link_table *table, const struct stat *st, const char *stored) {
  if (table->used * 2 >= table->size) {
    struct link_table grown = {.size = table->size ? table->size * 2 : 256, .used = table->used};
    grown.slots = calloc(grown.size, sizeof *grown.slots);
    if (!grown.slots) return NULL;
    for (size_t i = 0; i < table->size; i++)
      if (table->slots[i].stored) *slot_of(&grown, table->slots[i].dev, table->slots[i].ino) = table->slots[i];
    free(table->slots);
    *table = grown;
  }
  struct link *slot = slot_of(table, st->st_dev, st->st_ino);
  if (slot->stored) return slot->stored;
  *slot = (struct link){.dev = st->st_dev, .ino = st->st_ino, .stored = strdup(stored)};
  table->used += slot->stored != NULL;
  return NULL;
}

struct walker {
  struct tar_writer *writer;
  struct link_table *links;
  int nanoseconds;
  char path[2 * TAR_PATH_LIMIT];
};

/* Whether a directory is of a file system that shows the kernel's state: its files are of no size that is true, some can't be
   read at all, and none is the container's. */
static int shows_kernel(int directory) {
  struct statfs fs;
  if (fstatfs(directory, &fs)) return 0;
  switch ((unsigned long) fs.f_type) {
  case PROC_SUPER_MAGIC:
  case SYSFS_MAGIC:
  case CGROUP_SUPER_MAGIC:
  case CGROUP2_SUPER_MAGIC:
  case DEVPTS_SUPER_MAGIC:
  case DEBUGFS_MAGIC:
  case TRACEFS_MAGIC:
  case SECURITYFS_MAGIC: return 1;
  default: return 0;
  }
}

/* How deep it goes is limited by the length of a path. Mounts that show the kernel's state are empty directories, as in
   dockerd's archives. */
static int walk_directory(struct walker *walker, int directory, size_t length, struct error *err) {
  cleanup_names struct name_list names = {0};
  if (shows_kernel(directory)) return 0;
  if (name_list_read(&names, directory, err)) return -1;
  for (size_t i = 0; i < names.count; i++) {
    struct stat st;
    const char *name = names.names[i];
    size_t n = strlen(name);
    if (length + n > TAR_PATH_LIMIT) return fail(err, "read", ENAMETOOLONG, "%.100s...", walker->path);
    memcpy(walker->path + length, name, n + 1);
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW)) {
      if (errno == ENOENT) continue;
      return fail(err, "read", errno, "%.200s", walker->path);
    }
    if (tar_put_node(walker->writer, walker->links, directory, name, &st, walker->path, walker->nanoseconds, err)) return -1;
    if (!S_ISDIR(st.st_mode)) continue;
    cleanup_close int sub = openat(directory, name, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
    if (sub < 0 && errno == ENOENT) continue;
    if (sub < 0) return fail(err, "read", errno, "%.200s", walker->path);
    walker->path[length + n] = '/';
    walker->path[length + n + 1] = 0;
    if (walk_directory(walker, sub, length + n + 1, err)) return -1;
  }
  return 0;
}

int tar_walk(struct tar_writer *writer, int directory, const struct tar_walk *walk, struct error *err) {
  struct walker *walker = calloc(1, sizeof *walker);
  if (!walker) return fail(err, "memory", ENOMEM, "archive");
  walker->writer = writer;
  walker->links = link_table_new();
  walker->nanoseconds = walk->nanoseconds;
  struct stat st;
  size_t length = (size_t) snprintf(walker->path, TAR_PATH_LIMIT, "%s", walk->prefix);
  int result = walker->links ? 0 : fail(err, "memory", ENOMEM, "archive");
  if (!result && fstat(directory, &st)) result = fail(err, "read", errno, "%.200s", walk->prefix);
  if (!result && walk->include_root)
    result = tar_put_node(writer, NULL, directory, ".", &st, walker->path, walk->nanoseconds, err);
  if (walk->rooted || length) {
    walker->path[length++] = '/';
    walker->path[length] = 0;
  }
  if (!result) result = walk_directory(walker, directory, length, err);
  link_table_free(walker->links);
  free(walker);
  return result;
}

int tar_walk_one(struct tar_writer *writer, int directory, const char *name, const char *stored, struct error *err) {
  struct stat st;
  if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW)) return fail(err, "read", errno, "%.200s", stored);
  return tar_put_node(writer, NULL, directory, name, &st, stored, 0, err);
}

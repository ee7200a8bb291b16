#include "layer/tree/tree.h"

#include <stdlib.h>
#include <string.h>

#include "layer/tree/nodes.h"

#define LINK_LIMIT 40 /* symbolic links on one path, as the kernel has it */

/* A name of the directory becomes (another) directory. One that was a whiteout still hides what is below. */
static struct node *make_directory(struct tree *tree, struct node *directory, struct name *n, const char *text, size_t length,
                                   struct error *err) {
  struct node *made = tree_new_directory(tree, directory, err);
  if (!made) return NULL;
  if (n) {
    made->opaque = n->node->whiteout;
    n->node = made;
    return made;
  }
  return tree_add_name(tree, directory, text, length, made, err) ? made : NULL;
}

struct place {
  struct node *directory;
  const char *text; /* in `rest` of the walk; length 0: the root itself, or a path that ends in ".." */
  size_t length;
};

static int component_ok(const char *text, size_t length, struct error *err) {
  if (length > 255) return fail(err, "tar", ENAMETOOLONG, "%.60s...", text);
  return 0;
}

/* Finds the directory that holds the last component, following symbolic links inside the tree and, with `create`, making
   what is missing. `walk` (2 * TAR_PATH_LIMIT + 2 bytes) holds the text of the place. 1: not there. */
static int resolve(struct tree *tree, const char *path, int create, char *walk, struct place *place, struct error *err) {
  struct node *at = tree->root;
  int links = 0;
  size_t size = strlen(path);
  if (size > TAR_PATH_LIMIT) return fail(err, "tar", ENAMETOOLONG, "%.60s...", path);
  memcpy(walk, path, size + 1);
  char *rest = walk;
  *place = (struct place){.directory = at};
  while (*rest) {
    while (*rest == '/') rest++;
    size_t length = strcspn(rest, "/");
    char *after = rest + length;
    while (*after == '/' || (after[0] == '.' && after[-1] == '/' && (after[1] == '/' || !after[1]))) after++;
    if (!length) break;
    if (component_ok(rest, length, err)) return -1;
    if (length == 1 && *rest == '.') {
      rest = after;
      continue;
    }
    if (length == 2 && rest[0] == '.' && rest[1] == '.') {
      /* Above the root is the root, as in a chroot. */
      at = at->parent;
      *place = (struct place){.directory = at};
      rest = after;
      continue;
    }
    *place = (struct place){.directory = at, .text = rest, .length = length};
    if (!*after) return 0;
    struct name *n = tree_find(tree, at, rest, length);
    if (n && n->node->type == TAR_SYMLINK) {
      if (++links > LINK_LIMIT) return fail(err, "tar", ELOOP, "%.200s", path);
      const char *target = n->node->link;
      size_t target_size = strlen(target), after_size = strlen(after);
      if (target_size + 1 + after_size > 2 * TAR_PATH_LIMIT) return fail(err, "tar", ENAMETOOLONG, "%.200s", path);
      memmove(walk + target_size + 1, after, after_size + 1);
      memcpy(walk, target, target_size);
      walk[target_size] = '/';
      rest = walk;
      if (*target == '/') at = tree->root;
      *place = (struct place){.directory = at};
      continue;
    }
    if (!n || n->node->whiteout) {
      if (!create) return 1;
      at = make_directory(tree, at, n, rest, length, err);
      if (!at) return -1;
    } else if (n->node->type == TAR_DIRECTORY) {
      at = n->node;
    } else {
      return fail(err, "tar", ENOTDIR, "%.200s", path);
    }
    *place = (struct place){.directory = at};
    rest = after;
  }
  return 0;
}

/* Overlayfs acts on these; only this program may set them. */
static int xattr_allowed(const char *name) {
  static const char *const refused[] = {"trusted.overlay.", "user.overlay."};
  static const char *const kept[] = {"user.", "trusted.", "security.", "system.posix_acl_access", "system.posix_acl_default"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (!strncmp(name, refused[i], strlen(refused[i]))) return 0;
  for (size_t i = 0; i < 3; i++)
    if (!strncmp(name, kept[i], strlen(kept[i])) && name[strlen(kept[i])]) return 1;
  return !strcmp(name, kept[3]) || !strcmp(name, kept[4]);
}

static int copy_xattrs(struct tree *tree, struct node *node, const struct tar_entry *entry, struct error *err) {
  node->xattr_count = 0;
  if (!entry->xattr_count) return 0;
  node->xattrs = tree_arena(tree, entry->xattr_count * sizeof *node->xattrs, err);
  if (!node->xattrs) return -1;
  for (size_t i = 0; i < entry->xattr_count; i++) {
    const struct tar_xattr *from = &entry->xattrs[i];
    if (!xattr_allowed(from->name)) continue;
    size_t at = 0;
    while (at < node->xattr_count && strcmp(node->xattrs[at].name, from->name)) at++;
    struct tar_xattr *to = &node->xattrs[at];
    to->size = from->size;
    to->value = tree_arena_copy(tree, from->value, from->size, err);
    if (at == node->xattr_count) {
      to->name = tree_arena_copy(tree, from->name, strlen(from->name), err);
      node->xattr_count++;
    }
    if (!to->name || !to->value) return -1;
  }
  return 0;
}

static int describe(struct tree *tree, struct node *node, const struct tar_entry *entry, struct error *err) {
  node->mode = entry->mode;
  node->uid = entry->uid;
  node->gid = entry->gid;
  node->mtime = entry->mtime;
  node->mtime_ns = entry->mtime_ns;
  node->implied = 0;
  return copy_xattrs(tree, node, entry, err);
}

static int hard_link(struct tree *tree, struct place *place, const struct tar_entry *entry, struct error *err) {
  char walk[2 * TAR_PATH_LIMIT + 2];
  struct place target;
  int result = resolve(tree, entry->link, 0, walk, &target, err);
  if (result < 0) return -1;
  struct name *to = result || !target.length ? NULL : tree_find(tree, target.directory, target.text, target.length);
  if (!to || to->node->whiteout) return fail(err, "tar", ENOENT, "link %.100s to %.100s", entry->path, entry->link);
  if (to->node->type == TAR_DIRECTORY) return fail(err, "tar", EPERM, "link %.100s to %.100s", entry->path, entry->link);
  struct name *n = tree_find(tree, place->directory, place->text, place->length);
  if (n) {
    n->node = to->node;
    return 0;
  }
  return tree_add_name(tree, place->directory, place->text, place->length, to->node, err) ? 0 : -1;
}

static int whiteout(struct tree *tree, struct place *place, struct error *err) {
  const char *text = place->text + 4;
  size_t length = place->length - 4;
  if (length == 8 && !memcmp(text, ".wh..opq", 8)) {
    place->directory->opaque = 1;
    return 0;
  }
  if (length >= 4 && !memcmp(text, ".wh.", 4)) return 0; /* aufs's own bookkeeping */
  if (!length || (length == 1 && text[0] == '.') || (length == 2 && text[0] == '.' && text[1] == '.'))
    return fail(err, "tar", 0, "a whiteout of no name: %.*s", (int) place->length, place->text);
  struct name *n = tree_find(tree, place->directory, text, length);
  if (n) {
    /* The layer's own file stays; what lower layers have of that name goes. */
    if (n->node->type == TAR_DIRECTORY) n->node->opaque = 1;
    return 0;
  }
  struct node *node = tree_arena(tree, sizeof *node, err);
  if (!node) return -1;
  node->type = TAR_CHAR;
  node->whiteout = 1;
  return tree_add_name(tree, place->directory, text, length, node, err) ? 0 : -1;
}

static int make_node(struct tree *tree, struct place *place, const struct tar_entry *entry, struct error *err) {
  struct name *n = tree_find(tree, place->directory, place->text, place->length);
  if (entry->type == TAR_DIRECTORY) {
    struct node *directory = n && n->node->type == TAR_DIRECTORY
                                 ? n->node
                                 : make_directory(tree, place->directory, n, place->text, place->length, err);
    return directory ? describe(tree, directory, entry, err) : -1;
  }
  struct node *node = tree_arena(tree, sizeof *node, err);
  if (!node || describe(tree, node, entry, err)) return -1;
  node->type = entry->type;
  node->major = entry->major;
  node->minor = entry->minor;
  if (entry->type == TAR_CHAR && !entry->major && !entry->minor) node->whiteout = 1; /* what the overlay would take it for */
  if (entry->type == TAR_FILE) {
    node->size = entry->size;
    node->data_offset = entry->data_offset;
    node->sparse = (uint8_t) entry->sparse;
    node->segment_count = entry->segment_count;
    if (entry->sparse) {
      node->segments = tree_arena_copy(tree, entry->segments, entry->segment_count * sizeof *entry->segments, err);
      if (!node->segments) return -1;
    }
  }
  if (entry->type == TAR_SYMLINK) {
    if (!*entry->link) return fail(err, "tar", ENOENT, "symbolic link %.200s to nothing", entry->path);
    node->link = tree_arena_copy(tree, entry->link, strlen(entry->link), err);
    node->size = strlen(entry->link);
    node->mode = 0777;
    if (!node->link) return -1;
  }
  if (n) {
    n->node = node;
    return 0;
  }
  return tree_add_name(tree, place->directory, place->text, place->length, node, err) ? 0 : -1;
}

int tree_entry(void *data, const struct tar_entry *entry, struct error *err) {
  struct tree *tree = data;
  char walk[2 * TAR_PATH_LIMIT + 2];
  struct place place;
  if (resolve(tree, entry->path, 1, walk, &place, err)) return -1;
  if (!place.length) {
    if (entry->type == TAR_DIRECTORY) return describe(tree, place.directory, entry, err);
    return fail(err, "tar", EISDIR, "%.200s", *entry->path ? entry->path : "a member without a name");
  }
  if (place.length >= 4 && !memcmp(place.text, ".wh.", 4)) return whiteout(tree, &place, err);
  if (entry->type == TAR_HARDLINK) return hard_link(tree, &place, entry, err);
  return make_node(tree, &place, entry, err);
}

static int by_bytes(const void *a, const void *b) {
  const struct name *x = *(struct name *const *) a, *y = *(struct name *const *) b;
  size_t n = x->length < y->length ? x->length : y->length;
  int order = memcmp(x->text, y->text, n);
  return order ? order : (int) x->length - (int) y->length;
}

static int sort_names(struct tree *tree, struct node *directory, struct error *err) {
  for (struct name *n = directory->first; n; n = n->next) directory->name_count++;
  directory->names = tree_arena(tree, (directory->name_count + 1) * sizeof *directory->names, err);
  if (!directory->names) return -1;
  uint32_t i = 0;
  for (struct name *n = directory->first; n; n = n->next) directory->names[i++] = n;
  qsort(directory->names, directory->name_count, sizeof *directory->names, by_bytes);
  return 0;
}

int tree_finish(struct tree *tree, struct error *err) {
  struct node *last = tree->root;
  tree->root->links = 2;
  tree->node_count = 1;
  for (struct node *directory = tree->root; directory; directory = directory->next) {
    if (directory->type != TAR_DIRECTORY) continue;
    if (sort_names(tree, directory, err)) return -1;
    for (uint32_t i = 0; i < directory->name_count; i++) {
      struct node *node = directory->names[i]->node;
      if (node->links++) continue;
      if (node->type == TAR_DIRECTORY) {
        node->links = 2;
        directory->links++;
      } else {
        tree->size += node->size;
      }
      tree->node_count++;
      last->next = node;
      last = node;
    }
  }
  return 0;
}

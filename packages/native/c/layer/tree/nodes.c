#include "layer/tree/nodes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct arena_block {
  struct arena_block *before;
  size_t used, size;
  _Alignas(16) uint8_t bytes[];
};

void *tree_arena(struct tree *tree, size_t size, struct error *err) {
  size = (size + 15) & ~(size_t) 15;
  struct arena_block *block = tree->arena;
  if (!block || block->size - block->used < size) {
    size_t room = size > 1 << 20 ? size : 1 << 20;
    tree->memory += room;
    if (tree->memory > TREE_MEMORY_LIMIT) {
      fail(err, "tar", 0, "the archive has too many or too long names");
      return NULL;
    }
    block = malloc(sizeof *block + room);
    if (!block) {
      fail(err, "memory", ENOMEM, "layer");
      return NULL;
    }
    *block = (struct arena_block){.before = tree->arena, .size = room};
    tree->arena = block;
  }
  void *p = block->bytes + block->used;
  block->used += size;
  return memset(p, 0, size);
}

void *tree_arena_copy(struct tree *tree, const void *bytes, size_t size, struct error *err) {
  char *p = tree_arena(tree, size + 1, err);
  return p && size ? memcpy(p, bytes, size) : p;
}

struct node *tree_new_directory(struct tree *tree, struct node *parent, struct error *err) {
  struct node *node = tree_arena(tree, sizeof *node, err);
  if (!node) return NULL;
  node->type = TAR_DIRECTORY;
  node->mode = 0755;
  node->implied = 1;
  node->parent = parent ? parent : node;
  node->depth = parent ? parent->depth + 1 : 0;
  if (node->depth > TREE_DEPTH_LIMIT) {
    fail(err, "tar", ENAMETOOLONG, "directories nested deeper than %d", TREE_DEPTH_LIMIT);
    return NULL;
  }
  return node;
}

int tree_init(struct tree *tree, struct error *err) {
  memset(tree, 0, sizeof *tree);
  /* A seed of its own, so that nobody can choose names that collide. */
  if (getrandom(&tree->seed, sizeof tree->seed, 0) != sizeof tree->seed) tree->seed = 0x9e3779b9;
  tree->table_size = 1 << 12;
  tree->table = calloc(tree->table_size, sizeof *tree->table);
  if (!tree->table) return fail(err, "memory", ENOMEM, "layer");
  tree->root = tree_new_directory(tree, NULL, err);
  return tree->root ? 0 : -1;
}

void tree_free(struct tree *tree) {
  while (tree->arena) {
    struct arena_block *before = tree->arena->before;
    free(tree->arena);
    tree->arena = before;
  }
  free(tree->table);
  tree->table = NULL;
}

static uint32_t hash_of(const struct tree *tree, const struct node *directory, const char *text, size_t length) {
  uint64_t h = (uint64_t) (uintptr_t) directory * 0x9e3779b97f4a7c15ull ^ tree->seed;
  for (size_t i = 0; i < length; i++) h = (h ^ (uint8_t) text[i]) * 0x100000001b3ull, h ^= h >> 29;
  return (uint32_t) (h ^ h >> 32);
}

struct name *tree_find(const struct tree *tree, const struct node *directory, const char *text, size_t length) {
  uint32_t hash = hash_of(tree, directory, text, length);
  struct name *n = tree->table[hash & (tree->table_size - 1)];
  while (n && !(n->hash == hash && n->directory == directory && n->length == length && !memcmp(n->text, text, length)))
    n = n->hash_next;
  return n;
}

static int grow_table(struct tree *tree, struct error *err) {
  size_t size = tree->table_size * 2;
  struct name **table = calloc(size, sizeof *table);
  if (!table) return fail(err, "memory", ENOMEM, "layer");
  for (size_t i = 0; i < tree->table_size; i++) {
    for (struct name *n = tree->table[i], *next; n; n = next) {
      next = n->hash_next;
      n->hash_next = table[n->hash & (size - 1)];
      table[n->hash & (size - 1)] = n;
    }
  }
  free(tree->table);
  tree->table = table;
  tree->table_size = size;
  return 0;
}

struct name *tree_add_name(struct tree *tree, struct node *directory, const char *text, size_t length, struct node *node,
                           struct error *err) {
  if (tree->name_total >= tree->table_size && grow_table(tree, err)) return NULL;
  struct name *n = tree_arena(tree, sizeof *n + length + 1, err);
  if (!n) return NULL;
  memcpy(n->text, text, length);
  n->length = (uint16_t) length;
  n->directory = directory;
  n->node = node;
  n->hash = hash_of(tree, directory, text, length);
  struct name **slot = &tree->table[n->hash & (tree->table_size - 1)];
  n->hash_next = *slot;
  *slot = n;
  if (directory->last)
    directory->last->next = n;
  else
    directory->first = n;
  directory->last = n;
  tree->name_total++;
  return n;
}

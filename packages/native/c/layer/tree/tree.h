/* The content of a layer's tar: a tree of files, made in memory before anything is written. A hostile name has nothing to
   escape into: every path is resolved in the tree. Both layer drivers write themselves from it. */
#ifndef BERTH_LAYER_TREE_H
#define BERTH_LAYER_TREE_H

#include "layer/tar/tar.h"

#define TREE_DEPTH_LIMIT 1024
#define TREE_MEMORY_LIMIT (1ull << 30)

struct node;

/* A name in a directory. Hard links are several names of one node. */
struct name {
  struct name *next; /* in the directory, in order of addition */
  struct name *hash_next;
  struct node *directory, *node;
  uint32_t hash;
  uint16_t length;
  char text[];
};

struct node {
  enum tar_type type; /* never TAR_HARDLINK */
  uint32_t mode, uid, gid, mtime_ns;
  int64_t mtime;
  uint64_t size, data_offset;
  uint32_t major, minor;
  uint32_t links;   /* counted by tree_finish */
  uint8_t implied;  /* a directory that no entry described */
  uint8_t opaque;   /* a directory that hides the same directory of lower layers */
  uint8_t whiteout; /* hides a name of lower layers */
  uint8_t sparse;
  uint32_t xattr_count;
  struct tar_xattr *xattrs;
  size_t segment_count;
  struct tar_segment *segments;
  const char *link;
  struct node *parent; /* of a directory */
  struct name *first, *last;
  /* set by tree_finish: names in order of bytes, and the next node of the whole in order of directories */
  struct name **names;
  uint32_t name_count;
  uint32_t depth;
  struct node *next;
  uint64_t place[3]; /* for whoever writes the tree */
};

struct tree {
  struct node *root;
  uint64_t node_count, size; /* tree_finish: nodes, and bytes as docker counts a layer */
  struct arena_block *arena;
  uint64_t memory;
  struct name **table;
  size_t table_size, name_total;
  uint32_t seed;
};

/* An empty root. Returns 0, or -1 without memory. */
int tree_init(struct tree *tree, struct error *err);
/* Frees all nodes and names. */
void tree_free(struct tree *tree);
/* Applies one member of the tar, later ones winning, `.wh.` names as whiteouts. A tar_handler's `entry`. */
int tree_entry(void *tree, const struct tar_entry *entry, struct error *err);
/* Sorts, counts and links all nodes that are left. */
int tree_finish(struct tree *tree, struct error *err);

#endif

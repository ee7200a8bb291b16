/* Memory and names of a layer's tree. Internal to it. */
#ifndef BERTH_LAYER_TREE_NODES_H
#define BERTH_LAYER_TREE_NODES_H

#include "layer/tree/tree.h"

/* Zeroed memory that lives as long as the tree; NULL with an error beyond TREE_MEMORY_LIMIT. */
void *tree_arena(struct tree *tree, size_t size, struct error *err);
/* A copy of bytes with a NUL behind them. */
void *tree_arena_copy(struct tree *tree, const void *bytes, size_t size, struct error *err);
/* A directory that no entry has described yet, 0755; NULL beyond TREE_DEPTH_LIMIT or without memory. */
struct node *tree_new_directory(struct tree *tree, struct node *parent, struct error *err);
/* The name in a directory, or NULL. `text` needs no NUL. */
struct name *tree_find(const struct tree *tree, const struct node *directory, const char *text, size_t length);
/* Adds a name, which must not be there yet, for a node. NULL without memory. */
struct name *tree_add_name(struct tree *tree, struct node *directory, const char *text, size_t length, struct node *node,
                           struct error *err);

#endif

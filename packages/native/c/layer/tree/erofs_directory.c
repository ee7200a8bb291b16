#include "layer/tree/erofs_directory.h"

#include <string.h>

#include "layer/tree/erofs_format.h"

struct item {
  const char *text;
  size_t length;
  const struct node *node;
};

static int take(struct listing *list, struct item *item) {
  static const char *const dots[] = {".", ".."};
  const struct name *n = list->next < list->directory->name_count ? list->directory->names[list->next] : NULL;
  for (int i = 0; i < 2; i++) {
    if (list->dots >> i & 1) continue;
    if (n && strcmp(n->text, dots[i]) < 0) break;
    list->dots |= 1 << i;
    *item = (struct item){dots[i], (size_t) i + 1, i ? list->directory->parent : list->directory};
    return 1;
  }
  if (!n) return 0;
  list->next++;
  *item = (struct item){n->text, n->length, n->node};
  return 1;
}

size_t erofs_directory_block(struct listing *list, uint8_t block[EROFS_BLOCK]) {
  struct item items[EROFS_BLOCK / (sizeof(struct erofs_dirent) + 1) + 1];
  size_t count = 0, used = 0;
  for (;;) {
    struct listing before = *list;
    if (!take(list, &items[count])) break;
    size_t size = sizeof(struct erofs_dirent) + items[count].length;
    if (used + size > EROFS_BLOCK) {
      *list = before;
      break;
    }
    used += size;
    count++;
  }
  if (!block) return used;
  memset(block, 0, EROFS_BLOCK);
  size_t name_at = count * sizeof(struct erofs_dirent);
  for (size_t i = 0; i < count; i++) {
    static const uint8_t types[] = {
        [TAR_FILE] = 1, [TAR_DIRECTORY] = 2, [TAR_CHAR] = 3, [TAR_BLOCK] = 4, [TAR_FIFO] = 5, [TAR_SYMLINK] = 7};
    struct erofs_dirent dirent = {
        .inode = items[i].node->place[INODE_AT] / EROFS_SLOT,
        .name_offset = (uint16_t) name_at,
        .type = types[items[i].node->type],
    };
    memcpy(block + i * sizeof dirent, &dirent, sizeof dirent);
    memcpy(block + name_at, items[i].text, items[i].length);
    name_at += items[i].length;
  }
  return used;
}

uint64_t erofs_directory_size(const struct node *directory) {
  struct listing list = {.directory = directory};
  uint64_t size = 0;
  for (size_t used; (used = erofs_directory_block(&list, NULL));)
    size = (size + EROFS_BLOCK - 1) / EROFS_BLOCK * EROFS_BLOCK + used;
  return size;
}

#include "layer/tree/erofs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "layer/tree/erofs_directory.h"
#include "layer/tree/erofs_format.h"

#define FIRST_INODE (EROFS_SUPER_OFFSET + EROFS_BLOCK) /* what the superblock's checksum covers holds nothing else */

static int pad_to(struct buffered *image, uint64_t offset, struct error *err) {
  return buffered_put(image, NULL, (size_t) (offset - image->position), err);
}

static uint64_t round_up(uint64_t n, uint64_t to) {
  return (n + to - 1) / to * to;
}

static int xattr_prefix(const char *name, const char **rest) {
  static const struct {
    const char *text;
    int index;
  } known[] = {
      {"user.", 1},
      {"trusted.", 4},
      {"security.", 6},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    size_t n = strlen(known[i].text);
    if (!strncmp(name, known[i].text, n)) return *rest = name + n, known[i].index;
  }
  *rest = "";
  return strcmp(name, "system.posix_acl_access") ? 3 : 2;
}

static const struct tar_xattr opaque_xattr = {.name = "trusted.overlay.opaque", .value = "y", .size = 1};

static uint32_t xattr_total(const struct node *node) {
  return node->xattr_count + node->opaque;
}
static const struct tar_xattr *xattr_at(const struct node *node, uint32_t i) {
  return i < node->xattr_count ? &node->xattrs[i] : &opaque_xattr;
}

static size_t xattr_size(const struct node *node) {
  size_t size = 0;
  const char *rest;
  for (uint32_t i = 0; i < xattr_total(node); i++) {
    xattr_prefix(xattr_at(node, i)->name, &rest);
    size += round_up(sizeof(struct erofs_xattr) + strlen(rest) + xattr_at(node, i)->size, 4);
  }
  return size ? size + sizeof(struct erofs_xattr_header) : 0;
}

static int chunk_bits(uint64_t size) {
  int bits = 0;
  while (bits < 31 && (uint64_t) EROFS_BLOCK << bits < size) bits++;
  return bits;
}

/* Gives each inode its place, then each content that is no part of an inode its blocks. Returns the end of the inodes. */
static uint64_t place_inodes(struct tree *tree) {
  uint64_t at = FIRST_INODE;
  for (struct node *node = tree->root; node; node = node->next) {
    size_t fixed = sizeof(struct erofs_inode) + xattr_size(node), tail = 0;
    int layout = EROFS_PLAIN;
    if (node->type == TAR_DIRECTORY) node->size = erofs_directory_size(node);
    if (node->type == TAR_DIRECTORY || node->type == TAR_SYMLINK) {
      tail = node->type == TAR_DIRECTORY ? node->size % EROFS_BLOCK : (size_t) node->size;
      layout = tail && fixed + tail <= EROFS_BLOCK ? EROFS_INLINE : EROFS_PLAIN;
      if (layout == EROFS_PLAIN) tail = 0;
    } else if (node->type == TAR_FILE && node->size && !node->sparse) {
      layout = EROFS_CHUNKED;
      fixed = round_up(fixed, sizeof(struct erofs_chunk));
      tail = sizeof(struct erofs_chunk);
    }
    at = round_up(at, EROFS_SLOT);
    /* Inline data must not cross a block. */
    if (layout == EROFS_INLINE && at % EROFS_BLOCK + fixed + tail > EROFS_BLOCK) at = round_up(at, EROFS_BLOCK);
    node->place[INODE_AT] = at;
    node->place[LAYOUT] = (uint64_t) layout;
    at += fixed + tail;
  }
  return at;
}

static uint64_t outside_size(const struct node *node) {
  if (node->type == TAR_FILE) return node->sparse ? node->size : 0;
  if (node->type != TAR_DIRECTORY && node->type != TAR_SYMLINK) return 0;
  if (node->place[LAYOUT] == EROFS_PLAIN) return node->size;
  return node->type == TAR_DIRECTORY ? node->size / EROFS_BLOCK * EROFS_BLOCK : 0;
}

/* Sparse files come last: they are holes in the image, too. */
static int place_blocks(struct tree *tree, uint64_t at, uint64_t *blocks, struct error *err) {
  uint64_t block = round_up(at, EROFS_BLOCK) / EROFS_BLOCK;
  for (int sparse = 0; sparse < 2; sparse++) {
    for (struct node *node = tree->root; node; node = node->next) {
      uint64_t size = outside_size(node);
      if (!size || node->sparse != sparse) continue;
      node->place[BLOCK_AT] = block;
      block += round_up(size, EROFS_BLOCK) / EROFS_BLOCK;
      if (block >= UINT32_MAX) return fail(err, "tar", EFBIG, "the sparse files of the layer");
    }
  }
  *blocks = block;
  return 0;
}

static int put_xattrs(struct buffered *image, const struct node *node, struct error *err) {
  struct erofs_xattr_header header = {0};
  if (!xattr_total(node)) return 0;
  if (buffered_put(image, &header, sizeof header, err)) return -1;
  for (uint32_t i = 0; i < xattr_total(node); i++) {
    const struct tar_xattr *x = xattr_at(node, i);
    const char *rest;
    int prefix = xattr_prefix(x->name, &rest);
    size_t name = strlen(rest);
    struct erofs_xattr entry = {.name_size = (uint8_t) name, .name_prefix = (uint8_t) prefix, .value_size = (uint16_t) x->size};
    if (buffered_put(image, &entry, sizeof entry, err) || buffered_put(image, rest, name, err) ||
        buffered_put(image, x->value, x->size, err) || pad_to(image, round_up(image->position, 4), err))
      return -1;
  }
  return 0;
}

static uint32_t file_mode(const struct node *node) {
  static const uint32_t types[] = {
      [TAR_FILE] = S_IFREG,  [TAR_DIRECTORY] = S_IFDIR, [TAR_CHAR] = S_IFCHR,
      [TAR_BLOCK] = S_IFBLK, [TAR_FIFO] = S_IFIFO,      [TAR_SYMLINK] = S_IFLNK,
  };
  return types[node->type] | node->mode;
}

static int put_directory_blocks(struct buffered *image, const struct node *directory, int tail, struct error *err) {
  struct listing list = {.directory = directory};
  uint8_t block[EROFS_BLOCK];
  uint64_t left = directory->size;
  for (size_t used; (used = erofs_directory_block(&list, block)); left -= left < EROFS_BLOCK ? left : EROFS_BLOCK) {
    int whole = left >= EROFS_BLOCK || directory->place[LAYOUT] == EROFS_PLAIN;
    if (whole == !tail && buffered_put(image, block, tail ? used : EROFS_BLOCK, err)) return -1;
  }
  return 0;
}

static int put_inode(struct buffered *image, struct node *node, struct error *err) {
  size_t xattrs = xattr_size(node);
  int layout = (int) node->place[LAYOUT];
  struct erofs_inode inode = {
      .format = EROFS_FORMAT(layout),
      .xattr_count = (uint16_t) (xattrs ? (xattrs - sizeof(struct erofs_xattr_header)) / 4 + 1 : 0),
      .mode = (uint16_t) file_mode(node),
      .size = node->type == TAR_FILE || node->type == TAR_DIRECTORY || node->type == TAR_SYMLINK ? node->size : 0,
      .where = (uint32_t) node->place[BLOCK_AT],
      .ino = (uint32_t) (node->place[INODE_AT] / EROFS_SLOT),
      .uid = node->uid,
      .gid = node->gid,
      .mtime = (uint64_t) node->mtime,
      .mtime_ns = node->mtime_ns,
      .links = node->links,
  };
  if (node->type == TAR_CHAR || node->type == TAR_BLOCK)
    inode.where = (node->minor & 0xff) | node->major << 8 | (node->minor & ~0xffu) << 12;
  if (layout == EROFS_CHUNKED) inode.where = (uint32_t) chunk_bits(node->size) | EROFS_CHUNK_INDEXES;
  if (pad_to(image, node->place[INODE_AT], err) || buffered_put(image, &inode, sizeof inode, err) ||
      put_xattrs(image, node, err))
    return -1;
  if (layout == EROFS_CHUNKED) {
    struct erofs_chunk chunk = {.device = 1, .block = (uint32_t) (node->data_offset / EROFS_BLOCK)};
    return pad_to(image, round_up(image->position, sizeof chunk), err) || buffered_put(image, &chunk, sizeof chunk, err);
  }
  if (layout == EROFS_INLINE)
    return node->type == TAR_SYMLINK ? buffered_put(image, node->link, node->size, err)
                                     : put_directory_blocks(image, node, 1, err);
  return 0;
}

static int put_outside(struct buffered *image, const struct node *node, struct error *err) {
  if (!outside_size(node) || node->sparse) return 0;
  if (pad_to(image, node->place[BLOCK_AT] * EROFS_BLOCK, err)) return -1;
  return node->type == TAR_SYMLINK ? buffered_put(image, node->link, node->size, err)
                                   : put_directory_blocks(image, node, 0, err);
}

/* The pieces of a sparse file, each at its place in the image; between them are holes. */
static int copy_sparse(int image, int tar, const struct node *node, struct error *err) {
  uint64_t from = node->data_offset;
  cleanup_free char *buffer = malloc(1 << 16);
  if (!buffer) return fail(err, "memory", ENOMEM, "layer index");
  for (size_t i = 0; i < node->segment_count; i++) {
    uint64_t to = node->place[BLOCK_AT] * EROFS_BLOCK + node->segments[i].offset;
    for (uint64_t left = node->segments[i].size; left;) {
      ssize_t n = pread(tar, buffer, left < 1 << 16 ? left : 1 << 16, (off_t) from);
      if (n <= 0 || pwrite(image, buffer, (size_t) n, (off_t) to) != n)
        return fail(err, "write", n < 0 || errno ? errno : EIO, "layer index");
      from += (uint64_t) n, to += (uint64_t) n, left -= (uint64_t) n;
    }
  }
  return 0;
}

/* CRC-32C, bit by bit: it is taken of one block. */
static uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t size) {
  while (size--) {
    crc ^= *bytes++;
    for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  return crc;
}

static int put_super(struct buffered *image, const struct tree *tree, uint64_t blocks, uint64_t tar_size, const char *digest,
                     struct error *err) {
  uint8_t block[EROFS_BLOCK] = {0};
  struct erofs_super super = {
      .magic = EROFS_MAGIC,
      .compat = EROFS_COMPAT_CHECKSUM | EROFS_COMPAT_MTIME,
      .block_bits = 9,
      .root = (uint16_t) (tree->root->place[INODE_AT] / EROFS_SLOT),
      .inodes = tree->node_count,
      .blocks = (uint32_t) blocks,
      .incompat = EROFS_INCOMPAT_CHUNKED | EROFS_INCOMPAT_DEVICES,
      .extra_devices = 1,
      .device_slot = (EROFS_SUPER_OFFSET + sizeof super) / sizeof(struct erofs_device),
  };
  struct erofs_device device = {.blocks = (uint32_t) (round_up(tar_size, EROFS_BLOCK) / EROFS_BLOCK)};
  memcpy(device.tag, digest, sizeof device.tag);
  for (int i = 0; i < 16; i++) {
    char pair[3] = {digest[2 * i], digest[2 * i + 1], 0};
    super.uuid[i] = (uint8_t) strtoul(pair, NULL, 16);
  }
  memcpy(block, &super, sizeof super);
  memcpy(block + sizeof super, &device, sizeof device);
  super.checksum = crc32c(~0u, block, sizeof block);
  memcpy(block, &super, sizeof super);
  return pad_to(image, EROFS_SUPER_OFFSET, err) || buffered_put(image, block, sizeof block, err) ? -1 : 0;
}

int erofs_write(struct tree *tree, int fd, int tar, uint64_t tar_size, const char *digest, struct error *err) {
  __attribute__((cleanup(buffered_close))) struct buffered image;
  uint64_t blocks = 0;
  if (buffered_open(&image, fd, "layer index", err) < 0) return -1;
  if (tar_size / EROFS_BLOCK >= UINT32_MAX)
    return fail(err, "tar", EFBIG, "a layer of %llu bytes", (unsigned long long) tar_size);
  if (place_blocks(tree, place_inodes(tree), &blocks, err) || put_super(&image, tree, blocks, tar_size, digest, err)) return -1;
  for (struct node *node = tree->root; node; node = node->next)
    if (put_inode(&image, node, err)) return -1;
  for (struct node *node = tree->root; node; node = node->next)
    if (put_outside(&image, node, err)) return -1;
  if (pad_to(&image, round_up(image.position, EROFS_BLOCK), err) || buffered_flush(&image, err)) return -1;
  if (ftruncate(fd, (off_t) (blocks * EROFS_BLOCK))) return fail(err, "write", errno, "layer index");
  for (struct node *node = tree->root; node; node = node->next)
    if (node->sparse && copy_sparse(fd, tar, node, err)) return -1;
  return 0;
}

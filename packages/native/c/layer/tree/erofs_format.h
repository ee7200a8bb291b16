/* The on-disk format of EROFS, as far as it is written here. All numbers are little-endian. */
#ifndef BERTH_EROFS_FORMAT_H
#define BERTH_EROFS_FORMAT_H

#include <stdint.h>

#define EROFS_MAGIC 0xe0f5e1e2u
#define EROFS_SUPER_OFFSET 1024u
#define EROFS_SLOT 32u /* inode numbers count these */

#define EROFS_COMPAT_CHECKSUM 0x1u
#define EROFS_COMPAT_MTIME 0x2u
#define EROFS_INCOMPAT_CHUNKED 0x4u
#define EROFS_INCOMPAT_DEVICES 0x8u

struct erofs_super {
  uint32_t magic, checksum, compat;
  uint8_t block_bits, slots;
  uint16_t root;
  uint64_t inodes, build_time;
  uint32_t build_time_ns, blocks, meta_block, xattr_block;
  uint8_t uuid[16], label[16];
  uint32_t incompat;
  uint16_t compression;
  uint16_t extra_devices, device_slot;
  uint8_t directory_block_bits, prefix_count;
  uint32_t prefix_start;
  uint64_t packed;
  uint8_t reserved[24];
} __attribute__((packed));

struct erofs_device {
  char tag[64];
  uint32_t blocks, mapped;
  uint8_t reserved[56];
} __attribute__((packed));

enum { EROFS_PLAIN = 0, EROFS_INLINE = 2, EROFS_CHUNKED = 4 };
#define EROFS_FORMAT(layout) ((uint16_t) (1 | (layout) << 1)) /* 1: the inode is a long one */
#define EROFS_CHUNK_INDEXES 0x20u

struct erofs_inode {
  uint16_t format, xattr_count, mode, reserved;
  uint64_t size;
  uint32_t where; /* first block, device number or chunk format */
  uint32_t ino, uid, gid;
  uint64_t mtime;
  uint32_t mtime_ns, links;
  uint8_t reserved2[16];
} __attribute__((packed));

struct erofs_chunk {
  uint16_t block_high, device;
  uint32_t block;
} __attribute__((packed));

struct erofs_dirent {
  uint64_t inode;
  uint16_t name_offset;
  uint8_t type, reserved;
} __attribute__((packed));

struct erofs_xattr_header {
  uint32_t filter;
  uint8_t shared_count, reserved[7];
} __attribute__((packed));

struct erofs_xattr {
  uint8_t name_size, name_prefix;
  uint16_t value_size;
} __attribute__((packed));

_Static_assert(sizeof(struct erofs_super) == 128, "superblock");
_Static_assert(sizeof(struct erofs_device) == 128, "device slot");
_Static_assert(sizeof(struct erofs_inode) == 64, "inode");
_Static_assert(sizeof(struct erofs_xattr_header) == 12, "xattr header");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structures are written as they are");

#endif

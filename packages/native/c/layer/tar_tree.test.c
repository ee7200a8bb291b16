/* The tar reader, the tree made of it and the writer, under the sanitizers: archives in pieces of all sizes, and thousands of
   damaged ones, of which none may do anything but fail. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "layer/tar/sample.h"
#include "layer/sha256.h"
#include "layer/tar/tar.h"
#include "layer/tree/erofs.h"
#include "layer/tree/tree.h"

static uint32_t state = 1;
static uint32_t next_random(void) {
  return state = state * 1664525u + 1013904223u, state >> 8;
}

struct seen {
  char text[1 << 16];
  size_t size;
};

static int on_entry(void *data, const struct tar_entry *e, struct error *err) {
  struct seen *seen = data;
  seen->size += (size_t) snprintf(seen->text + seen->size, sizeof seen->text - seen->size, "%s|%s|%d|%o|%u|%lld.%u|%llu|%zu\n",
                                  e->path, e->link, e->type, e->mode, e->uid, (long long) e->mtime, e->mtime_ns,
                                  (unsigned long long) e->size, e->xattr_count);
  return seen->size < sizeof seen->text ? 0 : fail(err, "test", 0, "too much");
}

static int on_bytes(void *data, const void *bytes, size_t size, struct error *err) {
  struct seen *seen = data;
  if (seen->size + size >= sizeof seen->text) return fail(err, "test", 0, "too much");
  memcpy(seen->text + seen->size, bytes, size);
  seen->size += size;
  return 0;
}

static int on_end(void *data, struct error *err) {
  return on_bytes(data, "$\n", 2, err);
}

/* An archive with all that the writer knows, read back from a memory file. */
static uint8_t *sample(size_t *size) {
  struct error err;
  struct tar_writer w;
  char longest[600];
  int fd = memfd_create("tar", MFD_CLOEXEC), data = memfd_create("data", MFD_CLOEXEC);
  memset(longest, 'n', sizeof longest);
  for (size_t i = 200; i < sizeof longest; i += 200) longest[i] = '/';
  longest[sizeof longest - 1] = 0;
  assert(write(data, "some bytes of a file", 20) == 20);
  const struct tar_entry entries[] = {
      SAMPLE_DIRECTORY,
      SAMPLE_FILE,
      {.path = longest, .type = TAR_FILE, .size = 20, .uid = 4000000000u, .gid = 77},
      {.path = "link", .type = TAR_SYMLINK, .link = longest, .mode = 0777},
      {.path = "folder/again", .type = TAR_HARDLINK, .link = "folder/file"},
      {.path = "gr\xc3\xb6\xc3\x9f"
               "e",
       .type = TAR_CHAR,
       .major = 1,
       .minor = 3},
      {.path = "fifo", .type = TAR_FIFO},
      {.path = "folder/.wh.gone", .type = TAR_FILE},
      {.path = "folder/.wh..wh..opq", .type = TAR_FILE},
  };
  assert(!tar_writer_open(&w, fd, &err));
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
    assert(!tar_write_entry(&w, &entries[i], 1, &err));
    lseek(data, 0, SEEK_SET);
    if (entries[i].type == TAR_FILE && entries[i].size) assert(!tar_write_file(&w, data, entries[i].size, &err));
  }
  assert(!tar_write_end(&w, &err));
  tar_writer_close(&w);
  *size = (size_t) lseek(fd, 0, SEEK_END);
  uint8_t *bytes = malloc(*size);
  assert(pread(fd, bytes, *size, 0) == (ssize_t) *size);
  close(fd);
  close(data);
  return bytes;
}

static int feed(struct tar_parser *parser, const uint8_t *bytes, size_t size, size_t piece, struct error *err) {
  for (size_t at = 0; at < size; at += piece) {
    /* A copy of just that size, so that reading beyond it is seen. */
    size_t n = size - at < piece ? size - at : piece;
    uint8_t *copy = malloc(n);
    memcpy(copy, bytes + at, n);
    int result = tar_parser_feed(parser, copy, n, err);
    free(copy);
    if (result) return -1;
  }
  return tar_parser_finish(parser, err);
}

static void pieces_make_no_difference(const uint8_t *bytes, size_t size) {
  static struct seen whole, seen;
  const size_t pieces[] = {1 << 20, 1, 7, 511, 512, 513, 4096};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    struct error err = {0};
    struct seen *to = i ? &seen : &whole;
    struct tar_handler handler = {.entry = on_entry, .bytes = on_bytes, .end = on_end, .data = to};
    struct tar_parser *parser = tar_parser_new(&handler);
    to->size = 0;
    assert(!feed(parser, bytes, size, pieces[i], &err));
    tar_parser_free(parser);
    assert(to->size == whole.size && !memcmp(to->text, whole.text, whole.size));
  }
  whole.text[whole.size] = 0;
  assert(strstr(whole.text, "folder/file||0|644|0|-5.250000000|20|2\nsome bytes of a file$\n"));
  assert(strstr(whole.text, "|4000000000|0.0|20|0\n"));
  assert(strstr(whole.text, "gr\xc3\xb6\xc3\x9f"
                            "e||3|"));
}

static int make_layer(const uint8_t *bytes, size_t size, struct error *err) {
  struct tree tree;
  struct tar_handler handler = {.entry = tree_entry, .data = &tree};
  struct tar_parser *parser = tar_parser_new(&handler);
  char digest[65];
  memset(digest, 'a', 64);
  digest[64] = 0;
  int result = tree_init(&tree, err);
  if (!result) result = feed(parser, bytes, size, 65536, err);
  if (!result) result = tree_finish(&tree, err);
  if (!result) {
    cleanup_close int image = memfd_create("image", MFD_CLOEXEC), tar = memfd_create("tar", MFD_CLOEXEC);
    assert(write(tar, bytes, size) == (ssize_t) size);
    result = erofs_write(&tree, image, tar, size, digest, err);
  }
  tar_parser_free(parser);
  tree_free(&tree);
  return result;
}

static void fix_checksum(uint8_t *block) {
  unsigned sum = 0;
  memset(block + 148, ' ', 8);
  for (int i = 0; i < 512; i++) sum += block[i];
  snprintf((char *) block + 148, 8, "%06o", sum);
}

/* Bytes are changed, blocks moved and ends cut; checksums are put right, so that more than they is tested. */
static void damage(uint8_t *bytes, size_t *size) {
  size_t blocks = *size / 512;
  for (uint32_t i = 0, count = 1 + next_random() % 4; i < count; i++) {
    uint8_t *block = bytes + 512 * (next_random() % blocks);
    switch (next_random() % 8) {
    case 0: memcpy(block, bytes + 512 * (next_random() % blocks), 512); break;
    case 1: *size = 1 + next_random() % *size; break;
    case 2: block[156] = (uint8_t) "0123456789xgLKSDAV7X"[next_random() % 20]; break;
    case 3: memset(block + next_random() % 512, (int) (next_random() & 255), 1); break;
    case 4: snprintf((char *) block + 124, 12, "%011o", next_random() % 3000); break;
    case 5: block[124 + next_random() % 12] = (uint8_t) next_random(); break;
    case 6: block[next_random() % 100] = (uint8_t) "./\0a"[next_random() % 4]; break;
    default: block[next_random() % 512] ^= (uint8_t) (1 << next_random() % 8);
    }
    if (!memcmp(block + 257, "ustar", 5) || block[156] == 'S') fix_checksum(block);
    if (*size < 512) return;
    blocks = *size / 512;
  }
}

static void damaged_archives_only_fail(const uint8_t *bytes, size_t size) {
  unsigned taken = 0, rounds = 8000;
  uint8_t *copy = malloc(size);
  for (unsigned i = 0; i < rounds; i++) {
    struct error err = {0};
    size_t n = size;
    memcpy(copy, bytes, size);
    damage(copy, &n);
    int result = make_layer(copy, n, &err);
    assert(!result || err.message[0]);
    taken += !result;
  }
  free(copy);
  /* Neither all nor nothing: else the damage is of the wrong kind. */
  assert(taken > rounds / 50 && taken < rounds - rounds / 50);
}

static void numbers_and_hashes(void) {
  struct sha256 fast, slow;
  char a[65], b[65];
  uint8_t bytes[1000];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t) next_random();
  for (size_t n = 0; n < sizeof bytes; n += 37) {
    sha256_init(&fast);
    sha256_init_portable(&slow);
    sha256_update(&fast, bytes, n / 3);
    sha256_update(&fast, bytes + n / 3, n - n / 3);
    sha256_update(&slow, bytes, n);
    sha256_hex(&fast, a);
    sha256_hex(&slow, b);
    assert(!strcmp(a, b));
  }
  sha256_init(&fast);
  sha256_update(&fast, "abc", 3);
  sha256_hex(&fast, a);
  assert(!strcmp(a, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

int main(void) {
  size_t size;
  struct error err = {0};
  uint8_t *bytes = sample(&size);
  pieces_make_no_difference(bytes, size);
  assert(!make_layer(bytes, size, &err));
  damaged_archives_only_fail(bytes, size);
  numbers_and_hashes();
  free(bytes);
  return 0;
}

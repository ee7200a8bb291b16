/* A layer's tar, from its bytes to the EROFS image that describes it. In how large pieces it comes makes no difference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fuzz.h"
#include "layer/tar/sample.h"
#include "layer/tar/tar.h"
#include "layer/tree/erofs.h"
#include "layer/tree/tree.h"

static int on_entry(void *data, const struct tar_entry *entry, struct error *err) {
  struct tree *tree = data;
  FUZZ_CHECK(entry->path && strlen(entry->path) <= TAR_PATH_LIMIT && entry->xattr_count <= TAR_XATTR_LIMIT);
  return tree_entry(tree, entry, err);
}

static int parse(struct tree *tree, const uint8_t *bytes, size_t size, size_t piece, struct error *err) {
  struct tar_handler handler = {.entry = on_entry, .data = tree};
  struct tar_parser *parser = tar_parser_new(&handler);
  FUZZ_CHECK(parser);
  int result = 0;
  for (size_t at = 0; !result && at < size; at += piece)
    result = tar_parser_feed(parser, bytes + at, size - at < piece ? size - at : piece, err);
  if (!result) result = tar_parser_finish(parser, err);
  tar_parser_free(parser);
  return result;
}

/* Heads have a sum of their bytes, which no fuzzer guesses: what looks like one gets the right sum. */
static uint8_t *summed(const uint8_t *bytes, size_t size) {
  uint8_t *copy = malloc(size ? size : 1);
  FUZZ_CHECK(copy);
  memcpy(copy, bytes, size);
  for (size_t at = 0; at + 512 <= size; at += 512) {
    uint8_t *block = copy + at;
    if (memcmp(block + 257, "ustar", 5)) continue;
    unsigned sum = 0;
    char text[9];
    memset(block + 148, ' ', 8);
    for (int i = 0; i < 512; i++) sum += block[i];
    snprintf(text, sizeof text, "%06o", sum);
    memcpy(block + 148, text, 7);
  }
  return copy;
}

static int write_image(struct tree *tree, const uint8_t *bytes, size_t size, struct error *err) {
  char digest[65];
  memset(digest, 'a', 64);
  digest[64] = 0;
  cleanup_close int image = memfd_create("image", MFD_CLOEXEC), tar = memfd_create("tar", MFD_CLOEXEC);
  FUZZ_CHECK(image >= 0 && tar >= 0 && write(tar, bytes, size) == (ssize_t) size);
  return erofs_write(tree, image, tar, size, digest, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *given, size_t size) {
  cleanup_free uint8_t *bytes = summed(given, size);
  struct tree tree, again;
  struct error err = {0}, same = {0};
  FUZZ_CHECK(tree_init(&tree, &err) == 0 && tree_init(&again, &err) == 0);
  int result = parse(&tree, bytes, size, 1 << 20, &err);
  FUZZ_CHECK(parse(&again, bytes, size, 509, &same) == result && !strcmp(err.message, same.message));
  if (!result) result = tree_finish(&tree, &err);
  if (!result) result = write_image(&tree, bytes, size, &err);
  FUZZ_CHECK(!result || err.message[0]);
  tree_free(&tree);
  tree_free(&again);
  return 0;
}

static void add(struct tar_writer *writer, const struct tar_entry *entry) {
  struct error err;
  FUZZ_CHECK(tar_write_entry(writer, entry, 1, &err) == 0);
  if (!entry->size) return;
  cleanup_close int data = memfd_create("data", MFD_CLOEXEC);
  FUZZ_CHECK(tar_write_file(writer, data, entry->size, &err) == 0);
}

void fuzz_seeds(void (*seed)(const void *, size_t)) {
  char longest[300];
  memset(longest, 'n', sizeof longest - 1);
  longest[150] = '/', longest[sizeof longest - 1] = 0;
  const struct tar_entry entries[] = {
      SAMPLE_DIRECTORY,
      SAMPLE_FILE,
      {.path = longest, .type = TAR_FILE, .size = 600, .uid = 4000000000u, .gid = 77},
      {.path = "link", .type = TAR_SYMLINK, .link = "folder/../folder", .mode = 0777},
      {.path = "folder/again", .type = TAR_HARDLINK, .link = "folder/file"},
      {.path = "device", .type = TAR_CHAR, .major = 1, .minor = 3},
      {.path = "fifo", .type = TAR_FIFO},
      {.path = "folder/.wh.gone", .type = TAR_FILE},
      {.path = "folder/.wh..wh..opq", .type = TAR_FILE},
  };
  enum { COUNT = sizeof entries / sizeof *entries };
  /* Each entry alone, then all of them. */
  for (size_t i = 0; i <= COUNT; i++) {
    struct tar_writer writer;
    struct error err;
    cleanup_close int fd = memfd_create("tar", MFD_CLOEXEC);
    FUZZ_CHECK(tar_writer_open(&writer, fd, &err) == 0);
    for (size_t k = 0; k < COUNT; k++)
      if (i == k || i == COUNT) add(&writer, &entries[k]);
    FUZZ_CHECK(tar_write_end(&writer, &err) == 0);
    tar_writer_close(&writer);
    size_t size = (size_t) lseek(fd, 0, SEEK_END);
    cleanup_free uint8_t *bytes = malloc(size);
    FUZZ_CHECK(bytes && pread(fd, bytes, size, 0) == (ssize_t) size);
    seed(bytes, size);
  }
}

/* `layer add`: one pass over a tar hashes it, keeps it and understands it; then its index or its directory is written. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "layer/decompress.h"
#include "layer/layer.h"
#include "layer/sha256.h"
#include "layer/tree/erofs.h"
#include "layer/tree/unpack.h"

#define CHUNK (1u << 20)
#define CHECK_EVERY (64ull << 20) /* bytes between looks at the free space */
#define KEEP_FREE (256ull << 20)  /* bytes (or a hundredth of the disk, if that is less) that a layer must leave free */
#define RATIO_LIMIT 1100ull       /* beyond what deflate can reach; zstd's bombs go further */
#define RATIO_FROM (1ull << 30)   /* smaller outputs harm nobody */

struct add {
  const char *driver;
  int directory; /* where the layer is made */
  int tar;
  int again; /* the tar is kept already */
  uint64_t size, compressed;
  struct sha256 hash;
  struct tree tree;
  struct tar_parser *parser;
};

static int room_left(const struct add *add, struct error *err) {
  struct statvfs fs;
  if (add->compressed && add->size > RATIO_FROM && add->size / RATIO_LIMIT > add->compressed)
    return fail(err, "tar", 0, "the layer decompresses to more than %llu times its size", RATIO_LIMIT);
  if (fstatvfs(add->directory, &fs)) return fail(err, "write", errno, "layer");
  uint64_t free_bytes = (uint64_t) fs.f_bavail * fs.f_frsize, keep = (uint64_t) fs.f_blocks * fs.f_frsize / 100;
  if (keep > KEEP_FREE) keep = KEEP_FREE;
  return free_bytes < keep ? fail(err, "write", ENOSPC, "layer") : 0;
}

static int store(struct add *add, const uint8_t *bytes, size_t size, struct error *err) {
  for (size_t done = add->again ? size : 0; done < size;) {
    ssize_t n = write(add->tar, bytes + done, size - done);
    if (n < 0 && errno != EINTR) return fail(err, "write", errno, "layer");
    done += n > 0 ? (size_t) n : 0;
  }
  uint64_t before = add->size;
  add->size += size;
  if (before / CHECK_EVERY != add->size / CHECK_EVERY) return room_left(add, err);
  return 0;
}

static int take_all(struct add *add, int from, struct error *err) {
  cleanup_free uint8_t *buffer = malloc(CHUNK);
  if (!buffer) return fail(err, "memory", ENOMEM, "layer");
  for (;;) {
    ssize_t n = read(from, buffer, CHUNK);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(err, "read", errno, "layer");
    if (!n) return tar_parser_finish(add->parser, err);
    /* The parser first: what is no tar is not kept. */
    if (tar_parser_feed(add->parser, buffer, (size_t) n, err)) return -1;
    sha256_update(&add->hash, buffer, (size_t) n);
    if (store(add, buffer, (size_t) n, err)) return -1;
  }
}

static int take_input(struct add *add, int argc, char **argv, struct error *err) {
  int count;
  char **command = layer_rest(argc, argv, &count);
  if (!count) return take_all(add, 0, err);
  int from = -1;
  pid_t pid = decompress_start(command, 0, &from, err);
  if (pid < 0) return -1;
  int result = take_all(add, from, err);
  close(from);
  if (result) {
    /* A stream that broke off explains a tar that did; what the tar itself is accused of stands. */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
  }
  return decompress_finish(pid, command[0], err);
}

/* The directory driver writes into the file system: in a root of its own, without network, with few capabilities. */
static int unpack_confined(struct add *add, struct error *err) {
  if (mkdirat(add->directory, "diff", 0755) && errno != EEXIST) return fail(err, "unpack", errno, "diff");
  cleanup_close int directory = openat(add->directory, "diff", O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
  if (directory < 0) return fail(err, "unpack", errno, "diff");
  return layer_unpack(&add->tree, directory, add->tar, err);
}

static int write_mountable(struct add *add, const char *digest, struct error *err) {
  if (tree_finish(&add->tree, err)) return -1;
  if (!strcmp(add->driver, "folder")) return unpack_confined(add, err);
  cleanup_close int image = openat(add->directory, "index.erofs", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (image < 0) return fail(err, "write", errno, "layer index");
  return erofs_write(&add->tree, image, add->tar, add->size, digest, err);
}

/* `root`: how the layer describes the root directory; a container's writable layer begins with the same. */
static int write_record(struct add *add, const char *digest, struct error *err) {
  const struct node *root = add->tree.root;
  char described[160] = "";
  if (!root->implied)
    snprintf(described, sizeof described, ",\"root\":{\"mode\":%u,\"uid\":%u,\"gid\":%u,\"mtime\":%lld}", root->mode, root->uid,
             root->gid, (long long) root->mtime);
  cleanup_close int fd = openat(add->directory, "layer.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || dprintf(fd, "{\"diffId\":\"sha256:%s\",\"driver\":\"%s\",\"size\":%llu,\"tarSize\":%llu,\"entries\":%llu%s}\n",
                        digest, add->driver, (unsigned long long) add->tree.size, (unsigned long long) add->size,
                        (unsigned long long) add->tree.node_count, described) < 0)
    return fail(err, "write", errno, "layer.json");
  return 0;
}

/* Puts the finished directory among the layers. When another add of the same bytes was first, its result serves. */
static int publish(const char *made, const char *layers, const char *digest, struct error *err) {
  cleanup_close int all = open(layers, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (all < 0) return fail(err, "write", errno, "%.200s", layers);
  if (!renameat(AT_FDCWD, made, all, digest) || errno == ENOTEMPTY || errno == EEXIST) return 0;
  return fail(err, "write", errno, "layer %s", digest);
}

static int sync_file(int directory, const char *name) {
  cleanup_close int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -1 : fsync(fd);
}

/* Writes a layer through, its name in `layers` included. An image is acknowledged after that. A layer without the mark,
   whose image was not, is checked against its digest after a power cut. */
static int make_durable(int directory, const char *driver, const char *layers) {
  int synced = !strcmp(driver, "folder") ? syncfs(directory)
                                         : sync_file(directory, "tar") || sync_file(directory, "index.erofs");
  if (synced || sync_file(directory, "layer.json") || fsync(directory) || (*layers && sync_file(AT_FDCWD, layers))) return -1;
  cleanup_close int mark = openat(directory, "durable", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  return 0;
}

static int run(struct add *add, int argc, char **argv, char digest[65], struct error *err) {
  const char *made = layer_option(argc, argv, "folder", "."), *expected = layer_option(argc, argv, "expected", "");
  struct tar_handler handler = {.entry = tree_entry, .data = &add->tree};
  add->compressed = strtoull(layer_option(argc, argv, "compressed", "0"), NULL, 10);
  add->directory = open(made, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (add->directory < 0) return fail(err, "write", errno, "%.200s", made);
  add->tar = openat(add->directory, "tar", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (add->tar < 0) return fail(err, "write", errno, "layer");
  sha256_init(&add->hash);
  add->parser = tar_parser_new(&handler);
  if (!add->parser) return fail(err, "memory", ENOMEM, "layer");
  if (tree_init(&add->tree, err) || room_left(add, err) || take_input(add, argc, argv, err)) return -1;
  sha256_hex(&add->hash, digest);
  if (*expected && strcmp(expected, digest)) return fail(err, "digest", 0, "sha256:%s", digest);
  if (write_mountable(add, digest, err) || write_record(add, digest, err)) return -1;
  return publish(made, layer_option(argc, argv, "layers", "."), digest, err);
}

int layer_add(int argc, char **argv) {
  struct error err = {0};
  char digest[65];
  struct add add = {.driver = layer_option(argc, argv, "driver", "erofs"), .directory = -1, .tar = -1};
  if (run(&add, argc, argv, digest, &err)) return layer_report_error(&err);
  FILE *out = layer_report();
  fprintf(out, "{\"diffId\":\"sha256:%s\",\"size\":%llu,\"tarSize\":%llu}\n", digest, (unsigned long long) add.tree.size,
          (unsigned long long) add.size);
  fclose(out);
  return make_durable(add.directory, add.driver, layer_option(argc, argv, "layers", "")) ? 1 : 0;
}

/* Writes through a layer that an earlier daemon left without the mark: `--directory`, `--driver`, and `--layers` above it. */
int layer_durable(int argc, char **argv) {
  struct error err = {0};
  cleanup_close int directory = open(layer_option(argc, argv, "folder", ""), O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (directory < 0 ||
      make_durable(directory, layer_option(argc, argv, "driver", "erofs"), layer_option(argc, argv, "layers", ""))) {
    fail(&err, "write", errno, "layer");
    return layer_report_error(&err);
  }
  return 0;
}

/* Writes through the file system of `--directory`. */
int layer_sync(int argc, char **argv) {
  struct error err = {0};
  const char *path = layer_option(argc, argv, "folder", "");
  cleanup_close int directory = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (directory >= 0 && !syncfs(directory)) return 0;
  fail(&err, "write", errno, "%.200s", path);
  return layer_report_error(&err);
}

/* Reads the tar of a layer that may not have reached the disk before a power cut, and writes all that was made of it anew. */
static int verify(struct add *add, const char *wanted, struct error *err) {
  char digest[65];
  struct tar_handler handler = {.entry = tree_entry, .data = &add->tree};
  add->tar = openat(add->directory, "tar", O_RDONLY | O_CLOEXEC);
  if (add->tar < 0) return fail(err, "read", errno, "layer");
  add->again = 1;
  sha256_init(&add->hash);
  add->parser = tar_parser_new(&handler);
  if (!add->parser) return fail(err, "memory", ENOMEM, "layer");
  if (tree_init(&add->tree, err) || take_all(add, add->tar, err)) return -1;
  sha256_hex(&add->hash, digest);
  if (strcmp(digest, wanted)) return fail(err, "digest", 0, "sha256:%s", digest);
  int old = openat(add->directory, "diff", O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
  if (old >= 0 && layer_empty_directory(old, err)) return -1;
  unlinkat(add->directory, "index.erofs", 0);
  unlinkat(add->directory, "layer.json", 0);
  return write_mountable(add, digest, err) || write_record(add, digest, err) ? -1 : 0;
}

/* `--directory` of a layer without the mark, `--digest` and `--driver` as its name and record say. */
int layer_verify(int argc, char **argv) {
  struct error err = {0};
  struct add add = {.driver = layer_option(argc, argv, "driver", "erofs"), .tar = -1};
  add.directory = open(layer_option(argc, argv, "folder", ""), O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (add.directory < 0 && fail(&err, "read", errno, "layer")) return layer_report_error(&err);
  if (verify(&add, layer_option(argc, argv, "digest", ""), &err)) return layer_report_error(&err);
  return make_durable(add.directory, add.driver, "") ? 1 : 0;
}

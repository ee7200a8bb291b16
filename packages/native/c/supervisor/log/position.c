#include "supervisor/log/position.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The file, in the machine's byte order. The first two are the supervisor's, the last the deliverer's; each is written at
   once, and read by a process that compares `inode` with the newest file's before it trusts `base`. */
struct position {
  volatile uint64_t base;      /* bytes in files before the newest */
  volatile uint64_t inode;     /* of the newest file */
  volatile uint64_t delivered; /* bytes */
};

static uint64_t inode_of(int fd) {
  struct stat st;
  return fstat(fd, &st) < 0 ? 0 : (uint64_t) st.st_ino;
}

/* A supervisor that was killed within a rotation has not said so: the file it wrote of last is the first rotated one now. */
static void catch_up(struct position *position, int fd, const char *path, uint64_t size) {
  uint64_t inode = inode_of(fd);
  cleanup_free char *rotated = NULL;
  struct stat st;
  if (position->inode && position->inode != inode) {
    if (asprintf(&rotated, "%s.1", path) < 0)
      rotated = NULL;
    else if (stat(rotated, &st) == 0 && (uint64_t) st.st_ino == position->inode)
      position->base += (uint64_t) st.st_size;
  }
  /* A power cut took lines that were delivered: what comes now is new. */
  if (position->delivered > position->base + size) position->base = position->delivered - size;
  position->inode = inode;
}

struct position *position_open(const char *file, int fd, const char *path, uint64_t size) {
  cleanup_close int made = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct stat st;
  if (made < 0 || fstat(made, &st) < 0) return NULL;
  if (st.st_size < (off_t) sizeof(struct position) && ftruncate(made, sizeof(struct position)) < 0) return NULL;
  void *map = mmap(NULL, sizeof(struct position), PROT_READ | PROT_WRITE, MAP_SHARED, made, 0);
  if (map == MAP_FAILED) return NULL;
  catch_up(map, fd, path, size);
  return map;
}

void position_rotated(struct position *position, int fd, uint64_t size) {
  position->base += size;
  position->inode = inode_of(fd);
}

uint64_t position_behind(const struct position *position, uint64_t size) {
  uint64_t end = position->base + size, delivered = position->delivered;
  return delivered < end ? end - delivered : 0;
}

void position_close(struct position *position) {
  if (position) munmap(position, sizeof *position);
}

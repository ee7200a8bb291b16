#include "layer/tree/erofs_mount.h"

#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/fsmount.h"

#define BLOBS_MAX 64

/* Descriptors that must stay open until the superblock exists. */
struct held {
  int fds[BLOBS_MAX + 1];
  int count;
};

static void release_held(struct held *held) {
  for (int i = 0; i < held->count; i++) close(held->fds[i]);
}

/* A loop device that the kernel frees with its last user. Returns its fd, its path in `path`; -1 with errno. */
static int loop_attach(const char *file, char *path, size_t size) {
  cleanup_close int backing = open(file, O_RDONLY | O_CLOEXEC);
  cleanup_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (backing < 0 || control < 0) return -1;
  for (int tries = 0; tries < 64; tries++) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) return -1;
    snprintf(path, size, "/dev/loop%d", number);
    cleanup_close int loop = open(path, O_RDWR | O_CLOEXEC);
    if (loop < 0) return -1;
    struct loop_config config = {.fd = (unsigned) backing, .info = {.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR}};
    if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) return steal_fd(&loop);
    /* Another process was quicker. */
    if (errno != EBUSY) return -1;
  }
  errno = EBUSY;
  return -1;
}

static int set_file(int context, const char *key, const char *file, int loop, struct held *held) {
  char device[32];
  int fd;
  if (loop) {
    fd = loop_attach(file, device, sizeof device);
    if (fd < 0) return -1;
    held->fds[held->count++] = fd;
    return fs_set(context, key, device);
  }
  int done = fs_set_path(context, key, file, &fd);
  if (fd >= 0) held->fds[held->count++] = fd;
  return done;
}

static int try_mount(const char *image, const char *const *blobs, int loop, struct error *err) {
  __attribute__((cleanup(release_held))) struct held held = {.count = 0};
  cleanup_close int context = fs_open("erofs");
  if (context < 0) return fail(err, "layer", errno, "erofs");
  if (fs_set(context, "ro", NULL) < 0 || set_file(context, "source", image, loop, &held) < 0)
    return fail(err, "layer", errno, "layer image %s", image);
  for (int i = 0; blobs && blobs[i]; i++) {
    if (i == BLOBS_MAX) return fail(err, "layer", E2BIG, "blobs of %s", image);
    if (set_file(context, "device", blobs[i], loop, &held) < 0) return fail(err, "layer", errno, "blob %s", blobs[i]);
  }
  int mounted = fs_mount(context, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
  if (mounted < 0) {
    int saved = errno;
    return fail(err, "layer", saved, "mount %s (%s)", image, fs_reason(context));
  }
  return mounted;
}

int erofs_mount(const char *image, const char *const *blobs, struct error *err) {
  static int by_loop;
  if (getenv("BERTH_NO_FILE_MOUNTS")) by_loop = 1;
  if (!by_loop) {
    int mounted = try_mount(image, blobs, 0, err);
    if (mounted >= 0 || err->status != ENOTBLK) return mounted;
    by_loop = 1;
  }
  return try_mount(image, blobs, 1, err);
}

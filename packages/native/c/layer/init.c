/* `layer init`: the places of the engine's own mounts, as a layer between an image and its containers. dockerd has one like
   it: a container's start then makes nothing in the container's own layer, and the container's changes are its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/inroot.h"
#include "layer/layer.h"
#include "layer/mount.h"
#include "layer/init_mount_points.h"

/* dockerd's mode of the files that it makes. */
static int make_file(int root, const char *path) {
  cleanup_close int there = inroot_open(root, path, O_PATH, INROOT_FOLLOW);
  cleanup_close int file = there < 0 && errno == ENOENT ? inroot_target(root, path, INROOT_FILE, INROOT_FOLLOW) : -1;
  char name[40];
  if (there >= 0) return 0;
  snprintf(name, sizeof name, "/proc/self/fd/%d", file);
  return file < 0 || chmod(name, 0755) ? -1 : 0;
}

static int make_place(int root, const struct init_mount_point *place, struct error *err) {
  cleanup_close int directory = -1;
  int made = place->kind == INROOT_FILE ? make_file(root, place->path)
                                        : (directory = inroot_target(root, place->path, place->kind, INROOT_FOLLOW));
  /* An image may have something else there; the container's start will tell what is wrong. */
  return made < 0 && errno != ENOTDIR && errno != EEXIST ? fail(err, "write", errno, "/%s", place->path) : 0;
}

static int make_places(int root, struct error *err) {
  /* By which programs tell that they run in a container. */
  static const struct init_mount_point mark = {".dockerenv", INROOT_FILE};
  if (init_mount_points_clear(root, err)) return -1;
  for (size_t i = 0; i < init_mount_points_count; i++) {
    if (make_place(root, &init_mount_points[i], err)) return -1;
  }
  return make_place(root, &mark, err);
}

/* Arguments: the parts of the root, the upper layer being the one to be made. */
int layer_init(int argc, char **argv) {
  struct error err = {0};
  struct layer_root root = {0};
  struct layer_work work = {.directory = -1, .held = -1};
  root.argv = layer_rest(argc, argv, &root.argc);
  cleanup_close int fd = layer_mount_whole(&root, 0, &work, &err);
  int result = fd < 0 || make_places(fd, &err);
  layer_remove_work(&work);
  if (result) return layer_report_error(&err);
  fprintf(layer_report(), "{}\n");
  return fflush(layer_report()) ? 1 : 0;
}

#include "layer/init_mount_points.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/sys.h"

const struct init_mount_point init_mount_points[] = {
    {"dev/console", INROOT_FILE},  {"dev/pts", INROOT_DIRECTORY}, {"dev/shm", INROOT_DIRECTORY},
    {"etc/hostname", INROOT_FILE}, {"etc/hosts", INROOT_FILE},    {"etc/resolv.conf", INROOT_FILE},
    {"proc", INROOT_DIRECTORY},    {"sys", INROOT_DIRECTORY},
};
const size_t init_mount_points_count = sizeof init_mount_points / sizeof *init_mount_points;

/* Takes away a symlink at `name`. Returns 1 when it was one, 0 when not, -1 with errno. */
static int take_link(int directory, const char *name) {
  struct stat st;
  if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return errno == ENOENT ? 0 : -1;
  if (!S_ISLNK(st.st_mode)) return 0;
  return unlinkat(directory, name, 0) < 0 ? -1 : 1;
}

/* Programs of old, and Java, look for mounts here. */
static int make_mtab(int root) {
  if (mkdirat(root, "etc", 0755) < 0 && errno != EEXIST) return -1;
  cleanup_close int directory = openat(root, "etc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  /* An image whose /etc is no directory keeps it. */
  return directory >= 0 && symlinkat("/proc/mounts", directory, "mtab") < 0 && errno != EEXIST ? -1 : 0;
}

/* As dockerd's layer of them hides links from mounts: resolv.conf is often one (systemd-resolved), and leads nowhere. */
int init_mount_points_clear(int root, struct error *err) {
  for (size_t i = 0; i < init_mount_points_count; i++) {
    char first[16];
    const char *path = init_mount_points[i].path, *slash = strchr(path, '/'), *last = slash ? slash + 1 : path;
    cleanup_close int directory = -1;
    if (slash) {
      memcpy(first, path, (size_t) (slash - path));
      first[slash - path] = 0;
      if (take_link(root, first) < 0) return fail(err, "rootfs", errno, "/%s", first);
      directory = openat(root, first, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (directory < 0) continue; /* the mount makes it, or tells what is wrong */
    }
    if (take_link(slash ? directory : root, last) < 0) return fail(err, "rootfs", errno, "/%s", path);
  }
  return make_mtab(root) < 0 ? fail(err, "rootfs", errno, "/etc/mtab") : 0;
}

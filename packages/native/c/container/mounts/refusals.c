/* Why a mount cannot be made, in runc's words: users, and the daemon's texts of errors, know these. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/inroot.h"
#include "container/mounts/kinds.h"

/* Adds ", data: OPTION,OPTION" to `out`, or nothing where there are no options; `first` comes before those of the mount. */
static void add_data(char *out, size_t size, const char *first, const struct mount_spec *mount) {
  size_t used = strlen(out);
  const char *before = ", data: ";
  if (*first) {
    used += (size_t) snprintf(out + used, size - used, "%s%s", before, first);
    before = ",";
  }
  for (const char **option = mount->data; *option && used < size - 1; option++) {
    used += (size_t) snprintf(out + used, size - used, "%s%s", before, *option);
    before = ",";
  }
}

static int refuse(const struct mount_spec *mount, unsigned flags, const char *first, int errnum, struct error *err) {
  char how[512];
  snprintf(how, sizeof how, "(via /proc/self/fd/6), flags: 0x%x", flags);
  add_data(how, sizeof how, first, mount);
  return fail_text(err, "mount", errnum, "error mounting \"%s\" to rootfs at \"%s\": mount %s:%s %s: %s", mount->source,
                   mount->destination, mount->source, mount->destination, how, go_strerror(errnum));
}

static unsigned flags_of(const struct mount_spec *mount) {
  return (unsigned) (mount->options.set | mount->options.recursive_set);
}

int refuse_options(const struct mount_spec *mount, struct error *err) {
  return refuse(mount, flags_of(mount), "", errno, err);
}

/* The first directory on the way to `path` that is none, in `out`. */
static void find_file_on_way(int root, const char *path, char out[PATH_MAX]) {
  if (inroot_final(root, path, out) < 0) snprintf(out, PATH_MAX, "%s", path);
  for (char *end = out + 1;; end++) {
    if (*end && *end != '/') continue;
    char after = *end;
    *end = 0;
    cleanup_close int directory = inroot_open(root, out, O_PATH | O_DIRECTORY, INROOT_FOLLOW);
    if (!after || (directory < 0 && errno == ENOTDIR)) return;
    *end = after;
  }
}

int refuse_target(const struct container *container, const struct mount_spec *mount, int directory, struct error *err) {
  struct stat st;
  cleanup_close int target = inroot_open(container->root, mount->destination, O_PATH, INROOT_FOLLOW);
  int there = target >= 0 && fstat(target, &st) == 0;
  if (there && !directory && S_ISDIR(st.st_mode))
    return refuse(mount, MS_BIND | (mount->options.recursive_bind ? MS_REC : 0), "", ENOTDIR, err);
  if (there && mount->kind == MOUNT_TMPFS) {
    char mode[16];
    snprintf(mode, sizeof mode, "mode=%04o", st.st_mode & 07777);
    return refuse(mount, flags_of(mount), mode, ENOTDIR, err);
  }
  char file[PATH_MAX];
  find_file_on_way(container->root, mount->destination, file);
  return fail_text(
      err, "mount", ENOTDIR,
      "error mounting \"%s\" to rootfs at \"%s\": create mount destination for %s mount: cannot mkdir in %s: not a "
      "directory",
      mount->source, mount->destination, mount->destination, file);
}

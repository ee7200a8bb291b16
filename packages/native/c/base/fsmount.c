#include "base/fsmount.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

int fs_open(const char *type) {
  return fsopen(type, FSOPEN_CLOEXEC);
}

int fs_set(int context, const char *key, const char *value) {
  if (value) return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0);
  return fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0);
}

int fs_set_path(int context, const char *key, const char *path, int *hold) {
  *hold = -1;
  if (strlen(path) < 256) return fs_set(context, key, path);
  *hold = open(path, O_PATH | O_CLOEXEC);
  if (*hold < 0) return -1;
  char shorter[32];
  snprintf(shorter, sizeof shorter, "/proc/self/fd/%d", *hold);
  return fs_set(context, key, shorter);
}

int fs_mount(int context, uint64_t attributes) {
  if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return -1;
  return fsmount(context, FSMOUNT_CLOEXEC, (unsigned) attributes);
}

const char *fs_reason(int context) {
  static char text[256];
  ssize_t n = read(context, text, sizeof text - 1);
  if (n <= 0) return "";
  text[n] = 0;
  text[strcspn(text, "\n")] = 0;
  /* "e message": the first letter is the level. */
  return n > 2 && text[1] == ' ' ? text + 2 : text;
}

int tree_clone(int dir, const char *path, int recursive) {
  return open_tree(dir, path,
                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0u : AT_EMPTY_PATH) | (recursive ? AT_RECURSIVE : 0u));
}

int tree_attach(int mount, int target) {
  return move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int tree_change(int mount, int recursive, uint64_t set, uint64_t clear, uint64_t propagation) {
  struct mount_attr attributes = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
  return mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u), &attributes, sizeof attributes);
}

static const struct {
  const char *name;
  uint64_t set, clear;
} attributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"defaults", 0, 0},
};

static const struct {
  const char *name;
  uint64_t flag;
} propagations[] = {{"private", MS_PRIVATE}, {"slave", MS_SLAVE}, {"shared", MS_SHARED}, {"unbindable", MS_UNBINDABLE}};

static void take_attribute(size_t i, uint64_t *set, uint64_t *clear) {
  /* The last of two that contradict each other counts. */
  *set = (*set & ~(attributes[i].clear | attributes[i].set)) | attributes[i].set;
  *clear = (*clear & ~attributes[i].set) | attributes[i].clear;
}

/* `idmap` or `ridmap`, alone or with =MAPS. */
static int id_map_option(const char *option, struct mount_options *out) {
  int recursive = *option == 'r';
  const char *rest = option + recursive;
  if (strncmp(rest, "idmap", 5) || (rest[5] && rest[5] != '=')) return 0;
  out->idmap = 1;
  out->recursive_idmap = recursive;
  out->id_maps = rest[5] ? rest + 6 : NULL;
  return 1;
}

int mount_option(const char *option, struct mount_options *out) {
  if (!strcmp(option, "bind")) return out->bind = 1;
  if (!strcmp(option, "rbind")) return out->bind = out->recursive_bind = 1;
  if (!strcmp(option, "force-recursive")) return out->force_recursive = 1;
  if (id_map_option(option, out)) return 1;
  for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
    if (!strcmp(option, attributes[i].name)) {
      take_attribute(i, &out->set, &out->clear);
      return 1;
    }
    /* "rro" and the like reach every mount below. */
    if (option[0] == 'r' && !strcmp(option + 1, attributes[i].name)) {
      take_attribute(i, &out->recursive_set, &out->recursive_clear);
      return 1;
    }
  }
  for (size_t i = 0; i < sizeof propagations / sizeof propagations[0]; i++) {
    int recursive = option[0] == 'r' && !strcmp(option + 1, propagations[i].name);
    if (!recursive && strcmp(option, propagations[i].name)) continue;
    out->propagation = propagations[i].flag;
    out->propagation_recursive = recursive;
    return 1;
  }
  return 0;
}

int overlay_is_writable(int mounted) {
  struct statvfs fs;
  return fstatvfs(mounted, &fs) < 0 || !(fs.f_flag & ST_RDONLY);
}

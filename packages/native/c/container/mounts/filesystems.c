/* Filesystems of the container's own namespaces. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/inroot.h"
#include "container/mounts/kinds.h"

static int set_option(int context, const char *option, const struct mount_spec *mount, struct error *err) {
  char key[128];
  const char *equals = strchr(option, '=');
  size_t n = equals ? (size_t) (equals - option) : strlen(option);
  if (n >= sizeof key) return fail(err, "mount", EINVAL, "option %s of %s", option, mount->destination);
  memcpy(key, option, n);
  key[n] = 0;
  if (fs_set(context, key, equals ? equals + 1 : NULL) < 0) return refuse_options(mount, err);
  return 0;
}

/* Takes the context over. `mode`: of the root directory, as text, or NULL. */
static int mount_context(int fd, const struct mount_spec *mount, const char *mode, struct error *err) {
  const struct mount_options *options = &mount->options;
  cleanup_close int context = fd;
  if (fs_set(context, "source", mount->source) < 0) return fail(err, "mount", errno, "source of %s", mount->destination);
  if (mode && fs_set(context, "mode", mode) < 0) return fail(err, "mount", errno, "mode of %s", mount->destination);
  for (const char **option = mount->data; *option; option++) {
    if (set_option(context, *option, mount, err) < 0) return -1;
  }
  cleanup_close int mounted = fs_mount(context, options->set | options->recursive_set);
  if (mounted < 0) return fail(err, "mount", errno, "mount %s", mount->destination);
  if (options->propagation && tree_change(mounted, options->propagation_recursive, 0, 0, options->propagation) < 0)
    return fail(err, "mount", errno, "propagation of %s", mount->destination);
  return steal_fd(&mounted);
}

static int make(const struct mount_spec *mount, const char *mode, struct error *err) {
  int context = fs_open(mount->type);
  return context < 0 ? fail(err, "mount", errno, "filesystem %s", mount->type) : mount_context(context, mount, mode, err);
}

int make_plain(struct container *container, const struct mount_spec *mount, struct error *err) {
  return make(mount, NULL, err);
}

int make_proc(struct container *container, const struct mount_spec *mount, struct error *err) {
  if (container->proc_clone >= 0) return steal_fd(&container->proc_clone);
  return container->proc_context >= 0 ? mount_context(steal_fd(&container->proc_context), mount, NULL, err)
                                      : make(mount, NULL, err);
}

/* sysfs belongs to the network namespace; where that is not the container's own, the host's is shown read-only, and nothing
   of what is mounted in there (other containers' cgroups, debugfs, efivarfs). */
int make_sysfs(struct container *container, const struct mount_spec *mount, struct error *err) {
  int mounted = make(mount, NULL, err);
  if (mounted >= 0 || err->status != EPERM || container->bare_sys < 0) return mounted;
  if (tree_change(container->bare_sys, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
                  MS_PRIVATE) < 0)
    return fail(err, "mount", errno, "the host's /sys");
  return steal_fd(&container->bare_sys);
}

/* A tmpfs over an existing directory takes its mode, as runc has it. */
int make_tmpfs(struct container *container, const struct mount_spec *mount, struct error *err) {
  char mode[16];
  struct stat st;
  for (const char **option = mount->data; *option; option++) {
    if (!strncmp(*option, "mode=", 5)) return make(mount, NULL, err);
  }
  cleanup_close int covered = inroot_open(container->root, mount->destination, O_PATH | O_DIRECTORY, INROOT_FOLLOW);
  if (covered < 0 || fstat(covered, &st) < 0) return make(mount, NULL, err);
  snprintf(mode, sizeof mode, "%o", st.st_mode & 07777);
  return make(mount, mode, err);
}

int make_cgroup2(struct container *container, const struct mount_spec *mount, struct error *err) {
  cleanup_close int context = fs_open("cgroup2");
  int mounted = context < 0 || fs_set(context, "source", "cgroup") < 0
                    ? -1
                    : fs_mount(context, mount->options.set | mount->options.recursive_set);
  return mounted < 0 ? fail(err, "mount", errno, "mount %s", mount->destination) : mounted;
}

/* A hierarchy of several controllers ("cpu,cpuacct") is found under each of their names. */
static int link_controllers(int directory, const char *name) {
  if (!strchr(name, ',')) return 0;
  char names[64];
  snprintf(names, sizeof names, "%s", name);
  for (char *save = NULL, *one = strtok_r(names, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
    if (symlinkat(name, directory, one) < 0) return -1;
  }
  return 0;
}

static int attach_hierarchy(int directory, struct cgroup_directory *cgroup, uint64_t flags, struct error *err) {
  cleanup_close int tree = steal_fd(&cgroup->tree);
  if (mkdirat(directory, cgroup->name, 0755) < 0) return fail(err, "mount", errno, "cgroup %s", cgroup->name);
  cleanup_close int target = openat(directory, cgroup->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (tree < 0 || target < 0 || tree_change(tree, 0, flags, 0, 0) < 0 || tree_attach(tree, target) < 0 ||
      link_controllers(directory, cgroup->name) < 0)
    return fail(err, "mount", errno, "cgroup %s", cgroup->name);
  return 0;
}

int attach_cgroup1(struct container *container, const struct mount_spec *mount, struct error *err) {
  uint64_t flags = mount->options.set | mount->options.recursive_set;
  cleanup_close int context = fs_open("tmpfs");
  if (context < 0 || fs_set(context, "source", "tmpfs") < 0 || fs_set(context, "mode", "755") < 0)
    return fail(err, "mount", errno, "tmpfs for cgroups");
  cleanup_close int directory = fs_mount(context, flags & ~(uint64_t) MOUNT_ATTR_RDONLY);
  if (directory < 0) return fail(err, "mount", errno, "tmpfs for cgroups");
  cleanup_close int target = inroot_target(container->root, mount->destination, INROOT_DIRECTORY, INROOT_REFUSE);
  if (target < 0 || tree_attach(directory, target) < 0) return fail(err, "mount", errno, "mount %s", mount->destination);
  for (int i = 0; i < container->cgroup.count; i++) {
    if (attach_hierarchy(directory, &container->cgroup.directory[i], flags, err) < 0) return -1;
  }
  if ((flags & MOUNT_ATTR_RDONLY) && tree_change(directory, 0, MOUNT_ATTR_RDONLY, 0, 0) < 0)
    return fail(err, "mount", errno, "%s read-only", mount->destination);
  return 0;
}

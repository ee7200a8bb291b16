#include "base/cleanup.h"
#include "container/mounts/kinds.h"

int host_filesystems_prepare(struct container *container, struct error *err) {
  if (!namespaces_has_user(&container->namespaces)) return 0;
  container->host_proc = tree_clone(AT_FDCWD, "/proc", 0);
  container->host_sys = tree_clone(AT_FDCWD, "/sys", 1);
  container->bare_sys = tree_clone(AT_FDCWD, "/sys", 0);
  /* Private, or their end in the container would be that of the host's own cgroup mounts. */
  if (container->host_proc < 0 || container->host_sys < 0 || container->bare_sys < 0 ||
      tree_change(container->host_proc, 0, 0, 0, MS_PRIVATE) < 0 || tree_change(container->host_sys, 1, 0, 0, MS_PRIVATE) < 0)
    return fail(err, "mount", errno, "/proc and /sys");
  return 0;
}

int show_host_filesystems(struct container *container, struct error *err) {
  if (container->host_proc < 0) return 0;
  if (move_mount(container->host_proc, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
      move_mount(container->host_sys, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fail(err, "mount", errno, "show /proc and /sys");
  return 0;
}

int hide_host_filesystems(struct container *container, struct error *err) {
  if (container->host_proc < 0) return 0;
  if (container->host_sys >= 0 && (fchdir(container->host_sys) < 0 || umount2(".", MNT_DETACH) < 0))
    return fail(err, "mount", errno, "hide /sys");
  if (fchdir(container->host_proc) < 0 || umount2(".", MNT_DETACH) < 0) return fail(err, "mount", errno, "hide /proc");
  if (fchdir(container->root) < 0) return fail(err, "mount", errno, "the container's root");
  return 0;
}

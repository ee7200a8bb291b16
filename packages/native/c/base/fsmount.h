/* The new mount API: a filesystem as a detached mount that nobody sees until it is moved into place. */
#ifndef BERTH_FSMOUNT_H
#define BERTH_FSMOUNT_H

#include <stdint.h>

#include "base/error.h"
#include "base/sys.h"

/* Starts a filesystem context; -1 with errno. */
int fs_open(const char *type);
/* Sets an option (value NULL: a flag); -1 with errno. Values beyond the kernel's 255 bytes are refused by it. */
int fs_set(int context, const char *key, const char *value);
/* Sets an option whose value is a path, which may be longer than the kernel takes as a string. `hold` receives an fd that
   must stay open until fs_mount, or -1. */
int fs_set_path(int context, const char *key, const char *path, int *hold);
/* Makes the superblock and a detached mount of it with MOUNT_ATTR_* flags; -1 with errno. */
int fs_mount(int context, uint64_t attributes);
/* The kernel's own words about the context's failure ("overlay: No changes allowed..."), or "". Valid until the next call. */
const char *fs_reason(int context);

/* A detached clone of the mount at a path; -1 with errno. */
int tree_clone(int dir, const char *path, int recursive);
/* Puts a detached mount onto the file or directory behind `target`; -1 with errno. */
int tree_attach(int mount, int target);
/* Sets and clears MOUNT_ATTR_* and the propagation (0: as it is); -1 with errno. */
int tree_change(int mount, int recursive, uint64_t set, uint64_t clear, uint64_t propagation);

/* Options of mount(8), sorted by who takes them. */
struct mount_options {
  uint64_t set, clear; /* this mount only */
  uint64_t recursive_set, recursive_clear;
  uint64_t propagation; /* MS_PRIVATE ...; 0 when none was given */
  int propagation_recursive;
  int bind, recursive_bind;
  int force_recursive; /* recursive_set must not be given up on an old kernel */
  int idmap;           /* the ids of its files are mapped */
  int recursive_idmap; /* those of what is mounted below it, too */
  const char *id_maps; /* how (id_maps_parse()); NULL: as the container's user namespace has them */
};

/* Takes one option; returns 1 when it was taken, 0 when it is the filesystem's own (key=value). */
int mount_option(const char *option, struct mount_options *out);

/* Whether a mounted overlay can be written. Where it can make nothing in its work directory, as on a full disk, the kernel
   mounts it read-only without a word. */
int overlay_is_writable(int mounted);

#endif

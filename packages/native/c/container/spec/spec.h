/* The spec of a container's launch, decoded once from its records; the rest of the set-up reads these members only.
 *
 * Records of a launch (argv[0] and its arguments). Those marked E are for docker exec too. Order counts among records of
 * one name. A record that is not listed here is refused, as one with too few, too many or malformed arguments; records of
 * plugins of the supervisor (supervisor.h) have been taken out before.
 *
 *   id ID                                  E  names the session keyring
 *   namespace TYPE [PATH]                     mnt pid uts ipc net cgroup user time: a new one, or the one at PATH;
 *                                             a type without a record is the supervisor's own. mnt is always new
 *   uid-map INSIDE OUTSIDE COUNT              for `namespace user`; likewise gid-map
 *   lower directory PATH                         overlay's lower layers, topmost first
 *   lower erofs IMAGE [BLOB...]
 *   overlay UPPER WORK [volatile]             two directories that lie in one
 *   image-lower DESTINATION KIND PATH [BLOB...]   likewise the layers of the image to be mounted there
 *   init-mount-points                         the root has our init mount points (layer/init.c): none is looked at
 *   root-readonly
 *   mount TYPE SOURCE DESTINATION [OPTION...] in order. bind: SOURCE is a path of the host; proc sysfs tmpfs devpts
 *                                             mqueue cgroup: SOURCE is only a name; shm-of: SOURCE is /proc/PID of a
 *                                             process whose /dev/shm is shared; image: SOURCE is only a
 *                                             name, the layers are in records of their own. Options are mount(8)'s, and for binds
 *                                             force-recursive (rro must not be given up), subpath=PATH in SOURCE, as
 *                                             for images, and idmap (ids as the user namespace has them) or
 *                                             idmap=uids=INSIDE-OUTSIDE-COUNT[#...];gids=..., likewise ridmap, which
 *                                             reaches what is mounted below
 *   device PATH TYPE MAJOR MINOR MODE UID GID c, u, b or p; MODE octal
 *   link PATH TARGET                          a symlink right under /dev
 *   mask PATH                                 hidden by a null device or an empty tmpfs, if it exists
 *   readonly PATH                             bound onto itself read-only, if it exists
 *   hostname NAME, domainname NAME
 *   sysctl KEY VALUE                          KEY with dots
 *   cgroup VERSION NAME PATH               E  joined; created at the start. VERSION 1: NAME is the hierarchy's
 *   cgroup-owner MARK                         the attribute trusted.berth of the last one's directory
 *   cgroup-write NAME FILE VALUE              into that cgroup's directory, in order
 *   device-rule TYPE MAJOR MINOR ACCESS       allowed, a c b; numbers or *; with no such record every device is allowed
 *   init                                      the program runs under our own init as process 1
 *   console-size ROWS COLUMNS              E
 *   rlimit NAME SOFT HARD                  E  as in getrlimit(2), lower case; numbers or -1 for no limit
 *   oom-score-adj NUMBER                   E
 *   no-new-privileges                      E
 *   caps BOUNDING EFFECTIVE PERMITTED INHERITABLE AMBIENT   E  hexadecimal masks. A user other than 0 has what execve
 *                                             leaves: no effective and permitted ones but the ambient
 *   seccomp FILE [log] [spec-allow]        E  a compiled filter on the host, array of struct sock_filter
 *   apparmor PROFILE, selinux LABEL        E  for the program
 *   user SPEC                              E  USER[:GROUP], numbers or names of the container's own files
 *   group ID-OR-NAME                       E  a supplementary group
 *   groups-policy merge or strict          E  the memberships that the container's files give the user count always, or never;
 *                                             without a record, where `user` names no group
 *   cwd PATH [create]                      E
 *   runtime PROGRAM BUNDLE FS [ARG...]        the container runs under another OCI runtime: PROGRAM with these arguments
 *                                             before its commands; BUNDLE and FS are directories (container/runtime/runtime.h). Then
 *                                             `mount` has only the mounts whose sources are made here: bind with a subpath or idmap, image
 *                                             and shm-of, in the order of their numbers below FS/mounts
 *   restore IMAGE WORK                        for that runtime: its processes are those of a checkpoint in the directory IMAGE;
 *                                             WORK is a directory for CRIU's log
 *   config HEAD TAIL                       E  for that runtime: config.json, of an exec its process, but for the value of the
 *                                             process's user, which stands between the two
 *   env NAME=VALUE...                      E  may be repeated
 *   arg VALUE...                           E  may be repeated
 */
#ifndef BERTH_CONTAINER_SPEC_H
#define BERTH_CONTAINER_SPEC_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/fsmount.h"
#include "base/records/launch.h"
#include "base/namespaces/namespaces.h"

/* A list of decoded records, in their order. FOR_EACH: `item` points to each in turn. */
#define SPEC_LIST(type) \
  struct {              \
    size_t count;       \
    type *items;        \
  }
#define FOR_EACH(item, list) for (__auto_type item = (list)->items; item && item < (list)->items + (list)->count; item++)

struct layer_spec {
  const char *destination; /* of an image's mount; NULL: a layer of the container's own root */
  int erofs;               /* 1: `path` is an EROFS image whose data lies in `blobs`; 0: it is a directory */
  const char *path;
  const char *const *blobs; /* NULL-terminated */
};

enum mount_kind {
  MOUNT_BIND,
  MOUNT_PROC,
  MOUNT_SYSFS,
  MOUNT_TMPFS,
  MOUNT_DEVPTS,
  MOUNT_MQUEUE,
  MOUNT_CGROUP,
  MOUNT_SHM_OF,
  MOUNT_IMAGE
};

struct mount_spec {
  enum mount_kind kind;
  const char *type; /* the kind's name, for fsopen(2) */
  const char *source, *destination;
  struct mount_options options;
  const char *subpath; /* of a bind or an image; or NULL */
  const char **data;   /* the filesystem's own options, KEY or KEY=VALUE, NULL-terminated */
};

struct device_spec {
  const char *path;
  mode_t mode; /* with the type */
  dev_t number;
  uid_t uid;
  gid_t gid;
};

struct pair_spec { /* a link and its target, a sysctl and its value */
  const char *name, *value;
};

struct cgroup_spec {
  int version; /* 1 or 2 */
  const char *name, *path;
};

struct cgroup_write_spec {
  const char *name, *file, *value;
};

struct device_rule {
  int type;   /* 'a', 'b', 'c' */
  long major; /* -1: any */
  long minor;
  unsigned access; /* BPF_DEVCG_ACC_* */
};

struct rlimit_spec {
  int resource; /* RLIMIT_* */
  struct rlimit limit;
};

struct caps {
  uint64_t bounding, effective, permitted, inheritable, ambient; /* bit N is capability N */
};

/* A NULL-terminated list of words with room for one more. */
struct words_spec {
  size_t count;
  char **words;
};

struct container_spec {
  SPEC_LIST(struct namespace_request) namespaces;
  const char *id; /* "berth" without a record */
  struct id_maps id_maps;
  SPEC_LIST(struct layer_spec) layers;
  SPEC_LIST(struct layer_spec) image_layers;
  const char *upper, *work;
  int is_volatile;
  int init_mount_points, root_readonly, init, no_new_privileges;
  SPEC_LIST(struct mount_spec) mounts;
  SPEC_LIST(struct device_spec) devices;
  SPEC_LIST(struct pair_spec) links;
  SPEC_LIST(const char *) masks;
  SPEC_LIST(const char *) readonly;
  const char *hostname, *domainname; /* or NULL */
  SPEC_LIST(struct pair_spec) sysctls;
  SPEC_LIST(struct cgroup_spec) cgroups;
  const char *cgroup_owner; /* or NULL */
  SPEC_LIST(struct cgroup_write_spec) cgroup_writes;
  SPEC_LIST(struct device_rule) device_rules;
  unsigned short rows, columns; /* of the terminal; 0: as it is */
  SPEC_LIST(struct rlimit_spec) rlimits;
  const char *oom_score_adj;      /* a checked number, or NULL */
  struct caps caps;               /* all empty without a record */
  const char *seccomp;            /* the filter's path, or NULL */
  unsigned seccomp_flags;         /* SECCOMP_FILTER_FLAG_* */
  const char *apparmor, *selinux; /* or NULL */
  const char *user;               /* "" without a record */
  SPEC_LIST(const char *) groups;
  int groups_merge, groups_strict;
  const char *cwd; /* "/" without a record */
  int create_cwd;
  struct words_spec env, args;
  const char *const *runtime;               /* PROGRAM, BUNDLE, FS, arguments, NULL; or NULL: our own */
  const char *restore_image, *restore_work; /* or NULL */
  const char *config_head, *config_tail;    /* or NULL */
  void *words;                              /* memory of mounts' data */
};

enum spec_for { SPEC_FOR_START, SPEC_FOR_EXEC, SPEC_FOR_MOUNT };

/* Decodes the records of a start, an exec, or mounts that a running container gets. Strings of the spec are those of `launch`,
   which must outlive it. Returns 0, or -1 with stage "launch" and an error that names the record; then there is nothing to
   free. */
int spec_decode(const struct launch *launch, enum spec_for what, struct container_spec **out, struct error *err);
/* Frees a spec; NULL is allowed. */
void spec_free(struct container_spec *spec);
static inline void spec_cleanup_(struct container_spec **spec) {
  spec_free(*spec);
}
#define cleanup_spec __attribute__((cleanup(spec_cleanup_)))

#endif

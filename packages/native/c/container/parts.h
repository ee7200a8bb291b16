/* The parts of a container's set-up as they see each other. Outside, use container.h.
 *
 * Names: `*_prepare` runs in the supervisor, in the host's mount namespace; `*_apply` runs in the container's child
 * before it has become the program. Neither trusts anything that lies inside the container's root.
 *
 * Records of a launch (argv[0] and its arguments). Those marked E are for docker exec too. Order counts among records of
 * one name. A record that no part knows is an error, but for those that parts of the supervisor take (supervisor.h).
 *
 *   id ID                                  E  names the session keyring
 *   namespace TYPE [PATH]                     mnt pid uts ipc net cgroup user time: a new one, or the one at PATH;
 *                                             a type without a record is the supervisor's own. mnt is always new
 *   uid-map INSIDE OUTSIDE COUNT              for `namespace user`; likewise gid-map
 *   lower folder PATH                         overlay's lower layers, topmost first
 *   lower erofs IMAGE [BLOB...]
 *   overlay UPPER WORK [volatile]
 *   image-lower DESTINATION KIND PATH [BLOB...]   likewise the layers of the image to be mounted there
 *   own-places                                the root has the places of our own mounts (layer/init.c): none is looked at
 *   root-readonly
 *   mount TYPE SOURCE DESTINATION [OPTION...] in order. bind: SOURCE is a path of the host; proc sysfs tmpfs devpts
 *                                             mqueue cgroup: SOURCE is only a name; shm-of: SOURCE is /proc/PID of a
 *                                             process whose /dev/shm is shared; image: SOURCE is only a
 *                                             name, the layers are in records of their own. Options are mount(8)'s, and for binds
 *                                             force-recursive (rro must not be given up) and subpath=PATH in SOURCE, as
 *                                             for images
 *   device PATH TYPE MAJOR MINOR MODE UID GID c, b or p; MODE octal
 *   link PATH TARGET                          a symlink under /dev
 *   mask PATH                                 hidden by a null device or an empty tmpfs, if it exists
 *   readonly PATH                             bound onto itself read-only, if it exists
 *   hostname NAME, domainname NAME
 *   sysctl KEY VALUE                          KEY with dots
 *   cgroup VERSION NAME FOLDER             E  joined; created at the start. VERSION 1: NAME is the hierarchy's
 *   cgroup-owner MARK                         the attribute trusted.berth of the last one's folder
 *   cgroup-write NAME FILE VALUE              into that cgroup's folder, in order
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
 *   cwd PATH [create]                      E
 *   env NAME=VALUE...                      E  may be repeated
 *   arg VALUE...                           E  may be repeated
 */
#ifndef BERTH_CONTAINER_PARTS_H
#define BERTH_CONTAINER_PARTS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/namespaces.h"
#include "container/cgroup/cgroup.h"
#include "container/container.h"

/* A mount record as the supervisor prepared it. */
struct prepared_mount {
  const struct launch_record *record;
  int fd; /* a detached mount for move_mount; -1 when the child has to make it */
};

struct container {
  const struct launch *launch; /* until the program runs */
  struct namespaces namespaces;
  struct cgroup cgroup;
  int root;                    /* the detached, later attached, root mount */
  struct prepared_mount *mounts;
  size_t mount_count;
  int null;                    /* in the child: a detached clone of namespaces_null, for masks */
  int host_proc, host_sys;     /* shown to the kernel while a user namespace's own are made; else -1 */
  int bare_sys;                /* the host's sysfs alone, for a network namespace that is not the user namespace's; else -1 */
  int device_tree;             /* under a user namespace: a detached tmpfs with a node "N" for the Nth device record; else -1 */
  int init_program;            /* this program's own sealed file, with --init; else -1 */
  int proc_context, proc_clone; /* what the procfs of a shared PID namespace is made of; else -1 */
  int proc;                    /* in the child: the container's own procfs */
  dev_t dev;                   /* in the child: the container's own /dev, or 0 */
  pid_t pid;
  int pidfd;
};

/* The child's own end: where errors and the terminal's master go. */
struct child {
  struct container *container;
  const struct launch *launch;
  const struct process_io *io;
  int channel;
  int root;
  int proc;                    /* a trusted procfs of the container's PID namespace, or -1 */
  int self;                    /* a trusted procfs that has the child itself in it, or -1 */
  struct birth *birth;         /* the program is to run in a process made at the very end (birth.h), or NULL */
  int seccomp_size;            /* instructions */
  void *seccomp;
};

/* rootfs.c: the overlay as a detached mount. `user_ns`: layers are id-mapped to it, -1 for none. */
int rootfs_prepare(const struct launch *launch, int user_ns, int *root, struct error *err);
/* Maps a mount's ids to those of a user namespace. Returns 0, or -1 with errno. */
int map_ids(int mount, int user_ns);
/* What is at `subpath` (NULL: all) of the image whose layers are for the mount at `place`, as a detached mount; -1. */
int rootfs_image(const struct launch *launch, const char *place, const char *subpath, int user_ns, struct error *err);

/* mounts.c */
int mounts_prepare(struct container *container, int user_ns, struct error *err);
int mounts_apply(struct container *container, int root, struct error *err);
/* masks.c */
int masks_apply(struct container *container, int root, struct error *err);
int root_readonly_apply(const struct launch *launch, int root, struct error *err);

/* procfs.c: opens what the procfs of a shared PID namespace is made of; nothing for a new one. */
int procfs_shared(struct container *container, struct error *err);

/* devices.c */
int devices_prepare(struct container *container, int user_ns, struct error *err);
int devices_apply(struct container *container, int root, struct error *err);

/* terminal.c: a pty of the container's devpts. The slave stays with the caller. */
int terminal_open(const struct launch *launch, int root, int *master, int *slave, struct error *err);
/* Binds the slave over /dev/console. */
int terminal_console(int root, int slave, struct error *err);

/* stdio.c: the descriptors 0, 1 and 2 become those of the launch, or the terminal's `slave`. */
int stdio_set(const struct child *child, int slave, struct error *err);
int stdio_own(uid_t uid, struct error *err);

/* sysctl.c: host name, domain name and sysctls. */
int names_apply(const struct launch *launch, struct error *err);
/* `part`: SYSCTLS_ALL, or those of the network alone, or the others. */
enum sysctl_part { SYSCTLS_ALL, SYSCTLS_NET, SYSCTLS_OTHER };
int sysctls_apply(const struct launch *launch, int proc, enum sysctl_part part, struct error *err);

/* process.c: from here on start and exec are the same. Does not return when it succeeds. */
/* Makes the working directory where the launch asks for it, while the root can still be written. */
int process_cwd(const struct child *child, struct error *err);
int process_run(struct child *child, int slave, struct error *err);
/* Sets the score of a process in a user namespace, which may not do it itself. */
int process_oom_score(const struct launch *launch, pid_t pid, struct error *err);
/* Sets the caller's own score, while it still has the machine's rights. */
int process_own_oom_score(const struct child *child, struct error *err);
/* Reads the seccomp filter while the host's files can still be named. */
int seccomp_read(const struct launch *launch, struct child *child, struct error *err);
/* Loads it. With a `key` (not 0) the few calls that the process has yet to make before it is the program pass whatever the
   filter says, if that is their sixth argument (birth.c). */
int seccomp_load(const struct launch *launch, const struct child *child, uint64_t key, struct error *err);

#endif

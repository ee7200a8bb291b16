#include "namespaces.h"

#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "container_parts.h"
#include "launcher.h"
#include "sys.h"

static const struct {
  const char *name;
  uint64_t flag;
} kinds[NS_COUNT] = {
    [NS_MNT] = {"mnt", CLONE_NEWNS},         [NS_PID] = {"pid", CLONE_NEWPID},
    [NS_UTS] = {"uts", CLONE_NEWUTS},        [NS_IPC] = {"ipc", CLONE_NEWIPC},
    [NS_NET] = {"net", CLONE_NEWNET},        [NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP},
    [NS_TIME] = {"time", CLONE_NEWTIME},     [NS_USER] = {"user", CLONE_NEWUSER},
};

int namespaces_own(int kind) {
  static int own[NS_COUNT]; /* fd + 1 */
  if (!own[kind]) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[kind].name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    own[kind] = fd + 1;
  }
  return own[kind] - 1;
}

int namespaces_prepare(const struct launch *launch, struct namespaces *out, struct error *err) {
  out->create = CLONE_NEWNS;
  for (int i = 0; i < NS_COUNT; i++) out->join[i] = -1;
  size_t at = 0;
  for (const struct launch_record *r; (r = launch_next(launch, "namespace", &at));) {
    int kind = -1;
    for (int i = 0; r->argc >= 2 && i < NS_COUNT; i++) {
      if (!strcmp(r->argv[1], kinds[i].name)) kind = i;
    }
    if (kind < 0 || r->argc > 3) return fail(err, "launch", EINVAL, "namespace record of %d arguments", r->argc);
    if (r->argc == 2) {
      out->create |= kinds[kind].flag;
      continue;
    }
    if (kind == NS_MNT) return fail(err, "launch", EINVAL, "a container's mount namespace is always its own");
    out->join[kind] = open(r->argv[2], O_RDONLY | O_CLOEXEC);
    if (out->join[kind] < 0) return fail(err, "namespace", errno, "%s namespace %s", kinds[kind].name, r->argv[2]);
  }
  /* A user namespace would have to own it. */
  if ((out->create & CLONE_NEWNET) && container_spare_netns >= 0 && !namespaces_has_user(out)) {
    out->create &= ~(uint64_t) CLONE_NEWNET;
    out->join[NS_NET] = container_spare_netns;
    container_spare_netns = -1;
  }
  return 0;
}

void namespaces_close(struct namespaces *namespaces) {
  for (int i = 0; i < NS_COUNT; i++) {
    if (namespaces->join[i] >= 0) close(namespaces->join[i]);
    namespaces->join[i] = -1;
  }
}

int namespaces_has_user(const struct namespaces *namespaces) {
  return (namespaces->create & CLONE_NEWUSER) || namespaces->join[NS_USER] >= 0;
}

int namespaces_empty(struct error *err) {
  if (container_empty_mntns < 0) container_empty_mntns = make_empty_mntns(err);
  return container_empty_mntns;
}

/* What the caller joins for the moment of the clone, so that the child is born there with the caller's rights. */
static const int lent[] = {NS_TIME, NS_PID, NS_UTS, NS_IPC, NS_NET};

static int lend(const struct namespaces *namespaces, int mnt, struct error *err) {
  for (size_t i = 0; i < sizeof lent / sizeof lent[0]; i++) {
    int kind = lent[i];
    if (namespaces->join[kind] < 0) continue;
    if (namespaces_own(kind) < 0 || setns(namespaces->join[kind], (int) kinds[kind].flag) < 0)
      return fail(err, "namespace", errno, "join the %s namespace", kinds[kind].name);
  }
  /* Last: /proc is gone there. */
  if (namespaces_own(NS_MNT) < 0 || setns(mnt, CLONE_NEWNS) < 0)
    return fail(err, "namespace", errno, "join the empty mount namespace");
  return 0;
}

static void give_back(const struct namespaces *namespaces) {
  if (setns(namespaces_own(NS_MNT), CLONE_NEWNS) < 0) _exit(125);
  for (size_t i = 0; i < sizeof lent / sizeof lent[0]; i++) {
    int kind = lent[i];
    if (namespaces->join[kind] >= 0 && setns(namespaces_own(kind), (int) kinds[kind].flag) < 0) _exit(125);
  }
}

pid_t namespaces_clone(const struct namespaces *namespaces, int cgroup, int *pidfd, struct error *err) {
  int empty = namespaces_empty(err);
  if (empty < 0) return -1;
  /* Opened before the hop: there is no /proc where it leads. */
  if (namespaces_own(NS_MNT) < 0) return fail(err, "namespace", errno, "own mount namespace");
  if (lend(namespaces, empty, err) < 0) {
    give_back(namespaces);
    return -1;
  }
  /* A joined user namespace comes first, and what it is to own after it. The cgroup namespace's root is the cgroup that
     the child has joined by then. */
  uint64_t create = namespaces->create & ~(uint64_t) CLONE_NEWCGROUP;
  if (namespaces->join[NS_USER] >= 0) create &= CLONE_NEWPID;
  struct clone_args args = {.flags = create | CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uint64_t) (uintptr_t) pidfd};
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t) cgroup;
  }
  pid_t pid = sys_clone3(&args);
  if (pid == 0) return 0;
  int saved = errno;
  give_back(namespaces);
  if (pid < 0) return fail(err, "namespace", saved, "clone the container's process");
  return pid;
}

int namespaces_child(const struct namespaces *namespaces, int channel, struct error *err) {
  if (namespaces->join[NS_USER] >= 0) {
    if (setns(namespaces->join[NS_USER], CLONE_NEWUSER) < 0) return fail(err, "namespace", errno, "join the user namespace");
    uint64_t rest = namespaces->create & ~(uint64_t) (CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWCGROUP);
    if (unshare((int) rest) < 0) return fail(err, "namespace", errno, "unshare");
  } else if (namespaces->create & CLONE_NEWUSER) {
    char go;
    if (read(channel, &go, 1) != 1) _exit(125);
  }
  if (namespaces_has_user(namespaces)) {
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
      return fail(err, "namespace", errno, "become the user namespace's root");
  }
  return 0;
}

static int write_map(const struct launch *launch, pid_t pid, const char *record, const char *file, struct error *err) {
  char path[64], text[2048];
  size_t length = 0, at = 0;
  for (const struct launch_record *r; (r = launch_next(launch, record, &at));) {
    if (r->argc != 4) return fail(err, "launch", EINVAL, "%s record", record);
    int n = snprintf(text + length, sizeof text - length, "%s %s %s\n", r->argv[1], r->argv[2], r->argv[3]);
    if (n < 0 || (size_t) n >= sizeof text - length) return fail(err, "launch", E2BIG, "%s records", record);
    length += (size_t) n;
  }
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, length) != (ssize_t) length) return fail(err, "namespace", errno, "write %s", path);
  return 0;
}

int namespaces_write_maps(const struct launch *launch, pid_t pid, struct error *err) {
  return write_map(launch, pid, "uid-map", "uid_map", err) < 0 || write_map(launch, pid, "gid-map", "gid_map", err) < 0
             ? -1
             : 0;
}

int namespaces_user_fd(const struct launch *launch, struct error *err) {
  struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  pid_t pid = sys_clone3(&args);
  if (pid == 0) {
    for (;;) pause();
  }
  if (pid < 0) return fail(err, "namespace", errno, "make a user namespace");
  int fd = -1;
  if (namespaces_write_maps(launch, pid, err) == 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(err, "namespace", errno, "%s", path);
  }
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  return fd;
}

pid_t namespaces_clone_into(int pidfd, int has_pid, int cgroup, int *child_pidfd, struct error *err) {
  if (has_pid && (namespaces_own(NS_PID) < 0 || setns(pidfd, CLONE_NEWPID) < 0))
    return fail(err, "namespace", errno, "join the container's PID namespace");
  struct clone_args args = {
      .flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uint64_t) (uintptr_t) child_pidfd};
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t) cgroup;
  }
  pid_t pid = sys_clone3(&args);
  if (pid == 0) return 0;
  int saved = errno;
  if (has_pid && setns(namespaces_own(NS_PID), CLONE_NEWPID) < 0) _exit(125);
  if (pid < 0) return fail(err, "namespace", saved, "clone a process");
  return pid;
}

int namespaces_join(int pidfd, uint64_t which, struct error *err) {
  if (setns(pidfd, (int) which) < 0) return fail(err, "namespace", errno, "join the container's namespaces");
  return 0;
}

#include "base/namespaces/namespaces.h"

#include <grp.h>
#include <net/if.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/records/fields.h"
#include "base/sys.h"

int namespaces_empty_mnt = -1, namespaces_null = -1, namespaces_spare_net = -1;

static const struct {
  const char *name;
  uint64_t flag;
} kinds[NS_COUNT] = {
    [NS_MNT] = {"mnt", CLONE_NEWNS},     [NS_PID] = {"pid", CLONE_NEWPID},    [NS_UTS] = {"uts", CLONE_NEWUTS},
    [NS_IPC] = {"ipc", CLONE_NEWIPC},    [NS_NET] = {"net", CLONE_NEWNET},    [NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP},
    [NS_TIME] = {"time", CLONE_NEWTIME}, [NS_USER] = {"user", CLONE_NEWUSER},
};

int namespaces_kind(const char *name) {
  for (int i = 0; i < NS_COUNT; i++) {
    if (!strcmp(name, kinds[i].name)) return i;
  }
  return -1;
}

struct namespace_words {
  const char *type, *path;
};
static const struct field namespace_fields[] = {
    PLACED(FIELD_WORD, namespace_words, type),
    OPTIONAL(FIELD_WORD, namespace_words, path, 0),
    FIELDS_END,
};

int namespace_decode(const struct launch_record *record, struct namespace_request *request, struct error *err) {
  struct namespace_words words = {0};
  if (fields_decode("launch", namespace_fields, record, &words, NULL, err) < 0) return -1;
  *request = (struct namespace_request){.kind = namespaces_kind(words.type), .path = words.path};
  return request->kind < 0 ? fail(err, "launch", EINVAL, "namespace: unknown type %s", words.type) : 0;
}

uint64_t namespaces_flag(int kind) {
  return kinds[kind].flag;
}

const char *namespaces_name(int kind) {
  return kinds[kind].name;
}

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

/* The user namespace that owns another one; -1 with errno 0 for the supervisor's own. */
static int owner_of(int fd) {
  struct stat own, found;
  cleanup_close int owner = ioctl(fd, NS_GET_USERNS);
  int mine = namespaces_own(NS_USER);
  if (owner < 0 || mine < 0 || fstat(mine, &own) < 0 || fstat(owner, &found) < 0) return -1;
  errno = 0;
  return own.st_ino == found.st_ino && own.st_dev == found.st_dev ? -1 : steal_fd(&owner);
}

static int join_owner(struct namespaces *out, struct error *err) {
  static const int shared[] = {NS_NET, NS_PID, NS_IPC};
  for (size_t i = 0; (out->create & CLONE_NEWUSER) && i < sizeof shared / sizeof *shared; i++) {
    if (out->join[shared[i]] < 0) continue;
    int owner = owner_of(out->join[shared[i]]);
    if (owner < 0 && errno) return fail(err, "namespace", errno, "owner of the %s namespace", kinds[shared[i]].name);
    if (owner < 0) continue;
    out->join[NS_USER] = owner;
    out->create &= ~(uint64_t) CLONE_NEWUSER;
  }
  return 0;
}

int namespaces_prepare(const struct namespace_request *requests, size_t count, struct namespaces *out, struct error *err) {
  out->create = CLONE_NEWNS;
  for (int i = 0; i < NS_COUNT; i++) out->join[i] = -1;
  for (const struct namespace_request *request = requests; request < requests + count; request++) {
    int kind = request->kind;
    if (!request->path) {
      out->create |= kinds[kind].flag;
      continue;
    }
    out->join[kind] = open(request->path, O_RDONLY | O_CLOEXEC);
    if (out->join[kind] < 0) return fail(err, "namespace", errno, "%s namespace %s", kinds[kind].name, request->path);
  }
  /* A user namespace would have to own it. */
  if ((out->create & CLONE_NEWNET) && namespaces_spare_net >= 0 && !namespaces_has_user(out)) {
    out->create &= ~(uint64_t) CLONE_NEWNET;
    out->join[NS_NET] = namespaces_spare_net;
    namespaces_spare_net = -1;
  }
  return join_owner(out, err);
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

/* A network namespace of its own begins with loopback down. */
int loopback_up(struct error *err) {
  cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0) return fail(err, "namespace", errno, "loopback");
  return 0;
}

int namespaces_empty(struct error *err) {
  if (namespaces_empty_mnt < 0) namespaces_empty_mnt = make_empty_mntns(&namespaces_null, err);
  return namespaces_empty_mnt;
}

int namespaces_null_open(int flags, struct error *err) {
  char path[40];
  if (namespaces_empty(err) < 0) return -1;
  snprintf(path, sizeof path, "/proc/self/fd/%d", namespaces_null);
  int fd = open(path, flags | O_CLOEXEC);
  return fd < 0 ? fail(err, "stdio", errno, "open the null device") : fd;
}

/* The namespaces that the caller joins for the moment of the clone, so that the child begins there with the caller's rights.
   A PID namespace is not among them: the processes in it would see the child before it has left the host. */
static const int joined_for_clone[] = {NS_TIME, NS_UTS, NS_IPC, NS_NET};

static int join_for_clone(const struct namespaces *namespaces, int mnt, struct error *err) {
  for (size_t i = 0; i < sizeof joined_for_clone / sizeof joined_for_clone[0]; i++) {
    int kind = joined_for_clone[i];
    if (namespaces->join[kind] < 0) continue;
    if (namespaces_own(kind) < 0 || setns(namespaces->join[kind], (int) kinds[kind].flag) < 0)
      return fail(err, "namespace", errno, "join the %s namespace", kinds[kind].name);
  }
  /* Last: /proc is gone there. */
  if (namespaces_own(NS_MNT) < 0 || setns(mnt, CLONE_NEWNS) < 0)
    return fail(err, "namespace", errno, "join the empty mount namespace");
  return 0;
}

static void restore_namespaces(const struct namespaces *namespaces) {
  if (setns(namespaces_own(NS_MNT), CLONE_NEWNS) < 0) _exit(125);
  for (size_t i = 0; i < sizeof joined_for_clone / sizeof joined_for_clone[0]; i++) {
    int kind = joined_for_clone[i];
    if (namespaces->join[kind] >= 0 && setns(namespaces_own(kind), (int) kinds[kind].flag) < 0) _exit(125);
  }
}

/* The helper of clone_within() tells with this whether its clone3 succeeded: 0 and the pidfd, or an errno. */
struct clone_result {
  int status, pidfd;
};

/* The number of the process behind a pidfd, which is of the caller's own PID namespace. */
static pid_t pid_behind(int pidfd) {
  char path[48], text[512];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (n < 0) return -1;
  text[n] = 0;
  const char *line = strstr(text, "Pid:");
  return line ? (pid_t) strtol(line + 4, NULL, 10) : -1;
}

/* Clones a child out of a user namespace, so that all that is made for it belongs to that one. The process that goes there
   leaves nothing but the child, which is the caller's. Returns 0 in the child, 1 in the caller, -1 with errno. */
static int clone_within(int user, struct clone_args *args, int *pidfd) {
  int channel[2];
  if (pipe2(channel, O_CLOEXEC) < 0) return -1;
  cleanup_close int in = channel[0], out = channel[1];
  struct clone_args between = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
  pid_t helper = sys_clone3(&between);
  if (helper < 0) return -1;
  if (helper == 0) {
    struct clone_result result = {.pidfd = -1};
    args->flags |= CLONE_PARENT;
    args->exit_signal = 0; /* as its parent's */
    /* Others of that namespace may not look into what it has open. */
    pid_t pid = prctl(PR_SET_DUMPABLE, 0) < 0 || setns(user, CLONE_NEWUSER) < 0 ? -1 : sys_clone3(args);
    if (pid == 0) return 0;
    if (pid < 0)
      result.status = errno;
    else
      result.pidfd = *pidfd;
    _exit(write(out, &result, sizeof result) != sizeof result);
  }
  struct clone_result result;
  while (waitpid(helper, NULL, 0) < 0 && errno == EINTR) {}
  close(steal_fd(&out));
  if (read(in, &result, sizeof result) != sizeof result) result.status = ECHILD;
  *pidfd = result.pidfd;
  errno = result.status;
  return result.status ? -1 : 1;
}

pid_t namespaces_clone(const struct namespaces *namespaces, int cgroup, int *pidfd, struct error *err) {
  int empty = namespaces_empty(err);
  if (empty < 0) return -1;
  /* Opened before the hop: there is no /proc where it leads. */
  if (namespaces_own(NS_MNT) < 0) return fail(err, "namespace", errno, "own mount namespace");
  if (join_for_clone(namespaces, empty, err) < 0) {
    restore_namespaces(namespaces);
    return -1;
  }
  /* The cgroup namespace's root is the cgroup that the child has joined by then. */
  uint64_t create = namespaces->create & ~(uint64_t) CLONE_NEWCGROUP;
  int user = namespaces->join[NS_USER];
  struct clone_args args = {.flags = create | CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uint64_t) (uintptr_t) pidfd};
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t) cgroup;
  }
  pid_t pid = user < 0 ? sys_clone3(&args) : clone_within(user, &args, pidfd);
  if (pid == 0) return 0;
  int saved = errno;
  restore_namespaces(namespaces);
  if (pid < 0) return fail(err, "namespace", saved, "clone the container's process");
  if (user >= 0 && (pid = pid_behind(*pidfd)) < 0) return fail(err, "namespace", errno, "find the container's process");
  return pid;
}

int namespaces_child(const struct namespaces *namespaces, int channel, struct error *err) {
  if (namespaces_has_user(namespaces)) {
    char go;
    if (read(channel, &go, 1) != 1) _exit(125);
  }
  if (namespaces_has_user(namespaces)) {
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
      return fail(err, "namespace", errno, "become the user namespace's root");
  }
  return 0;
}

pid_t namespaces_clone_beside(int cgroup, struct error *err) {
  struct clone_args args = {.exit_signal = SIGCHLD};
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t) cgroup;
  }
  pid_t pid = sys_clone3(&args);
  return pid < 0 ? fail(err, "namespace", errno, "clone a process") : pid;
}

int namespaces_join_pid(const struct namespaces *namespaces, struct error *err) {
  if (setns(namespaces->join[NS_PID], CLONE_NEWPID) < 0) return fail(err, "namespace", errno, "join the PID namespace");
  return 0;
}

int namespaces_join(int pidfd, uint64_t which, struct error *err) {
  if (setns(pidfd, (int) which) < 0) return fail(err, "namespace", errno, "join the container's namespaces");
  return 0;
}

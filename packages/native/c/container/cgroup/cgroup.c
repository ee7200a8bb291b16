#include "container/cgroup/cgroup.h"

#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/fsmount.h"
#include "base/sys.h"
#include "container/internal.h"

static int read_small(int dir, const char *file, char *text, size_t size) {
  cleanup_close int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n = read(fd, text, size - 1);
  if (n < 0) return -1;
  text[n] = 0;
  return 0;
}

static int write_small(int dir, const char *file, const char *text) {
  cleanup_close int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n;
  do n = write(fd, text, strlen(text));
  while (n < 0 && errno == EINTR);
  return n < 0 ? -1 : 0;
}

/* A new cpuset has no CPUs and no memory: it takes its parent's, or no process could join. Whoever made the parent may
   not have come to that yet, so it goes for the directories above too. */
static void inherit_cpuset(int dir, int depth) {
  static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    char own[512], above[512];
    if (read_small(dir, files[i], own, sizeof own) < 0 || own[strspn(own, "\n ")]) continue;
    cleanup_close int parent = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || depth == 0) continue;
    inherit_cpuset(parent, depth - 1);
    if (read_small(parent, files[i], above, sizeof above) == 0) write_small(dir, files[i], above);
  }
}

/* v2: children get the controllers that this directory has. */
static void pass_controllers(int dir) {
  char controllers[512], one[64];
  if (read_small(dir, "cgroup.controllers", controllers, sizeof controllers) < 0) return;
  for (char *save = NULL, *name = strtok_r(controllers, " \n", &save); name; name = strtok_r(NULL, " \n", &save)) {
    snprintf(one, sizeof one, "+%s", name);
    write_small(dir, "cgroup.subtree_control", one);
  }
}

static int is_cgroup2(int dir) {
  struct statfs fs;
  return fstatfs(dir, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* v2: brings every controller of the hierarchy's root down to `dir`. The root of a machine under systemd gives its
   children only what systemd's own units ask for, which may be no more than memory and pids. */
static void bring_controllers(int dir) {
  enum { DEPTH = 32 };
  char own[512], roots[512];
  int above[DEPTH], n = 0;
  for (int at = dir; n < DEPTH; n++) {
    int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (up < 0) break;
    struct stat here, there;
    if (!is_cgroup2(up) || (fstat(at, &here) == 0 && fstat(up, &there) == 0 && here.st_ino == there.st_ino)) {
      close(up);
      break;
    }
    at = above[n] = up;
  }
  if (n > 0 && read_small(dir, "cgroup.controllers", own, sizeof own) == 0 &&
      read_small(above[n - 1], "cgroup.controllers", roots, sizeof roots) == 0 && strcmp(own, roots)) {
    for (int i = n; i-- > 0;) pass_controllers(above[i]);
  }
  while (n > 0) close(above[--n]);
}

/* Opens the last directory of `path`, making it and the directories above it where they are missing. */
static int make_directory(const char *path, int version, int cpuset, int *existed) {
  *existed = 0;
  if (mkdirat(AT_FDCWD, path, 0755) < 0) {
    if (errno == EEXIST) {
      *existed = 1;
    } else if (errno == ENOENT) {
      char above[PATH_MAX];
      const char *slash = strrchr(path, '/');
      if (!slash || slash == path || (size_t) (slash - path) >= sizeof above) {
        errno = ENOENT;
        return -1;
      }
      snprintf(above, sizeof above, "%.*s", (int) (slash - path), path);
      int ignored;
      cleanup_close int parent = make_directory(above, version, cpuset, &ignored);
      if (parent < 0) return -1;
      if (mkdirat(parent, slash + 1, 0755) < 0 && errno != EEXIST) return -1;
    } else {
      return -1;
    }
  }
  cleanup_close int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0 && cpuset && !*existed) inherit_cpuset(dir, 16);
  return steal_fd(&dir);
}

static const struct cgroup_directory *find(const struct cgroup *cgroup, const char *name) {
  for (int i = 0; i < cgroup->count; i++) {
    if (!strcmp(cgroup->directory[i].name, name)) return &cgroup->directory[i];
  }
  return NULL;
}

/* The directory of a controller: the one hierarchy of v2, or the v1 hierarchy that has it ("cpu,cpuacct"). */
const struct cgroup_directory *cgroup_controller(const struct cgroup *cgroup, const char *controller) {
  size_t n = strlen(controller);
  for (int i = 0; i < cgroup->count; i++) {
    if (cgroup->version == 2) return &cgroup->directory[i];
    for (const char *at = cgroup->directory[i].name; *at; at += strcspn(at, ","), at += *at == ',') {
      if (strcspn(at, ",") == n && !strncmp(at, controller, n)) return &cgroup->directory[i];
    }
  }
  return NULL;
}

static long oom_kills(const struct cgroup *cgroup, int *stalled) {
  const struct cgroup_directory *directory = cgroup_controller(cgroup, "memory");
  char text[512];
  *stalled = 0;
  if (!directory ||
      read_small(directory->dir, cgroup->version == 2 ? "memory.events" : "memory.oom_control", text, sizeof text) < 0)
    return 0;
  long kills = 0;
  int disabled = 0, under = 0;
  for (char *line = text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (sscanf(line, "oom_kill %ld", &kills) == 1) break;
    sscanf(line, "oom_kill_disable %d", &disabled);
    sscanf(line, "under_oom %d", &under);
  }
  *stalled = disabled && under;
  return kills;
}

static int open_directory(const struct cgroup_spec *spec, struct cgroup *out, int *existed, struct error *err) {
  struct cgroup_directory *directory = &out->directory[out->count];
  out->version = spec->version;
  snprintf(directory->name, sizeof directory->name, "%s", spec->name);
  directory->path = spec->path;
  directory->tasks = directory->tree = -1;
  directory->dir = make_directory(spec->path, spec->version, strstr(directory->name, "cpuset") != NULL, existed);
  if (directory->dir < 0)
    return fail_text(err, "cgroup", errno, "unable to apply cgroup configuration: mkdir %s: %s", spec->path,
                     go_strerror(errno));
  out->count++;
  if (spec->version == 2) bring_controllers(directory->dir);
  if (spec->version == 1) {
    /* `tasks` with 0, not cgroup.procs: one thread that moves itself needs no lock that waits for RCU. */
    directory->tasks = openat(directory->dir, "tasks", O_WRONLY | O_CLOEXEC);
    if (directory->tasks < 0) return fail(err, "cgroup", errno, "%s/tasks", spec->path);
    directory->tree = tree_clone(directory->dir, "", 0);
  }
  return 0;
}

/* An attribute tells whose the cgroup is, to a daemon that finds it without knowing its container. It is on the last
   directory, which is removed last. */
static int mark_owner(const char *owner, const struct cgroup *cgroup, struct error *err) {
  if (!owner || !cgroup->count) return 0;
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", cgroup->directory[cgroup->count - 1].dir);
  /* A kernel without attributes on cgroups leaves it unmarked: then it is nobody's to clear. */
  if (setxattr(path, "trusted.berth", owner, strlen(owner), 0) < 0 && errno != EOPNOTSUPP)
    return fail(err, "cgroup", errno, "mark the cgroup");
  return 0;
}

static int write_limit(const struct cgroup_write_spec *limit, const struct cgroup *cgroup, struct error *err) {
  const struct cgroup_directory *directory = find(cgroup, limit->name);
  if (!directory) return fail(err, "launch", EINVAL, "cgroup-write record: no cgroup %s", limit->name);
  if (write_small(directory->dir, limit->file, limit->value) < 0)
    return fail_text(err, "cgroup", errno,
                     "error setting cgroup config for procHooks process: failed to write \"%s\": write %s: %s", limit->value,
                     limit->file, go_strerror(errno));
  return 0;
}

int cgroup_prepare(const struct container_spec *spec, struct cgroup *out, struct error *err) {
  out->version = out->count = 0;
  out->oom_before = out->oom_stalls = out->oom_stalled = 0;
  int reused = 0, opened = 0;
  /* The umask must not keep others from looking inside: any user of a container may read its limits, and the root of a user
     namespace, which is nobody here, must pass to mount its own. */
  mode_t before = umask(022);
  for (size_t i = 0; opened == 0 && i < spec->cgroups.count; i++) {
    int existed = 0;
    opened = open_directory(&spec->cgroups.items[i], out, &existed, err);
    reused |= existed;
  }
  umask(before);
  if (opened < 0) return -1;
  if (reused) out->oom_before = oom_kills(out, &out->oom_stalled);
  if (mark_owner(spec->cgroup_owner, out, err) < 0) return -1;
  FOR_EACH(limit, &spec->cgroup_writes) {
    if (write_limit(limit, out, err) < 0) return -1;
  }
  return cgroup_devices_prepare(spec, out, err);
}

int cgroup_clone_fd(const struct cgroup *cgroup) {
  return cgroup->version == 2 && cgroup->count ? cgroup->directory[0].dir : -1;
}

int cgroup_join(const struct cgroup *cgroup, struct error *err) {
  if (cgroup->version != 1) return 0;
  for (int i = 0; i < cgroup->count; i++) {
    if (write(cgroup->directory[i].tasks, "0", 1) != 1)
      return fail(err, "cgroup", errno, "join the %s cgroup", cgroup->directory[i].name);
  }
  return 0;
}

void cgroup_oom_told(struct cgroup *cgroup) {
  cgroup->oom_stalled = 0;
}

long cgroup_ooms(struct cgroup *cgroup) {
  int stalled;
  long kills = oom_kills(cgroup, &stalled) - cgroup->oom_before;
  cgroup->oom_stalls += stalled && !cgroup->oom_stalled;
  cgroup->oom_stalled = stalled;
  return (kills > 0 ? kills : 0) + cgroup->oom_stalls;
}

int cgroup_oom_fd(const struct cgroup *cgroup, int *counter) {
  const struct cgroup_directory *directory = cgroup_controller(cgroup, "memory");
  if (!directory) return -1;
  *counter = cgroup->version == 2;
  cleanup_close int file = openat(directory->dir, *counter ? "memory.events" : "memory.oom_control", O_RDONLY | O_CLOEXEC);
  if (file < 0 || *counter) return steal_fd(&file);
  cleanup_close int events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  char text[32];
  snprintf(text, sizeof text, "%d %d", events, file);
  if (events < 0 || write_small(directory->dir, "cgroup.event_control", text) < 0) return -1;
  return steal_fd(&events);
}

void cgroup_kill(const struct cgroup *cgroup) {
  if (!cgroup->count) return;
  int dir = cgroup->directory[0].dir;
  if (cgroup->version == 2 && write_small(dir, "cgroup.kill", "1") == 0) return;
  /* A process may fork while the list is read: again until there is none, but not for ever. */
  for (int round = 0; round < 100; round++) {
    cleanup_close int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *list = fd < 0 ? NULL : fdopen(steal_fd(&fd), "r");
    if (!list) return;
    int pid, found = 0;
    while (fscanf(list, "%d", &pid) == 1) {
      if (pid > 0 && kill(pid, SIGKILL) == 0) found = 1;
    }
    fclose(list);
    if (!found) return;
    usleep(1000);
  }
}

void cgroup_close(struct cgroup *cgroup) {
  for (int i = 0; i < cgroup->count; i++) {
    if (cgroup->directory[i].dir >= 0) close(cgroup->directory[i].dir);
    if (cgroup->directory[i].tasks >= 0) close(cgroup->directory[i].tasks);
    if (cgroup->directory[i].tree >= 0) close(cgroup->directory[i].tree);
  }
  cgroup->count = 0;
}

void cgroup_remove(const struct cgroup *cgroup) {
  for (int i = 0; i < cgroup->count; i++) {
    if (rmdir(cgroup->directory[i].path) < 0 && errno != ENOENT) return;
  }
}

/* Cgroups of a container on the machine's own hierarchies, v1 and v2: made, marked, limited, joined, watched, killed, removed; and
   the devices that may be opened in them. What this kernel does not have mounted is passed over. */
#include "container/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/check.h"
#include "base/sys.h"
#include "container/spec/spec.h"

enum { HIERARCHIES = 3 };

/* A container's cgroup below one of the test's own, which is removed with it. */
struct fixture {
  char paths[HIERARCHIES][160], above[HIERARCHIES][160];
  struct cgroup_spec cgroups[HIERARCHIES];
  struct cgroup_write_spec write;
  struct device_rule device; /* the null device, and no other */
  struct container_spec spec;
};

static void add(struct fixture *f, int version, const char *name, const char *root) {
  size_t i = f->spec.cgroups.count++;
  CHECK(i < HIERARCHIES);
  snprintf(f->above[i], sizeof f->above[i], "%s/berth-unit-%d", root, getpid());
  snprintf(f->paths[i], sizeof f->paths[i], "%s/berth-unit-%d/c1", root, getpid());
  f->cgroups[i] = (struct cgroup_spec){.version = version, .name = name, .path = f->paths[i]};
  f->spec.cgroups.items = f->cgroups;
}

static void put_write(struct fixture *f, const char *name, const char *file, const char *value) {
  f->write = (struct cgroup_write_spec){.name = name, .file = file, .value = value};
  f->spec.cgroup_writes.items = &f->write;
  f->spec.cgroup_writes.count = 1;
}

static void put_device_rule(struct fixture *f) {
  f->device = (struct device_rule){.type = 'c', .major = 1, .minor = 3, .access = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE};
  f->spec.device_rules.items = &f->device;
  f->spec.device_rules.count = 1;
}

static void check_file(const char *directory, const char *file, const char *wanted) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", directory, file);
  char *text = slurp(path);
  CHECK(text && !strncmp(text, wanted, strlen(wanted)));
  free(text);
}

static int opens(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

/* A process of the cgroup: 0 in it. It has to be killed. */
static pid_t start_in(const struct cgroup *cgroup) {
  int fd = cgroup_clone_fd(cgroup);
  struct clone_args args = {
      .exit_signal = SIGCHLD, .flags = fd < 0 ? 0 : CLONE_INTO_CGROUP, .cgroup = fd < 0 ? 0 : (uint64_t) fd};
  pid_t pid = sys_clone3(&args);
  CHECK(pid >= 0);
  return pid;
}

static int status_of(pid_t pid) {
  int status;
  CHECK(waitpid(pid, &status, 0) == pid);
  return status;
}

/* The cgroups of a running container are as the spec has them. */
static void check_made(const struct fixture *f, struct cgroup *cgroup) {
  char mark[16] = "";
  size_t last = f->spec.cgroups.count - 1;
  for (size_t i = 0; i <= last; i++) {
    struct stat st;
    CHECK(stat(f->paths[i], &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0755);
  }
  CHECK(getxattr(f->paths[last], "trusted.berth", mark, sizeof mark) == 4 && !memcmp(mark, "mine", 4));
  CHECK(cgroup->count == (int) f->spec.cgroups.count && cgroup_ooms(cgroup) == 0);
  CHECK(!cgroup_controller(cgroup, "mem") || cgroup->version == 2); /* no part of a name */
}

/* A process in the cgroup is in each hierarchy, and can open the null device alone. */
static void check_inside(const struct cgroup *cgroup) {
  pid_t pid = start_in(cgroup);
  if (pid == 0) {
    struct error err;
    if (cgroup_join(cgroup, &err) < 0) _exit(1);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "/berth-unit-%d/c1\n", getppid());
    char *own = slurp("/proc/self/cgroup");
    int found = 0;
    for (const char *at = own; at && (at = strstr(at, wanted)); at++) found++;
    free(own);
    if (found != cgroup->count) _exit(2);
    if (!opens("/dev/null")) _exit(3);
    _exit(opens("/dev/zero") || errno != EPERM ? 4 : 0);
  }
  int status = status_of(pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Killing reaches a child of a process in there, too. */
static void check_kill(const struct cgroup *cgroup) {
  int ready[2];
  CHECK(pipe2(ready, O_CLOEXEC) == 0);
  pid_t pid = start_in(cgroup);
  if (pid == 0) {
    struct error err;
    if (cgroup_join(cgroup, &err) < 0) _exit(1);
    if (fork() == 0) {
      if (write(ready[1], "x", 1) != 1) _exit(1);
      for (;;) pause();
    }
    for (;;) pause();
  }
  char byte;
  close(ready[1]);
  CHECK(read(ready[0], &byte, 1) == 1);
  cgroup_kill(cgroup);
  struct pollfd gone = {.fd = ready[0]};
  CHECK(poll(&gone, 1, 5000) == 1); /* none of them has the other end any more */
  int status = status_of(pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  close(ready[0]);
}

static void check_removed(const struct fixture *f, const struct cgroup *cgroup) {
  /* The kernel takes the dead out of a cgroup a moment after their parent has heard of them. */
  for (int i = 0; i < 1000 && access(f->paths[0], F_OK) == 0; i++) {
    cgroup_remove(cgroup);
    usleep(1000);
  }
  for (size_t i = 0; i < f->spec.cgroups.count; i++) {
    CHECK(access(f->paths[i], F_OK) < 0 && errno == ENOENT);
    CHECK(rmdir(f->above[i]) == 0);
  }
}

static void run(struct fixture *f, int devices) {
  struct cgroup cgroup = {0};
  struct error err = {0};
  f->spec.cgroup_owner = "mine";
  if (devices) put_device_rule(f);
  if (cgroup_prepare(&f->spec, &cgroup, &err) < 0) {
    fprintf(stderr, "%s\n", err.message);
    exit(1);
  }
  check_made(f, &cgroup);
  check_file(f->paths[0], f->write.file, f->write.value);
  if (devices) check_inside(&cgroup);
  check_kill(&cgroup);
  cgroup_remove(&cgroup);
  check_removed(f, &cgroup);
  cgroup_close(&cgroup);
}

static void version_1(void) {
  struct fixture f = {0};
  if (access("/sys/fs/cgroup/pids/tasks", W_OK) < 0 || access("/sys/fs/cgroup/devices/tasks", W_OK) < 0 ||
      access("/sys/fs/cgroup/cpuset/tasks", W_OK) < 0)
    return;
  add(&f, 1, "pids", "/sys/fs/cgroup/pids");
  add(&f, 1, "devices", "/sys/fs/cgroup/devices");
  add(&f, 1, "cpuset", "/sys/fs/cgroup/cpuset"); /* takes its parent's CPUs, or could not be joined */
  put_write(&f, "pids", "pids.max", "77\n");
  run(&f, 1);
}

/* A limit that the kernel refuses is told in runc's words, and leaves no process behind. */
static void a_refused_limit(void) {
  struct fixture f = {0};
  struct cgroup cgroup = {0};
  struct error err = {0};
  if (access("/sys/fs/cgroup/pids/tasks", W_OK) < 0) return;
  add(&f, 1, "pids", "/sys/fs/cgroup/pids");
  put_write(&f, "pids", "pids.max", "many");
  CHECK(cgroup_prepare(&f.spec, &cgroup, &err) < 0 && err.status == EINVAL && !strcmp(err.stage, "cgroup"));
  CHECK(!strcmp(err.message, "error setting cgroup config for procHooks process: failed to write \"many\": write pids.max: "
                             "invalid argument"));
  check_removed(&f, &cgroup);
  cgroup_close(&cgroup);
  f.write.name = "cpu";
  CHECK(cgroup_prepare(&f.spec, &cgroup, &err) < 0 && !strcmp(err.stage, "launch"));
  check_removed(&f, &cgroup);
  cgroup_close(&cgroup);
}

static void version_2(void) {
  struct fixture f = {0};
  const char *root = access("/sys/fs/cgroup/cgroup.procs", W_OK) == 0 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
  char procs[64];
  snprintf(procs, sizeof procs, "%s/cgroup.procs", root);
  if (access(procs, W_OK) < 0) return;
  add(&f, 2, "", root);
  put_write(&f, "", "cgroup.max.depth", "3\n");
  run(&f, 1);
}

/* The controllers of a v1 hierarchy are found by their whole names. */
static void controllers_by_name(void) {
  struct cgroup cgroup = {.version = 1, .count = 2, .directory = {{.name = "cpu,cpuacct"}, {.name = "memory"}}};
  CHECK(cgroup_controller(&cgroup, "cpu") == &cgroup.directory[0] &&
        cgroup_controller(&cgroup, "cpuacct") == &cgroup.directory[0]);
  CHECK(cgroup_controller(&cgroup, "memory") == &cgroup.directory[1]);
  CHECK(!cgroup_controller(&cgroup, "cpua") && !cgroup_controller(&cgroup, "acct") && !cgroup_controller(&cgroup, "pids"));
}

int main(void) {
  controllers_by_name();
  if (geteuid() != 0) return 0;
  alarm(20); /* a kill that misses a process would be waited for */
  version_1();
  a_refused_limit();
  version_2();
  return 0;
}

/* What a process of a container does last: who it is, where it is, what it may do, and the program. */
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "container/birth.h"
#include "container/caps.h"
#include "container/execve.h"
#include "container/parts.h"
#include "container/users.h"

#define FILE_LIMIT (16 << 20)

/* All values of the records of one name, as a NULL-terminated list with room for one more. */
static char **collect(const struct launch *launch, const char *name) {
  size_t count = 0, at = 0;
  for (const struct launch_record *r; (r = launch_next(launch, name, &at));) count += (size_t) r->argc - 1;
  char **list = calloc(count + 4, sizeof *list);
  if (!list) return NULL;
  at = count = 0;
  for (const struct launch_record *r; (r = launch_next(launch, name, &at));) {
    for (int i = 1; i < r->argc; i++) list[count++] = (char *) r->argv[i];
  }
  return list;
}

static int read_user(const struct child *child, struct user *user, struct error *err) {
  cleanup_free char *passwd = NULL;
  cleanup_free char *group = NULL;
  size_t size, at = 0;
  if (inroot_read(child->root, "/etc/passwd", FILE_LIMIT, &passwd, &size) < 0 && errno != ENOENT && errno != ENOTDIR)
    return fail(err, "user", errno, "/etc/passwd of the container");
  if (inroot_read(child->root, "/etc/group", FILE_LIMIT, &group, &size) < 0 && errno != ENOENT && errno != ENOTDIR)
    return fail(err, "user", errno, "/etc/group of the container");
  const struct launch_record *spec = launch_find(child->launch, "user");
  if (users_find(passwd, group, spec && spec->argc > 1 ? spec->argv[1] : "", user, err) < 0) return -1;
  for (const struct launch_record *r; (r = launch_next(child->launch, "group", &at));) {
    if (r->argc != 2) return fail(err, "launch", EINVAL, "group record");
    if (users_add_group(group, r->argv[1], user, err) < 0) return -1;
  }
  return 0;
}

static const struct {
  const char *name;
  int resource;
} limits[] = {{"as", RLIMIT_AS},           {"core", RLIMIT_CORE},       {"cpu", RLIMIT_CPU},
              {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},     {"locks", RLIMIT_LOCKS},
              {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
              {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},     {"rss", RLIMIT_RSS},
              {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},   {"sigpending", RLIMIT_SIGPENDING},
              {"stack", RLIMIT_STACK}};

/* The limit of a user's processes comes last for one that is to be born, into `processes`: until then it is one higher. */
static int set_limits(const struct child *child, struct rlimit *processes, struct error *err) {
  const struct launch *launch = child->launch;
  size_t at = 0;
  for (const struct launch_record *r; (r = launch_next(launch, "rlimit", &at));) {
    long long soft, hard;
    int resource = -1;
    for (size_t i = 0; r->argc == 4 && i < sizeof limits / sizeof limits[0]; i++) {
      if (!strcmp(limits[i].name, r->argv[1])) resource = limits[i].resource;
    }
    if (resource < 0 || parse_number(r->argv[2], &soft) < 0 || parse_number(r->argv[3], &hard) < 0)
      return fail(err, "launch", EINVAL, "rlimit record %s", r->argc > 1 ? r->argv[1] : "");
    struct rlimit limit = {.rlim_cur = soft < 0 ? RLIM_INFINITY : (rlim_t) soft,
                           .rlim_max = hard < 0 ? RLIM_INFINITY : (rlim_t) hard};
    if (child->birth && resource == RLIMIT_NPROC) {
      *processes = limit;
      limit.rlim_cur += limit.rlim_cur < RLIM_INFINITY - 1;
      limit.rlim_max += limit.rlim_max < RLIM_INFINITY - 1;
    }
    if (setrlimit(resource, &limit) < 0)
      return fail_text(err, "rlimit", errno, "error setting rlimits for ready process: error setting rlimit type %d: %s",
                       resource, go_strerror(errno));
  }
  return 0;
}

static int write_proc(int proc, const char *path, const char *text) {
  cleanup_close int fd = sys_openat2(proc, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
  return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -1;
}

int process_oom_score(const struct launch *launch, pid_t pid, struct error *err) {
  const struct launch_record *r = launch_find(launch, "oom-score-adj");
  char path[64];
  if (!r) return 0;
  if (r->argc != 2) return fail(err, "launch", EINVAL, "oom-score-adj record");
  snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
  cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, r->argv[1], strlen(r->argv[1])) < 0)
    return fail_text(err, "oom-score-adj", errno, "write oom_score_adj: %s", go_strerror(errno));
  return 0;
}

int process_own_oom_score(const struct child *child, struct error *err) {
  const struct launch_record *r = launch_find(child->launch, "oom-score-adj");
  if (!r) return 0;
  if (r->argc != 2 || child->self < 0) return fail(err, "launch", EINVAL, "oom-score-adj record");
  if (write_proc(child->self, "self/oom_score_adj", r->argv[1]) < 0)
    return fail_text(err, "oom-score-adj", errno, "write oom_score_adj: %s", go_strerror(errno));
  return 0;
}

static int set_security_label(const struct child *child, struct error *err) {
  const struct launch_record *apparmor = launch_find(child->launch, "apparmor"), *selinux = launch_find(child->launch, "selinux");
  char text[512];
  if (apparmor) {
    if (apparmor->argc != 2 || snprintf(text, sizeof text, "exec %s", apparmor->argv[1]) >= (int) sizeof text)
      return fail(err, "launch", EINVAL, "apparmor record");
    if (child->self < 0 || (write_proc(child->self, "self/attr/apparmor/exec", text) < 0 && write_proc(child->self, "self/attr/exec", text) < 0))
      return fail_text(err, "apparmor", errno, "unable to apply apparmor profile: apparmor failed to apply profile: write /proc/self/attr/exec: %s", go_strerror(errno));
  }
  if (selinux && (selinux->argc != 2 || child->self < 0 || write_proc(child->self, "self/attr/exec", selinux->argv[1]) < 0))
    return fail(err, "selinux", errno, "label");
  return 0;
}

/* The parent's session keyring must not be the container's. */
static int new_keyring(const struct launch *launch, struct error *err) {
  const struct launch_record *id = launch_find(launch, "id");
  char name[128];
  snprintf(name, sizeof name, "_ses.%s", id && id->argc > 1 ? id->argv[1] : "berth");
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) < 0 && errno != ENOSYS && errno != EPERM)
    return fail(err, "keyring", errno, "session keyring");
  return 0;
}

static const char *working_directory(const struct launch *launch, int *create) {
  const struct launch_record *r = launch_find(launch, "cwd");
  *create = r && r->argc > 2 && !strcmp(r->argv[2], "create");
  return r && r->argc > 1 ? r->argv[1] : "/";
}

static int cwd_failed(const char *path, int status, struct error *err) {
  return fail_text(err, "cwd", status, "chdir to cwd (\"%s\") set in config.json failed: %s", path, go_strerror(status));
}

int process_cwd(const struct child *child, struct error *err) {
  int create;
  const char *path = working_directory(child->launch, &create);
  if (!create) return 0;
  cleanup_close int fd = inroot_target(child->root, path, INROOT_DIRECTORY, INROOT_FOLLOW);
  if (fd < 0 && errno == ENOTDIR) return fail_text(err, "cwd", ENOTDIR, "Cannot mkdir: %s is not a directory", path);
  if (fd < 0) return fail_text(err, "cwd", errno, "mkdir %s: %s", path, go_strerror(errno));
  return 0;
}

/* Returns 0, or an errno. */
static int enter_cwd(const char *path) { return chdir(path) < 0 ? errno : 0; }

/* A working directory outside the root (through a leaked fd) would show here. */
static int check_cwd(struct error *err) {
  char path[PATH_MAX];
  if (syscall(SYS_getcwd, path, sizeof path) < 0)
    return fail_text(err, "cwd", errno, "current working directory is outside of container mount namespace root -- possible container breakout detected");
  if (path[0] != '/')
    return fail_text(err, "cwd", EXDEV, "current working directory is outside of container mount namespace root -- possible container breakout detected");
  return 0;
}

static int become(const struct user *user, struct caps *caps, int keep_admin, struct error *err) {
  cleanup_free gid_t *groups = malloc((user->group_count + 1) * sizeof *groups);
  if (!groups) return fail(err, "user", ENOMEM, "supplementary groups");
  size_t count = 0;
  groups[count++] = user->gid;
  for (size_t i = 0; i < user->group_count; i++) {
    if (user->groups[i] != user->gid) groups[count++] = user->groups[i];
  }
  if (setgroups(count, groups) < 0) return fail(err, "user", errno, "setgroups");
  if (caps_bound(caps, err) < 0) return -1;
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return fail(err, "user", errno, "keep capabilities");
  if (setresgid(user->gid, user->gid, user->gid) < 0 || setresuid(user->uid, user->uid, user->uid) < 0)
    return fail_text(err, "user", errno, "setup user: %s", go_strerror(errno));
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) return fail(err, "user", errno, "keep capabilities");
  if (user->uid) caps->effective = caps->permitted = caps->ambient;
  /* The filter is the very last thing, and needs this one; execve takes it away again, for the bounding set lacks it. */
  struct caps now = *caps;
  if (keep_admin) {
    now.effective |= 1ULL << CAP_SYS_ADMIN;
    now.permitted |= 1ULL << CAP_SYS_ADMIN;
  }
  return caps_set(&now, err);
}

/* The container's first process runs under our init where the launch asks for that. */
static int runs_init(const struct child *child) {
  return child->container->init_program >= 0 && child->launch == child->container->launch;
}

static int run_init(const struct child *child, char **args, char **env, struct error *err) {
  size_t count = 0;
  while (args[count]) count++;
  char **list = calloc(count + 3, sizeof *list);
  if (!list) return fail(err, "exec", ENOMEM, "arguments");
  list[0] = (char *) "/sbin/docker-init";
  list[1] = (char *) "--";
  memcpy(list + 2, args, count * sizeof *list);
  syscall(SYS_execveat, child->container->init_program, "", list, env, AT_EMPTY_PATH);
  return fail(err, "exec", errno, "run the init process");
}

/* The container's other processes see this one, and may reach for what it holds as soon as it can do no more than they can:
   by then nothing of the host's is open any more, and none of them may look. */
static int forget_host(struct child *child, struct error *err) {
  enum { channel = 3, program = 4 };
  int *init = &child->container->init_program;
  /* Out of the way of the numbers that they get. */
  int first = fcntl(child->channel, F_DUPFD_CLOEXEC, 10), second = *init < 0 ? -1 : fcntl(*init, F_DUPFD_CLOEXEC, 10);
  if (first < 0 || dup3(first, channel, O_CLOEXEC) < 0) return fail(err, "exec", errno, "channel");
  child->channel = channel;
  child->root = child->proc = child->self = -1;
  if (*init >= 0 && (second < 0 || dup3(second, program, O_CLOEXEC) < 0)) return fail(err, "exec", errno, "the init process");
  if (*init >= 0) *init = program;
  if (sys_close_range(*init < 0 ? program : program + 1, ~0u, 0) < 0) return fail(err, "exec", errno, "close_range");
  return prctl(PR_SET_DUMPABLE, 0) < 0 ? fail(err, "exec", errno, "prctl") : 0;
}

/* `program`: its path; not looked at where the container's init comes first. */
static int run_program(const struct child *child, const char *program, char **args, char **env, struct error *err) {
  if (runs_init(child)) return run_init(child, args, env, err);
  execve(program, args, env);
  return fail_text(err, "run", errno, "exec %s: %s", program, go_strerror(errno));
}

/* The last steps where the container's other processes must not see a process before it is one of theirs. */
static int run_born(const struct child *child, uint64_t key, const struct caps *caps, const struct rlimit *processes,
                    const char *program, char **args, char **env, struct error *err) {
  const struct rlimit *limit = processes->rlim_max ? processes : NULL;
  if (birth_hide(child->birth, err) < 0 || seccomp_load(child->launch, child, key, err) < 0 || caps_limit(caps, key, err) < 0 ||
      birth_give(child->birth, key, err) < 0 || birth_begin(child->io->terminal, limit, key, err) < 0)
    return -1;
  return run_program(child, program, args, env, err);
}

int process_run(struct child *child, int slave, struct error *err) {
  const struct launch *launch = child->launch;
  struct user user;
  struct caps caps;
  char program[PATH_MAX];
  int create;
  int no_new_privileges = launch_find(launch, "no-new-privileges") != NULL;
  const char *cwd = working_directory(launch, &create);
  char **args = collect(launch, "arg"), **env = collect(launch, "env");
  if (!args || !env) return fail(err, "exec", ENOMEM, "arguments");
  if (!args[0]) return fail(err, "launch", EINVAL, "no arg record");

  uint64_t key = 0;
  struct rlimit processes = {0};

  if (caps_read(launch, &caps, err) < 0 || read_user(child, &user, err) < 0 || set_security_label(child, err) < 0 ||
      new_keyring(launch, err) < 0 || stdio_set(child, slave, err) < 0 || stdio_own(user.uid, err) < 0 || forget_host(child, err) < 0 ||
      /* After all that needs a descriptor: the limit may be below the numbers in use here. */
      set_limits(child, &processes, err) < 0 || (child->birth && birth_key(&key, err) < 0))
    return -1;
  const char *home = env_get(env, "HOME");
  if (!home || !*home) {
    /* In the place of an empty one: a second would be read by some and not by others. */
    size_t count = 0;
    while (env[count] && strcmp(env[count], "HOME=")) count++;
    static char text[sizeof user.home + 8];
    snprintf(text, sizeof text, "HOME=%s", user.home);
    env[count] = text;
  }

  /* With root's rights first: a folder that the user may not enter can still be where it works, as in runc. */
  int entered = enter_cwd(cwd);
  if (entered && entered != EACCES) return cwd_failed(cwd, entered, err);
  if (become(&user, &caps, child->seccomp_size && !no_new_privileges, err) < 0) return -1;
  if (entered && (entered = enter_cwd(cwd))) return cwd_failed(cwd, entered, err);
  if (check_cwd(err) < 0) return -1;
  if (!runs_init(child) && execve_find(args[0], env, program, sizeof program, err) < 0) return -1;

  /* Signals as a program expects them. */
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  umask(022);
  if (no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail(err, "no-new-privileges", errno, "prctl");
  if (child->birth) return run_born(child, key, &caps, &processes, program, args, env, err);
  /* Without its supervisor nobody would read its output or hear of its end. Here, for setuid forgets it. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return fail(err, "exec", errno, "prctl");
  if (seccomp_load(launch, child, 0, err) < 0) return -1;
  return run_program(child, program, args, env, err);
}

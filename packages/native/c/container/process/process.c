/* The last steps of a container's process: its user, working directory, capabilities, filter, and the program. */
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
#include "container/process/caps.h"
#include "container/process/execve.h"
#include "container/process/process.h"
#include "base/users/users.h"

static int read_user(const struct child *child, struct user *user, struct error *err) {
  cleanup_free char *group = NULL;
  const struct container_spec *spec = child->spec;
  if (users_read(child->root, spec->user, &group, user, err) < 0) return -1;
  if (spec->groups_strict) user->group_count = 0;
  if (spec->groups_merge && users_add_memberships(child->root, group, spec->user, user, err) < 0) return -1;
  FOR_EACH(name, &spec->groups) {
    if (users_add_group(group, *name, user, err) < 0) return -1;
  }
  return 0;
}

int process_make_cwd(const struct child *child, struct error *err) {
  const char *path = child->spec->cwd;
  if (!child->spec->create_cwd) return 0;
  cleanup_close int fd = inroot_target(child->root, path, INROOT_DIRECTORY, INROOT_FOLLOW);
  if (fd < 0 && errno == ENOTDIR) return fail_text(err, "cwd", ENOTDIR, "Cannot mkdir: %s is not a directory", path);
  if (fd < 0) return fail_text(err, "cwd", errno, "mkdir %s: %s", path, go_strerror(errno));
  return 0;
}

static int cwd_failed(const char *path, int status, struct error *err) {
  return fail_text(err, "cwd", status, "chdir to cwd (\"%s\") set in config.json failed: %s", path, go_strerror(status));
}

/* Returns 0, or an errno. */
static int enter_cwd(const char *path) {
  return chdir(path) < 0 ? errno : 0;
}

/* A working directory outside the root (through a leaked fd) would show here. */
static int check_cwd(struct error *err) {
  char path[PATH_MAX];
  if (syscall(SYS_getcwd, path, sizeof path) < 0)
    return fail_text(
        err, "cwd", errno,
        "current working directory is outside of container mount namespace root -- possible container breakout detected");
  if (path[0] != '/')
    return fail_text(
        err, "cwd", EXDEV,
        "current working directory is outside of container mount namespace root -- possible container breakout detected");
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

int process_runs_init(const struct child *child) {
  return child->container->init_program >= 0 && child->spec == child->container->spec;
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

/* `program`: its path; not looked at where the container's init comes first. */
static int run_program(const struct child *child, const char *program, char **args, char **env, struct error *err) {
  if (process_runs_init(child)) return run_init(child, args, env, err);
  execve(program, args, env);
  return fail_text(err, "run", errno, "exec %s: %s", program, go_strerror(errno));
}

/* The last steps where the container's other processes must not see a process before it is one of theirs. */
static int run_born(const struct child *child, uint64_t key, const struct caps *caps, const struct rlimit *processes,
                    const char *program, char **args, char **env, struct error *err) {
  const struct rlimit *limit = processes->rlim_max ? processes : NULL;
  if (birth_hide(child->birth, err) < 0 || seccomp_load(child, key, err) < 0 || caps_limit(caps, key, err) < 0 ||
      birth_give(child->birth, key, err) < 0 || birth_begin(child->io->terminal, limit, key, err) < 0)
    return -1;
  return run_program(child, program, args, env, err);
}

/* The environment with the user's home where it has none, or an empty one: in its place, for a second would be read by some
   and not by others. `text` of `size` bytes holds it. */
static void set_home(const struct user *user, char **env, char *text, size_t size) {
  const char *home = env_get(env, "HOME");
  if (home && *home) return;
  size_t at = 0;
  while (env[at] && strcmp(env[at], "HOME=")) at++;
  snprintf(text, size, "HOME=%s", user->home);
  env[at] = text;
}

/* Signals and umask as a program expects them. */
static void reset_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  umask(022);
}

int process_run(struct child *child, struct error *err) {
  const struct container_spec *spec = child->spec;
  struct user user;
  struct caps caps = spec->caps;
  struct rlimit processes = {0};
  char program[PATH_MAX], home[sizeof user.home + 8];
  char **args = spec->args.words, **env = spec->env.words;
  uint64_t key = 0;

  if (read_user(child, &user, err) < 0 || security_label(child, err) < 0 || security_keyring(spec, err) < 0 ||
      stdio_set(child, err) < 0 || stdio_own(user.uid, err) < 0 || security_forget_host(child, err) < 0 ||
      /* After all that needs a descriptor: the limit may be below the numbers in use here. */
      limits_set(child, &processes, err) < 0 || (child->birth && birth_key(&key, err) < 0))
    return -1;
  set_home(&user, env, home, sizeof home);

  /* With root's rights first: a directory that the user may not enter can still be where it works, as in runc. */
  int entered = enter_cwd(spec->cwd);
  if (entered && entered != EACCES) return cwd_failed(spec->cwd, entered, err);
  if (become(&user, &caps, child->seccomp_size && !spec->no_new_privileges, err) < 0) return -1;
  if (entered && (entered = enter_cwd(spec->cwd))) return cwd_failed(spec->cwd, entered, err);
  if (check_cwd(err) < 0) return -1;
  if (!process_runs_init(child) && execve_find(args[0], env, program, sizeof program, err) < 0) return -1;

  reset_signals();
  if (spec->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return fail(err, "no-new-privileges", errno, "prctl");
  if (child->birth) return run_born(child, key, &caps, &processes, program, args, env, err);
  /* Without its supervisor nobody would read its output or hear of its end. Here, for setuid forgets it. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return fail(err, "exec", errno, "prctl");
  if (seccomp_load(child, 0, err) < 0) return -1;
  return run_program(child, program, args, env, err);
}

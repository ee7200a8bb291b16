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
#include "base/users/users.h"
#include "container/late_clone.h"
#include "container/process/caps.h"
#include "container/process/execve.h"
#include "container/process/process.h"
#include "container/steps.h"

/* The program that a child is about to become. */
struct program {
  struct user user;
  struct caps caps;
  struct rlimit processes; /* of the user's processes: set last where there is a late clone; all zeros: none */
  uint64_t key;            /* of the calls that pass the filter (late_clone.h), or 0 */
  int entered;             /* the errno with which root could not enter the working directory, or 0 */
  char path[PATH_MAX];     /* of the file; not looked for where the container's init comes first */
  char home[256 + sizeof "HOME="];
};

int process_user(const struct container_spec *spec, int root, struct user *user, struct error *err) {
  cleanup_free char *group = NULL;
  if (users_read(root, spec->user, &group, user, err) < 0) return -1;
  if (spec->groups_strict) user->group_count = 0;
  if (spec->groups_merge && users_add_memberships(root, group, spec->user, user, err) < 0) return -1;
  FOR_EACH(name, &spec->groups) {
    if (users_add_group(group, *name, user, err) < 0) return -1;
  }
  return 0;
}

static int read_user(struct child *child, struct error *err) {
  return process_user(child->spec, child->root, &child->program->user, err);
}

int process_make_cwd(const struct child *child, struct error *err) {
  const char *path = child->spec->cwd;
  if (!child->spec->create_cwd) return 0;
  cleanup_close int fd = inroot_target(child->root, path, INROOT_DIRECTORY, INROOT_FOLLOW);
  if (fd < 0 && errno == ENOTDIR) return fail_text(err, "cwd", ENOTDIR, "Cannot mkdir: %s is not a directory", path);
  if (fd < 0) return fail_text(err, "cwd", errno, "mkdir %s: %s", path, go_strerror(errno));
  return 0;
}

static int cwd_failed(const struct child *child, int status, struct error *err) {
  return fail_text(err, "cwd", status, "chdir to cwd (\"%s\") set in config.json failed: %s", child->spec->cwd,
                   go_strerror(status));
}

static int enter_cwd_as_root(struct child *child, struct error *err) {
  child->program->entered = chdir(child->spec->cwd) < 0 ? errno : 0;
  return child->program->entered && child->program->entered != EACCES ? cwd_failed(child, child->program->entered, err) : 0;
}

/* If the container's root may not enter it, its user may. A working directory outside of the root (through a leaked
   descriptor) would show here. */
static int enter_cwd_as_user(struct child *child, struct error *err) {
  if (child->program->entered && chdir(child->spec->cwd) < 0) return cwd_failed(child, errno, err);
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

static int become_user(struct child *child, struct error *err) {
  const struct user *user = &child->program->user;
  struct caps *caps = &child->program->caps;
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
  if (child->seccomp_size && !child->spec->no_new_privileges) {
    now.effective |= 1ULL << CAP_SYS_ADMIN;
    now.permitted |= 1ULL << CAP_SYS_ADMIN;
  }
  return caps_set(&now, err);
}

int process_runs_init(const struct child *child) {
  return child->container->init_program >= 0 && child->spec == child->container->spec;
}

static int run_init(const struct child *child, struct error *err) {
  size_t count = 0;
  char **args = child->spec->args.words;
  while (args[count]) count++;
  char **list = calloc(count + 3, sizeof *list);
  if (!list) return fail(err, "exec", ENOMEM, "arguments");
  list[0] = (char *) "/sbin/docker-init";
  list[1] = (char *) "--";
  memcpy(list + 2, args, count * sizeof *list);
  syscall(SYS_execveat, child->container->init_program, "", list, child->spec->env.words, AT_EMPTY_PATH);
  return fail(err, "exec", errno, "run the init process");
}

static int run_program(struct child *child, struct error *err) {
  if (process_runs_init(child)) return run_init(child, err);
  execve(child->program->path, child->spec->args.words, child->spec->env.words);
  return fail_text(err, "run", errno, "exec %s: %s", child->program->path, go_strerror(errno));
}

/* The environment with the user's home where it has none, or an empty one: in its place, for a second would be read by some
   and not by others. `text` of `size` bytes holds it. */
static void put_home(const struct user *user, char **env, char *text, size_t size) {
  const char *home = env_get(env, "HOME");
  if (home && *home) return;
  size_t at = 0;
  while (env[at] && strcmp(env[at], "HOME=")) at++;
  snprintf(text, size, "HOME=%s", user->home);
  env[at] = text;
}

static int set_home(struct child *child, struct error *err) {
  struct program *program = child->program;
  put_home(&program->user, child->spec->env.words, program->home, sizeof program->home);
  return 0;
}

static int label(struct child *child, struct error *err) {
  return security_label(child, err);
}

static int keyring(struct child *child, struct error *err) {
  return security_keyring(child->spec, err);
}

static int standard_streams(struct child *child, struct error *err) {
  return stdio_set(child, err) < 0 ? -1 : stdio_own(child->program->user.uid, err);
}

static int limits(struct child *child, struct error *err) {
  return limits_set(child, &child->program->processes, err);
}

static int pass_key(struct child *child, struct error *err) {
  return child->late_clone ? late_clone_key(&child->program->key, err) : 0;
}

static int find_program(struct child *child, struct error *err) {
  if (process_runs_init(child)) return 0;
  return execve_find(child->spec->args.words[0], child->spec->env.words, child->program->path, PATH_MAX, err);
}

/* Signals and umask as a program expects them. */
static int reset_signals(struct child *child, struct error *err) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  umask(022);
  return 0;
}

static int no_new_privileges(struct child *child, struct error *err) {
  if (!child->spec->no_new_privileges || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) return 0;
  return fail(err, "no-new-privileges", errno, "prctl");
}

/* Without its supervisor nobody would read the program's output or hear of its end. late_clone_begin() has it for a late clone. */
static int end_with_supervisor(struct child *child, struct error *err) {
  if (child->late_clone || prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) return 0;
  return fail(err, "exec", errno, "prctl");
}

static int hide(struct child *child, struct error *err) {
  return child->late_clone ? late_clone_hide(child->late_clone, err) : 0;
}

static int filter(struct child *child, struct error *err) {
  return seccomp_load(child, child->program->key, err);
}

/* The new process goes on with the next step; this one ends in there. */
static int clone_late(struct child *child, struct error *err) {
  const struct program *program = child->program;
  const struct rlimit *processes = program->processes.rlim_max ? &program->processes : NULL;
  if (!child->late_clone) return 0;
  if (caps_limit(&program->caps, program->key, err) < 0 || late_clone_make(child->late_clone, program->key, err) < 0) return -1;
  return late_clone_begin(child->io->terminal, processes, program->key, err);
}

static const struct step become_program[] = {
    {"user", read_user}, /* names are those of files in the root, which is open still */
    {"security label", label},
    {"keyring", keyring},
    {"standard streams", standard_streams}, /* the container's null device, by the root */
    {"host descriptors", security_forget_host},
    {"limits", limits}, /* after all that needs a descriptor: the limit may be below the numbers in use before */
    {"key of the late clone", pass_key},
    {"home", set_home},
    {"working directory", enter_cwd_as_root}, /* one that the user may not enter can still be where it works, as in runc */
    {"user and capabilities", become_user},
    {"working directory as user", enter_cwd_as_user},
    {"program", find_program}, /* with the user's rights */
    {"signals", reset_signals},
    {"no new privileges", no_new_privileges},
    {"end with supervisor", end_with_supervisor}, /* setuid forgets it (prctl(2)) */
    {"dumpable", hide},                           /* the container's others must not see the process before it is one of them */
    {"seccomp filter", filter},                   /* it may forbid everything above */
    {"late clone", clone_late},
    {"run", run_program},
};

int process_run(struct child *child, struct error *err) {
  struct program program = {.caps = child->spec->caps};
  child->program = &program;
  int failed = run_steps(become_program, sizeof become_program / sizeof *become_program, child, err);
  child->program = NULL;
  return failed;
}

/* Finding a container's program: as Go's exec.LookPath, with Docker's words and statuses for what can't be run. */
#include "container/process/execve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

static char directory[] = "/tmp/berth-execve-XXXXXX";

static void make(const char *name, mode_t mode) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  CHECK(fd >= 0 && fchmod(fd, mode) == 0);
  close(fd);
}

static char found[PATH_MAX];
static struct error err;

/* Looks for `name` with this PATH, in which %s is the directory; NULL: there is none. Returns 0, or the error's status. */
static int look(const char *name, const char *path) {
  char variable[512], value[480];
  const char *at = directory;
  if (path) snprintf(value, sizeof value, path, at, at);
  snprintf(variable, sizeof variable, "PATH=%s", path ? value : "");
  char *env[] = {(char *) "HOME=/", path ? variable : NULL, NULL};
  err = (struct error){0};
  return execve_find(name, env, found, sizeof found, &err) == 0 ? 0 : err.status;
}

static int is_found(const char *name, const char *path, const char *below) {
  char wanted[128];
  snprintf(wanted, sizeof wanted, "%s/%s", directory, below);
  return look(name, path) == 0 && !strcmp(found, wanted);
}

static int is_refused(const char *name, const char *path, int status, const char *words) {
  char wanted[256];
  snprintf(wanted, sizeof wanted, words, directory, directory);
  return look(name, path) == status && !strcmp(err.stage, "exec") && !strcmp(err.message, wanted);
}

static void in_path(void) {
  CHECK(is_found("run", "/nowhere:%s/bin", "bin/run"));
  CHECK(is_found("run", "%s/bin:%s/late", "bin/run")); /* the first */
  CHECK(is_found("late", "%s/bin:%s/late", "late/late"));
  CHECK(is_found("plain", "%s/bin:%s/late", "late/plain")); /* one that can't be run is passed over */
  CHECK(is_found("sub", "%s/bin:%s/late", "late/sub"));     /* as a directory is */
  CHECK(is_refused("none", "%s/bin", ENOENT, "exec: \"none\": executable file not found in $PATH"));
  CHECK(is_refused("plain", "%s/bin", ENOENT, "exec: \"plain\": executable file not found in $PATH"));
  CHECK(is_refused("run", NULL, ENOENT, "exec: \"run\": executable file not found in $PATH"));
  CHECK(is_refused("run", "", ENOENT, "exec: \"run\": executable file not found in $PATH"));
  CHECK(is_refused("", "%s/bin", ENOENT, "exec: \"\": executable file not found in $PATH"));
}

/* Names of the current directory are not run by way of PATH: CVE-2022-30580's kin in Go. */
static void relative_entries(void) {
  static const char words[] = "exec: \"run\": cannot run executable found relative to current directory";
  CHECK(is_refused("run", "bin", ENOENT, words));
  CHECK(is_refused("run", "bin:%s/bin", ENOENT, words));
  CHECK(chdir("bin") == 0 && is_refused("run", ":%s/bin", ENOENT, words) && chdir("..") == 0);
  CHECK(is_found("run", "late:%s/bin", "bin/run")); /* it is not in there */
}

static void by_path(void) {
  char path[128];
  snprintf(path, sizeof path, "%s/bin/run", directory);
  CHECK(look(path, NULL) == 0 && !strcmp(found, path));
  CHECK(look("bin/run", "/nowhere") == 0 && !strcmp(found, "bin/run"));
  CHECK(is_refused("./none", "%s/bin", ENOENT, "exec: \"./none\": stat ./none: no such file or directory"));
  CHECK(is_refused("bin/plain", NULL, EACCES, "exec: \"bin/plain\": permission denied"));
  CHECK(is_refused("bin/sub", NULL, EISDIR, "exec: \"bin/sub\": is a directory"));
  CHECK(is_refused("bin/run/x", NULL, ENOTDIR, "exec: \"bin/run/x\": stat bin/run/x: not a directory"));
  char small[4];
  char *none[] = {NULL};
  CHECK(execve_find("bin/run", none, small, sizeof small, &err) < 0 && err.status == ENAMETOOLONG);
}

static void variables(void) {
  char *env[] = {(char *) "A=1", (char *) "AB=2", (char *) "A=3", (char *) "EMPTY=", (char *) "BARE", NULL};
  CHECK(!strcmp(env_get(env, "A"), "3") && !strcmp(env_get(env, "AB"), "2") && !*env_get(env, "EMPTY"));
  CHECK(!env_get(env, "BARE") && !env_get(env, "B"));
}

int main(void) {
  CHECK(mkdtemp(directory) && chdir(directory) == 0);
  CHECK(mkdir("bin", 0755) == 0 && mkdir("late", 0755) == 0 && mkdir("bin/sub", 0755) == 0);
  make("bin/run", 0755);
  make("bin/plain", 0644);
  for (const char *const *name = (const char *const[]){"run", "late", "plain", "sub", NULL}; *name; name++) {
    char path[32];
    snprintf(path, sizeof path, "late/%s", *name);
    if (strcmp(*name, "run")) make(path, 0755);
  }
  in_path();
  relative_entries();
  by_path();
  variables();
  for (const char *const *path = (const char *const[]){"bin/run", "bin/plain", "late/late", "late/plain", "late/sub", NULL};
       *path; path++)
    CHECK(unlink(*path) == 0);
  CHECK(rmdir("bin/sub") == 0 && rmdir("bin") == 0 && rmdir("late") == 0 && rmdir(directory) == 0);
  return 0;
}

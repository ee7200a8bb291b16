#include "container/process/execve.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail_text.h"

const char *env_get(char *const *env, const char *name) {
  size_t n = strlen(name);
  const char *found = NULL;
  for (; *env; env++) {
    if (!strncmp(*env, name, n) && (*env)[n] == '=') found = *env + n + 1;
  }
  return found;
}

/* 0, or an errno. */
static int check_program(const char *path) {
  struct stat st;
  if (stat(path, &st) < 0) return errno;
  if (S_ISDIR(st.st_mode)) return EISDIR;
  if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 && errno != ENOSYS) return errno;
  return st.st_mode & 0111 ? 0 : EACCES;
}

int execve_find(const char *name, char *const *env, char *out, size_t size, struct error *err) {
  if (strchr(name, '/')) {
    int status = check_program(name);
    if (status == EISDIR || status == EACCES)
      return fail_text(err, "exec", status, "exec: \"%s\": %s", name, go_strerror(status));
    if (status) return fail_text(err, "exec", status, "exec: \"%s\": stat %s: %s", name, name, go_strerror(status));
    if ((size_t) snprintf(out, size, "%s", name) >= size) return fail(err, "exec", ENAMETOOLONG, "exec: \"%s\"", name);
    return 0;
  }
  const char *path = env_get(env, "PATH");
  for (const char *at = path; *name && at && *at;) {
    size_t n = strcspn(at, ":");
    int length = n ? snprintf(out, size, "%.*s/%s", (int) n, at, name) : snprintf(out, size, "./%s", name);
    at += n + (at[n] == ':');
    if (length < 0 || (size_t) length >= size || check_program(out)) continue;
    if (out[0] == '/') return 0;
    /* A program found by a relative PATH entry is not run, as in Go. */
    return fail_text(err, "exec", ENOENT, "exec: \"%s\": cannot run executable found relative to current directory", name);
  }
  return fail_text(err, "exec", ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
}

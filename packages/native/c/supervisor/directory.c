/* The container's run directory, in which a supervisor has its socket and leaves its exit. Those of two runs may meet there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervisor/core.h"

static int make_directories(const char *path) {
  char *copy = strdup(path);
  if (!copy) return -1;
  for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(copy, 0700);
    *slash = '/';
  }
  int status = mkdir(copy, 0700);
  free(copy);
  return status < 0 && errno != EEXIST ? -1 : 0;
}

int directory_open(struct supervisor *supervisor, const char *path, struct error *err) {
  enum { tries = 100 };
  for (int i = 0; i < tries; i++) {
    if (mkdir(path, 0700) < 0 && errno != EEXIST && make_directories(path) < 0)
      return fail(err, "folder", errno, "make %s", path);
    supervisor->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (supervisor->directory < 0 && errno == ENOENT) continue;
    struct stat st;
    if (supervisor->directory < 0 || flock(supervisor->directory, LOCK_EX) < 0 || fstat(supervisor->directory, &st) < 0)
      return fail(err, "folder", errno, "open %s", path);
    if (st.st_nlink > 0) {
      unlinkat(supervisor->directory, "exit", 0);
      return 0;
    }
    close(supervisor->directory);
    supervisor->directory = -1;
  }
  return fail(err, "folder", EBUSY, "%s is removed again and again", path);
}

/* Whether the socket in the directory is this run's, or `missing` where there is none. */
static int socket_ours(const struct supervisor *supervisor, int missing) {
  struct stat st;
  if (fstatat(supervisor->directory, "supervisor.sock", &st, AT_SYMLINK_NOFOLLOW) < 0) return missing;
  return st.st_ino == supervisor->socket;
}

/* The durable note of an exit that no daemon was there to hear of. Returns 0, or -1 with errno. */
static int write_exit(int directory, int code, int oom_killed, int64_t finished_at) {
  cleanup_close int fd = openat(directory, ".exit", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  if (dprintf(fd, "{\"code\":%d,\"oomKilled\":%s,\"finishedAt\":\"%lld\"}\n", code, oom_killed ? "true" : "false",
              (long long) finished_at) < 0)
    return -1;
  if (fsync(fd) < 0 || renameat(directory, ".exit", directory, "exit") < 0) return -1;
  return fsync(directory);
}

void directory_leave_exit(struct supervisor *supervisor) {
  flock(supervisor->directory, LOCK_EX);
  if (socket_ours(supervisor, 0))
    write_exit(supervisor->directory, supervisor->exit_code, supervisor->oom_kills > 0, supervisor->finished_at);
  flock(supervisor->directory, LOCK_UN);
}

void directory_remove(struct supervisor *supervisor) {
  struct stat st;
  if (supervisor->directory < 0) return;
  flock(supervisor->directory, LOCK_EX);
  /* A directory that is gone already may have left its place to the next run's. */
  int ours = fstat(supervisor->directory, &st) == 0 && st.st_nlink > 0 && socket_ours(supervisor, 1);
  if (ours) unlinkat(supervisor->directory, "supervisor.sock", 0);
  /* A daemon to come will want the record. */
  if (ours && (!supervisor->recorded || supervisor->released)) {
    unlinkat(supervisor->directory, "exit", 0);
    rmdir(supervisor->start.directory);
  }
  close(supervisor->directory);
  supervisor->directory = -1;
}

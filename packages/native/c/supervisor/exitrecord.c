#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervisor/core.h"

int exit_record_write(int folder, int code, int oom_killed, int64_t finished_at) {
  cleanup_close int fd = openat(folder, ".exit", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  if (dprintf(fd, "{\"code\":%d,\"oomKilled\":%s,\"finishedAt\":\"%lld\"}\n", code, oom_killed ? "true" : "false",
              (long long) finished_at) < 0)
    return -1;
  if (fsync(fd) < 0 || renameat(folder, ".exit", folder, "exit") < 0) return -1;
  return fsync(folder);
}

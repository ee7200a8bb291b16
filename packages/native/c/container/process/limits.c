/* Resource limits and the OOM score of a process. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/sys.h"
#include "container/process/process.h"

int limits_set(const struct child *child, struct rlimit *processes, struct error *err) {
  FOR_EACH(item, &child->spec->rlimits) {
    struct rlimit limit = item->limit;
    if (child->late_clone && item->resource == RLIMIT_NPROC) {
      *processes = limit;
      limit.rlim_cur += limit.rlim_cur < RLIM_INFINITY - 1;
      limit.rlim_max += limit.rlim_max < RLIM_INFINITY - 1;
    }
    if (setrlimit((__rlimit_resource_t) item->resource, &limit) < 0)
      return fail_text(err, "rlimit", errno, "error setting rlimits for ready process: error setting rlimit type %d: %s",
                       item->resource, go_strerror(errno));
  }
  return 0;
}

/* Takes the file over; -1 is one that could not be opened, with errno. */
static int write_score(int file, const char *score, struct error *err) {
  cleanup_close int fd = file;
  if (fd < 0 || write(fd, score, strlen(score)) < 0)
    return fail_text(err, "oom-score-adj", errno, "write oom_score_adj: %s", go_strerror(errno));
  return 0;
}

int oom_score_of(const struct container_spec *spec, pid_t pid, struct error *err) {
  char path[64];
  if (!spec->oom_score_adj) return 0;
  snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
  return write_score(open(path, O_WRONLY | O_CLOEXEC), spec->oom_score_adj, err);
}

int oom_score_own(const struct child *child, struct error *err) {
  if (!child->spec->oom_score_adj) return 0;
  int file = sys_openat2(child->self, "self/oom_score_adj", O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
  return write_score(file, child->spec->oom_score_adj, err);
}

/* Loading of a filter that the daemon compiled. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "container/parts.h"

int seccomp_read(const struct launch *launch, struct child *child, struct error *err) {
  const struct launch_record *r = launch_find(launch, "seccomp");
  child->seccomp = NULL;
  child->seccomp_size = 0;
  if (!r) return 0;
  if (r->argc < 2) return fail(err, "launch", EINVAL, "seccomp record");
  cleanup_close int fd = open(r->argv[1], O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) return fail(err, "seccomp", errno, "%s", r->argv[1]);
  if (st.st_size <= 0 || st.st_size % (off_t) sizeof(struct sock_filter) ||
      st.st_size > BPF_MAXINSNS * (off_t) sizeof(struct sock_filter))
    return fail(err, "seccomp", EINVAL, "%s is not a filter", r->argv[1]);
  child->seccomp = malloc((size_t) st.st_size);
  if (!child->seccomp || read(fd, child->seccomp, (size_t) st.st_size) != st.st_size)
    return fail(err, "seccomp", errno ? errno : EIO, "%s", r->argv[1]);
  child->seccomp_size = (int) (st.st_size / (off_t) sizeof(struct sock_filter));
  return 0;
}

int seccomp_load(const struct launch *launch, const struct child *child, struct error *err) {
  if (!child->seccomp_size) return 0;
  const struct launch_record *r = launch_find(launch, "seccomp");
  unsigned flags = 0;
  for (int i = 2; i < r->argc; i++) {
    if (!strcmp(r->argv[i], "log")) flags |= SECCOMP_FILTER_FLAG_LOG;
    else if (!strcmp(r->argv[i], "spec-allow")) flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    else return fail(err, "launch", EINVAL, "seccomp flag %s", r->argv[i]);
  }
  struct sock_fprog program = {.len = (unsigned short) child->seccomp_size, .filter = child->seccomp};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0)
    return fail(err, "seccomp", errno, "load the filter");
  return 0;
}

/* Names and kernel parameters of the container's own namespaces. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/sys.h"
#include "container/parts.h"

int names_apply(const struct launch *launch, struct error *err) {
  const struct launch_record *host = launch_find(launch, "hostname"), *domain = launch_find(launch, "domainname");
  if (host && (host->argc != 2 || sethostname(host->argv[1], strlen(host->argv[1])) < 0))
    return fail_text(err, "hostname", errno, "sethostname: %s", go_strerror(errno));
  if (domain && (domain->argc != 2 || setdomainname(domain->argv[1], strlen(domain->argv[1])) < 0))
    return fail_text(err, "hostname", errno, "setdomainname: %s", go_strerror(errno));
  return 0;
}

int sysctls_apply(const struct launch *launch, int proc, enum sysctl_part part, struct error *err) {
  size_t at = 0;
  for (const struct launch_record *r; (r = launch_next(launch, "sysctl", &at));) {
    char path[PATH_MAX];
    if (r->argc != 3 || snprintf(path, sizeof path, "sys/%s", r->argv[1]) >= (int) sizeof path)
      return fail(err, "launch", EINVAL, "sysctl record");
    if (part != SYSCTLS_ALL && (part == SYSCTLS_NET) != !strncmp(r->argv[1], "net.", 4)) continue;
    for (char *c = path; *c; c++) {
      if (*c == '.') *c = '/';
      else if (*c == '/' && c != path + 3) *c = '.';
    }
    cleanup_close int fd = proc < 0 ? -1 : sys_openat2(proc, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    if (fd < 0) return fail_text(err, "sysctl", errno, "open /proc/%s: %s", path, go_strerror(errno));
    if (write(fd, r->argv[2], strlen(r->argv[2])) < 0)
      return fail_text(err, "sysctl", errno, "write sysctl key %s: write /proc/%s: %s", r->argv[1], path, go_strerror(errno));
  }
  return 0;
}

/* Names and kernel parameters of the container's own namespaces. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/sys.h"
#include "container/internal.h"

int names_apply(const struct container_spec *spec, struct error *err) {
  if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
    return fail_text(err, "hostname", errno, "sethostname: %s", go_strerror(errno));
  if (spec->domainname && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
    return fail_text(err, "hostname", errno, "setdomainname: %s", go_strerror(errno));
  return 0;
}

static int apply_sysctl(int proc, const struct pair_spec *sysctl, struct error *err) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "sys/%s", sysctl->name) >= (int) sizeof path)
    return fail(err, "sysctl", ENAMETOOLONG, "%s", sysctl->name);
  for (char *c = path; *c; c++) {
    if (*c == '.')
      *c = '/';
    else if (*c == '/' && c != path + 3)
      *c = '.';
  }
  cleanup_close int fd = proc < 0
                             ? -1
                             : sys_openat2(proc, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (fd < 0) return fail_text(err, "sysctl", errno, "open /proc/%s: %s", path, go_strerror(errno));
  if (write(fd, sysctl->value, strlen(sysctl->value)) < 0)
    return fail_text(err, "sysctl", errno, "write /proc/%s: %s", path, go_strerror(errno));
  return 0;
}

int sysctls_apply(const struct container_spec *spec, int proc, enum sysctl_part part, struct error *err) {
  FOR_EACH(sysctl, &spec->sysctls) {
    int net = !strncmp(sysctl->name, "net.", 4);
    if (part != SYSCTLS_ALL && (part == SYSCTLS_NET) != net) continue;
    if (apply_sysctl(proc, sysctl, err) < 0) return -1;
  }
  return 0;
}

/* Labels and keyring of a process, and the end of what it has of the host. */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/sys.h"
#include "container/process/process.h"

static int write_proc(int proc, const char *path, const char *text) {
  cleanup_close int fd = sys_openat2(proc, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
  return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -1;
}

int security_label(const struct child *child, struct error *err) {
  const struct container_spec *spec = child->spec;
  char text[512];
  if (spec->apparmor) {
    if (snprintf(text, sizeof text, "exec %s", spec->apparmor) >= (int) sizeof text)
      return fail(err, "apparmor", ENAMETOOLONG, "profile %s", spec->apparmor);
    if (child->self < 0 ||
        (write_proc(child->self, "self/attr/apparmor/exec", text) < 0 && write_proc(child->self, "self/attr/exec", text) < 0))
      return fail_text(err, "apparmor", errno,
                       "unable to apply apparmor profile: apparmor failed to apply profile: write /proc/self/attr/exec: %s",
                       go_strerror(errno));
  }
  if (spec->selinux && (child->self < 0 || write_proc(child->self, "self/attr/exec", spec->selinux) < 0))
    return fail(err, "selinux", errno, "label");
  return 0;
}

int security_keyring(const struct container_spec *spec, struct error *err) {
  char name[128];
  snprintf(name, sizeof name, "_ses.%s", spec->id);
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) < 0 && errno != ENOSYS && errno != EPERM)
    return fail(err, "keyring", errno, "session keyring");
  return 0;
}

int security_forget_host(struct child *child, struct error *err) {
  enum { channel = 3, program = 4 };
  int *init = &child->container->init_program;
  /* Out of the way of the numbers that they get. */
  int first = fcntl(child->channel, F_DUPFD_CLOEXEC, 10), second = *init < 0 ? -1 : fcntl(*init, F_DUPFD_CLOEXEC, 10);
  if (first < 0 || dup3(first, channel, O_CLOEXEC) < 0) return fail(err, "exec", errno, "channel");
  child->channel = channel;
  child->root = child->proc = child->self = -1;
  if (*init >= 0 && (second < 0 || dup3(second, program, O_CLOEXEC) < 0)) return fail(err, "exec", errno, "the init process");
  if (*init >= 0) *init = program;
  if (sys_close_range(*init < 0 ? program : program + 1, ~0u, 0) < 0) return fail(err, "exec", errno, "close_range");
  return prctl(PR_SET_DUMPABLE, 0) < 0 ? fail(err, "exec", errno, "prctl") : 0;
}

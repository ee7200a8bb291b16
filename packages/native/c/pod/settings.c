#include "pod/making.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

struct sysctl_request {
  const char *key, *value;
};
static const struct field sysctl_fields[] = {
    PLACED(FIELD_WORD, sysctl_request, key),
    PLACED(FIELD_WORD, sysctl_request, value),
    FIELDS_END,
};
/* Enters one of the pod's namespaces; this process needs its own no more. Returns 1 when there is one. */
static int enter(const struct pod *pod, int kind, struct error *err) {
  char path[PATH_MAX];
  if (pod_place(pod, namespaces_name(kind), path, err) < 0) return -1;
  cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return 0;
  if (fd < 0 || setns(fd, (int) namespaces_flag(kind)) < 0) return fail(err, "pod", errno, "enter %s", path);
  return 1;
}

static int write_sysctl(const char *key, const char *value, struct error *err) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s", key) >= (int) sizeof path) return fail(err, "sysctl", ENAMETOOLONG, "%s", key);
  for (char *c = path; *c; c++) *c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
  cleanup_close int root = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int fd = root < 0
                             ? -1
                             : sys_openat2(root, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (fd < 0 || write(fd, value, strlen(value)) < 0) return fail(err, "sysctl", errno, "sysctl %s", key);
  return 0;
}

int pod_raise_loopback(const struct pod *pod, struct error *err) {
  if (!(pod->namespaces.create & CLONE_NEWNET)) return 0;
  return enter(pod, NS_NET, err) < 0 ? -1 : loopback_up(err);
}

int pod_set_hostname(const struct pod *pod, struct error *err) {
  const struct launch_record *record = launch_find(pod->request, "hostname");
  struct word_request name;
  if (!record) return 0;
  if (pod_decode(record, pod_word, &name, err) < 0) return -1;
  int entered = enter(pod, NS_UTS, err);
  if (entered < 0) return -1;
  if (entered && sethostname(name.value, strlen(name.value)) < 0)
    return fail(err, "hostname", errno, "host name %s", name.value);
  return 0;
}

int pod_set_sysctls(const struct pod *pod, struct error *err) {
  const struct launch_record *record;
  if (!launch_find(pod->request, "sysctl")) return 0;
  int net = enter(pod, NS_NET, err), ipc = net < 0 ? -1 : enter(pod, NS_IPC, err);
  if (ipc < 0) return -1;
  for (size_t at = 0; (record = launch_next(pod->request, "sysctl", &at));) {
    struct sysctl_request asked;
    if (pod_decode(record, sysctl_fields, &asked, err) < 0) return -1;
    /* The host's own are not a pod's to set. */
    int of_net = !strncmp(asked.key, "net.", 4);
    if (of_net ? !net : !ipc) return fail(err, "sysctl", EPERM, "sysctl %s of the host's namespace", asked.key);
    if (write_sysctl(asked.key, asked.value, err) < 0) return -1;
  }
  return 0;
}

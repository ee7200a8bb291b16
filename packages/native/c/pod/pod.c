#include "pod/pod.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/records/frame.h"
#include "pod/making.h"
#include "pod/pause.h"
#include "pod/ports.h"
#include "pod/procfs.h"

const struct field pod_word[] = {PLACED(FIELD_WORD, word_request, value), FIELDS_END};

int pod_decode(const struct launch_record *record, const struct field *fields, void *request, struct error *err) {
  return fields_decode("launch", fields, record, request, NULL, err);
}

int pod_place(const struct pod *pod, const char *name, char path[PATH_MAX], struct error *err) {
  int n = snprintf(path, PATH_MAX, "%s/%s", pod->directory, name);
  return n < 0 || n >= PATH_MAX ? fail(err, "pod", ENAMETOOLONG, "%s", pod->directory) : 0;
}

/* The names of a pod's namespaces and mounts in its directory. */
static const char *const entries[] = {"net", "ipc", "uts", "pid", "user", "shm", "proc"};

/* Binds a namespace's file to one of the directory's. */
static int pin(const struct pod *pod, const char *name, const char *source, struct error *err) {
  char path[PATH_MAX];
  if (pod_place(pod, name, path, err) < 0) return -1;
  cleanup_close int file = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0400);
  if (file < 0) return fail(err, "pod", errno, "%s", path);
  if (mount(source, path, NULL, MS_BIND, NULL) < 0) return fail(err, "pod", errno, "bind the %s namespace to %s", name, path);
  return mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0 ? fail(err, "pod", errno, "%s", path) : 0;
}

static int read_maps(struct pod *pod, struct error *err) {
  const struct launch *request = pod->request;
  const struct launch_record *record;
  for (size_t at = 0; (record = launch_next(request, "uid-map", &at));)
    if (id_map_add(&pod->maps.users, record, err) < 0) return -1;
  for (size_t at = 0; (record = launch_next(request, "gid-map", &at));)
    if (id_map_add(&pod->maps.groups, record, err) < 0) return -1;
  return 0;
}

/* A pod's records with more than a word of their own (pod.h). */
struct pin_request {
  const char *type, *path;
};
static const struct field pin_fields[] = {
    PLACED(FIELD_WORD, pin_request, type),
    PLACED(FIELD_WORD, pin_request, path),
    FIELDS_END,
};
struct shm_request {
  long size, uid, gid;
};
static const struct field shm_fields[] = {
    PLACED(FIELD_NUMBER, shm_request, size),
    PLACED(FIELD_NUMBER, shm_request, uid),
    PLACED(FIELD_NUMBER, shm_request, gid),
    FIELDS_END,
};

/* The kinds of namespaces that are to be made. */
static int read_namespaces(struct pod *pod, struct namespace_request *requests, size_t *count, struct error *err) {
  const struct launch_record *record;
  *count = 0;
  for (size_t at = 0; (record = launch_next(pod->request, "namespace", &at));) {
    struct namespace_request asked;
    if (namespace_decode(record, &asked, err) < 0) return -1;
    if (asked.kind == NS_MNT || asked.path || *count == NS_COUNT) return fail(err, "launch", EINVAL, "namespace record");
    requests[(*count)++] = asked;
  }
  return 0;
}

static int make_path(const char *path) {
  cleanup_free char *copy = strdup(path);
  if (!copy) return -1;
  for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(copy, 0755);
    *slash = '/';
  }
  return mkdir(copy, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

static int join_cgroups(const struct pod *pod, struct error *err) {
  const struct launch_record *record;
  for (size_t at = 0; (record = launch_next(pod->request, "cgroup", &at));) {
    char path[PATH_MAX], number[16];
    struct word_request directory;
    if (pod_decode(record, pod_word, &directory, err) < 0) return -1;
    if (snprintf(path, sizeof path, "%s/cgroup.procs", directory.value) >= (int) sizeof path || make_path(directory.value) < 0)
      return fail(err, "cgroup", errno, "%s", directory.value);
    int n = snprintf(number, sizeof number, "%d", pod->first);
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, number, (size_t) n) != n) return fail(err, "cgroup", errno, "%s", path);
  }
  return 0;
}

/* Lets the first process make the namespaces, and binds them. */
static int make_namespaces(struct pod *pod, struct error *err) {
  struct namespace_request requests[NS_COUNT];
  size_t count;
  int channel[2];
  if (read_maps(pod, err) < 0 || read_namespaces(pod, requests, &count, err) < 0) return -1;
  if (count == 0) return 0;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) return fail(err, "pod", errno, "socketpair");
  cleanup_close int ours = channel[0], theirs = channel[1];
  if (namespaces_prepare(requests, count, &pod->namespaces, err) < 0) return -1;
  pid_t pid = namespaces_clone(&pod->namespaces, -1, &pod->pidfd, err);
  if (pid < 0) return -1;
  if (pid == 0) {
    close(ours);
    pause_process(&pod->namespaces, theirs);
  }
  pod->first = pid;
  if ((pod->namespaces.create & CLONE_NEWUSER) && id_maps_write(&pod->maps, pid, err) < 0) return -1;
  for (size_t i = 0; i < count; i++) {
    const char *name = namespaces_name(requests[i].kind);
    char source[48];
    snprintf(source, sizeof source, "/proc/%d/ns/%s", pid, name);
    if (pin(pod, name, source, err) < 0) return -1;
  }
  if (join_cgroups(pod, err) < 0) return -1;
  if (pod->namespaces.create & CLONE_NEWPID) {
    char procfs[PATH_MAX];
    if (pod_place(pod, "proc", procfs, err) < 0 || procfs_keep(pid, procfs, err) < 0) return -1;
  }
  return send(ours, "g", 1, MSG_NOSIGNAL) < 0 ? fail(err, "pod", errno, "the pod's first process") : 0;
}

static int pin_existing(const struct pod *pod, struct error *err) {
  const struct launch_record *record;
  for (size_t at = 0; (record = launch_next(pod->request, "pin", &at));) {
    struct pin_request asked;
    if (pod_decode(record, pin_fields, &asked, err) < 0) return -1;
    if (namespaces_kind(asked.type) < 0) return fail(err, "launch", EINVAL, "pin: unknown type %s", asked.type);
    if (pin(pod, asked.type, asked.path, err) < 0) return -1;
  }
  return 0;
}

static int make_shm(const struct pod *pod, struct error *err) {
  const struct launch_record *record = launch_find(pod->request, "shm");
  char path[PATH_MAX], options[160];
  struct shm_request asked;
  if (!record) return 0;
  if (pod_decode(record, shm_fields, &asked, err) < 0 || pod_place(pod, "shm", path, err) < 0) return -1;
  snprintf(options, sizeof options, "mode=1777,size=%ld,uid=%ld,gid=%ld", asked.size, asked.uid, asked.gid);
  if (mkdir(path, 0700) < 0 || mount("shm", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0 ||
      mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0)
    return fail(err, "pod", errno, "shared memory at %s", path);
  return 0;
}

static int release(const struct pod *pod, struct error *err) {
  char path[PATH_MAX];
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
    if (pod_place(pod, entries[i], path, err) < 0) return -1;
    while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {}
    if (unlink(path) < 0 && errno == EISDIR) rmdir(path);
  }
  return rmdir(pod->directory) < 0 && errno != ENOENT ? fail(err, "pod", errno, "remove %s", pod->directory) : 0;
}

static int make(struct pod *pod, struct error *err) {
  const struct launch_record *head = launch_find(pod->request, "pod");
  struct word_request directory = {""};
  if (!head) return fail(err, "launch", EPROTO, "no pod record");
  if (pod_decode(head, pod_word, &directory, err) < 0) return -1;
  if (directory.value[0] != '/') return fail(err, "launch", EINVAL, "pod: not an absolute path");
  pod->directory = directory.value;
  if (launch_find(pod->request, "release")) return release(pod, err);
  if (make_path(pod->directory) < 0) return fail(err, "pod", errno, "make %s", pod->directory);
  if (make_namespaces(pod, err) < 0 || pin_existing(pod, err) < 0 || make_shm(pod, err) < 0 ||
      pod_raise_loopback(pod, err) < 0 || pod_set_hostname(pod, err) < 0 || pod_set_sysctls(pod, err) < 0)
    return -1;
  pod->stays = pod->namespaces.create & CLONE_NEWPID ? pod->first : hold_ports(pod->request, err);
  return pod->stays < 0 ? -1 : 0;
}

static void answer(int control, const struct pod *pod, const struct error *err) {
  struct buffer out = {0};
  char number[16];
  size_t mark = frame_begin(&out, 0);
  snprintf(number, sizeof number, "%d", err ? err->status : pod->stays);
  if (err)
    frame_record(&out, "failed", err->stage, number, err->message, err->step, NULL);
  else
    frame_record(&out, "pod-done", number, NULL);
  frame_end(&out, mark);
  if (write(control, buffer_head(&out), buffer_size(&out)) < 0) _exit(1);
}

_Noreturn void pod_make(int control, const struct launch *request) {
  struct pod pod = {.request = request, .pidfd = -1};
  struct error err = {0};
  for (int i = 0; i < NS_COUNT; i++) pod.namespaces.join[i] = -1;
  signal(SIGPIPE, SIG_IGN);
  umask(077);
  int status = make(&pod, &err);
  /* The namespaces last by their files alone, but for a PID namespace, which needs a process. */
  if (pod.first > 0 && (status < 0 || pod.stays != pod.first)) {
    kill(pod.first, SIGKILL);
    waitpid(pod.first, NULL, 0);
  }
  if (status < 0 && pod.directory) {
    struct error ignored;
    release(&pod, &ignored);
  }
  answer(control, &pod, status < 0 ? &err : NULL);
  _exit(status < 0);
}

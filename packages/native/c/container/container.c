#include "container/container.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "container/internal.h"
#include "container/runtime/runtime.h"
#include "layer/cache.h"

/* The descriptors that only the start needs. */
enum { START_FDS = 8 };
static int *start_fd(struct container *c, size_t i) {
  int *fds[START_FDS] = {&c->null,         &c->host_proc,    &c->host_sys,   &c->bare_sys,
                         &c->init_program, &c->proc_context, &c->proc_clone, &c->device_tree};
  return fds[i];
}

static void close_if_open(int *fd) {
  if (*fd >= 0) close(steal_fd(fd));
}

/* The user namespace that the layers are mapped to: the container's, or one with the same maps. -1: none. Returns 0, or -1. */
static int open_user_namespace(const struct container *c, int *user_ns, struct error *err) {
  *user_ns = -1;
  if (c->namespaces.join[NS_USER] >= 0) {
    *user_ns = fcntl(c->namespaces.join[NS_USER], F_DUPFD_CLOEXEC, 3);
    return *user_ns < 0 ? fail(err, "namespace", errno, "user namespace") : 0;
  }
  if (!(c->namespaces.create & CLONE_NEWUSER)) return 0;
  *user_ns = namespaces_user_fd(&c->spec->id_maps, err);
  return *user_ns < 0 ? -1 : 0;
}

static int open_init(struct container *c, struct error *err) {
  if (!c->spec->init) return 0;
  c->init_program = open_init_program();
  return c->init_program < 0 ? fail(err, "start", errno, "own program") : 0;
}

/* Another runtime makes the rest by the bundle's config.json. */
static int prepare_bundle(struct container *c, int *user_ns, struct error *err) {
  if (cgroup_prepare(c->spec, &c->cgroup, err) < 0) return -1;
  c->runtime = runtime_new(c->spec, c->cgroup.version, err);
  if (!c->runtime) return -1;
  c->runtime->remapped = *user_ns >= 0;
  c->runtime->user_ns = steal_fd(user_ns);
  return 0;
}

static int prepare(struct container *c, const struct launch *launch, struct error *err) {
  cleanup_close int user_ns = -1;
  if (spec_decode(launch, SPEC_FOR_START, &c->spec, err) < 0 ||
      namespaces_prepare(c->spec->namespaces.items, c->spec->namespaces.count, &c->namespaces, err) < 0 ||
      open_user_namespace(c, &user_ns, err) < 0 || open_init(c, err) < 0 || rootfs_prepare(c, user_ns, err) < 0 ||
      mounts_prepare(c, user_ns, err) < 0)
    return -1;
  if (c->spec->runtime) return prepare_bundle(c, &user_ns, err);
  if (devices_prepare(c, user_ns, err) < 0) return -1;
  return cgroup_prepare(c->spec, &c->cgroup, err);
}

int container_prepare(const struct launch *launch, struct container **out, struct error *err) {
  struct container *c = calloc(1, sizeof *c);
  *out = NULL;
  if (!c) return fail(err, "start", ENOMEM, "container");
  c->root = c->pidfd = c->proc = -1;
  for (size_t i = 0; i < START_FDS; i++) *start_fd(c, i) = -1;
  for (int i = 0; i < NS_COUNT; i++) c->namespaces.join[i] = -1;
  if (prepare(c, launch, err) < 0) {
    container_free(c);
    return -1;
  }
  layer_cache_leave();
  *out = c;
  return 0;
}

void container_forget_start(struct container *c) {
  for (size_t i = 0; i < START_FDS; i++) close_if_open(start_fd(c, i));
  for (size_t i = 0; i < c->mount_count; i++) close_if_open(&c->mounts[i].fd);
  for (int i = 0; i < c->cgroup.count; i++) close_if_open(&c->cgroup.directory[i].tree);
  free(c->mounts);
  c->mounts = NULL;
  c->mount_count = 0;
  spec_free(c->spec);
  c->spec = NULL;
}

int container_netns(const struct container *container) {
  return container->namespaces.join[NS_NET];
}

void container_kill_all(struct container *container) {
  cgroup_kill(&container->cgroup);
}

int container_is_foreign(const struct container *container) {
  return container->runtime != NULL;
}

int container_signal(const struct container *container, int process, int signal, struct error *err) {
  if (container->runtime && signal) return runtime_kill(container->runtime, signal, err);
  return sys_pidfd_send_signal(process, signal) < 0 ? fail(err, "kill", errno, "signal %d", signal) : 0;
}

void container_ended(const struct container *container) {
  if (container->runtime) runtime_delete(container->runtime);
  cgroup_remove(&container->cgroup);
}

long container_ooms(struct container *container) {
  return cgroup_ooms(&container->cgroup);
}

void container_oom_told(struct container *container) {
  cgroup_oom_told(&container->cgroup);
}

int container_oom_fd(const struct container *container, int *counter) {
  return cgroup_oom_fd(&container->cgroup, counter);
}

void container_free(struct container *c) {
  if (!c) return;
  container_forget_start(c);
  runtime_free(c->runtime);
  namespaces_close(&c->namespaces);
  cgroup_close(&c->cgroup);
  close_if_open(&c->root);
  close_if_open(&c->pidfd);
  free(c);
}

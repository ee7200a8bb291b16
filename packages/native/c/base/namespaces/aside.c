/* Namespaces that no process lives in: made by a helper process that ends, held by their descriptors. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/namespaces/namespaces.h"
#include "base/records/fields.h"
#include "base/sys.h"

/* A new user namespace with these maps, or the namespace of another kind that was made with it. */
static int made_aside(const struct id_maps *maps, int kind, struct error *err) {
  struct clone_args args = {.flags = CLONE_NEWUSER | namespaces_flag(kind), .exit_signal = SIGCHLD};
  pid_t pid = sys_clone3(&args);
  if (pid == 0) {
    for (;;) pause();
  }
  if (pid < 0) return fail(err, "namespace", errno, "make a user namespace");
  int fd = -1;
  if (id_maps_write(maps, pid, err) == 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, namespaces_name(kind));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(err, "namespace", errno, "%s", path);
  }
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  return fd;
}

int namespaces_user_fd(const struct id_maps *maps, struct error *err) {
  return made_aside(maps, NS_USER, err);
}

/* A network namespace of a user namespace that is there. A process of many threads cannot go there itself. */
static int net_within(const char *path, struct error *err) {
  int channel[2], status = ECHILD;
  cleanup_close int user = open(path, O_RDONLY | O_CLOEXEC);
  if (user < 0 || pipe2(channel, O_CLOEXEC) < 0) return fail(err, "namespace", errno, "%s", path);
  cleanup_close int in = channel[0], out = channel[1];
  struct clone_args args = {.exit_signal = SIGCHLD};
  pid_t pid = sys_clone3(&args);
  if (pid == 0) {
    status = setns(user, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNET) < 0 ? errno : 0;
    if (write(out, &status, sizeof status) != sizeof status) _exit(1);
    for (;;) pause();
  }
  if (pid < 0) return fail(err, "namespace", errno, "enter %s", path);
  close(steal_fd(&out));
  int fd = -1;
  if (read(in, &status, sizeof status) == sizeof status && !status) {
    char net[64];
    snprintf(net, sizeof net, "/proc/%d/ns/net", pid);
    fd = open(net, O_RDONLY | O_CLOEXEC);
    status = errno;
  }
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  return fd < 0 ? fail(err, "namespace", status, "make a network namespace in %s", path) : fd;
}

struct user_namespace_request {
  const char *path;
  const char *fill[2]; /* nothing: the network worker has these records in four words each, as those of maps */
};
static const struct field user_namespace_fields[] = {
    PLACED(FIELD_WORD, user_namespace_request, path),
    OPTIONAL(FIELD_WORD, user_namespace_request, fill[0], 0),
    OPTIONAL(FIELD_WORD, user_namespace_request, fill[1], 0),
    FIELDS_END,
};

int namespaces_owned_net(const struct launch *launch, struct error *err) {
  const struct launch_record *there = launch_find(launch, "user-namespace");
  struct user_namespace_request owner;
  if (there && fields_decode("launch", user_namespace_fields, there, &owner, NULL, err) < 0) return -1;
  if (there) return net_within(owner.path, err);
  struct id_maps maps = {0};
  for (size_t i = 0; i < launch->count; i++) {
    const struct launch_record *record = &launch->records[i];
    int users = !strcmp(record->argv[0], "uid-map");
    if (!users && strcmp(record->argv[0], "gid-map")) return fail(err, "launch", EINVAL, "unknown record %s", record->argv[0]);
    if (id_map_add(users ? &maps.users : &maps.groups, record, err) < 0) return -1;
  }
  return made_aside(&maps, NS_NET, err);
}

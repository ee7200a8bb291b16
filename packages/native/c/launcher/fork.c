/* The launcher's children: supervisors, and makers of pods. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/namespaces/namespaces.h"
#include "launcher/launcher.h"
#include "layer/cache.h"
#include "pod/plugin.h"
#include "pod/pod.h"
#include "supervisor/core.h"

/* The descriptors that a supervisor begins with have numbers of their own, so that all above them can be closed at once. */
enum { control_fd = 3, empty_mnt_fd = 4, null_fd = 5, spare_net_fd = 6, lock_fd = 7 };

/* Out of the way of the numbers that they get: all are moved up first. -1 stays -1. */
static int moved_up(int fd) {
  return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10);
}

/* Makes `number` a duplicate of `fd`, or closes it where there is none. Returns it, or -1. */
static int settle(int fd, int number) {
  if (fd < 0) close(number);
  return fd < 0 ? -1 : dup3(fd, number, O_CLOEXEC);
}

/* In the child: nothing of the launcher's stays but its end of the pair and the namespaces that are ready. */
static _Noreturn void become_supervisor(int fd, const struct launch *message, int spare) {
  setsid();
  int control = moved_up(fd), empty = moved_up(namespaces_empty_mnt), null = moved_up(namespaces_null);
  int net = moved_up(spare ? namespaces_spare_net : -1), lock = moved_up(launcher.lock);
  settle(control, control_fd);
  namespaces_empty_mnt = settle(empty, empty_mnt_fd);
  namespaces_null = settle(null, null_fd);
  namespaces_spare_net = settle(net, spare_net_fd);
  lock = settle(lock, lock_fd);
  layer_cache_inherit(lock_fd + 1);
  dup2(0, 1);
  dup2(0, 2);
  supervise(control_fd, lock, message);
}

enum role { SUPERVISOR, POD_MAKER, PLUGIN_RUNNER };

static void fork_for(uint32_t handle, const struct launch *message, enum role role) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
    launcher_tell(handle, "lost");
    return;
  }
  int spare = spare_wanted(message);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGCHLD, SIG_DFL);
    links_forget();
    /* One that stays the launcher's is the next one's. */
    if (!spare) namespaces_spare_net = -1;
    if (role == POD_MAKER) pod_make(pair[1], message);
    if (role == PLUGIN_RUNNER) plugin_run(pair[1], message, launcher.mask);
    become_supervisor(pair[1], message, spare);
  }
  close(pair[1]);
  if (spare) spare_taken();
  struct supervisor_link *link = child < 0 ? NULL : link_new(handle, pair[0]);
  if (!link) {
    close(pair[0]);
    launcher_tell(handle, "lost");
    return;
  }
  link->pid = child;
}

void fork_supervisor(uint32_t handle, const struct launch *message) {
  fork_for(handle, message, SUPERVISOR);
}

void fork_pod_maker(uint32_t handle, const struct launch *message) {
  fork_for(handle, message, POD_MAKER);
}

void fork_plugin_runner(uint32_t handle, const struct launch *message) {
  fork_for(handle, message, PLUGIN_RUNNER);
}

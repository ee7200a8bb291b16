#include "launcher/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/namespaces/namespaces.h"
#include "layer/cache.h"
#include "pod/pod.h"
#include "supervisor/core.h"

/* The daemon's end of the socket pair, and the file that only one launcher at a time has locked, as it spawned us. */
enum { daemon_fd = 3, lock_fd = 4 };

/* One supervisor, forked here or adopted by its socket. */
struct supervisor_link {
  struct source source;
  struct channel channel;
  struct supervisor_link *next;
  uint32_t handle;
  pid_t pid; /* 0: adopted; it says its own */
};

static struct loop *loop;
static struct source daemon_source;
static struct channel to_daemon;
static struct supervisor_link *links;
static int held_lock = -1;

static int daemon_gone(void) {
  struct pollfd daemon = {.fd = daemon_fd};
  return poll(&daemon, 1, 0) > 0 && daemon.revents & POLLHUP;
}

static void flush_daemon(void) {
  if (channel_flush(&to_daemon) < 0) loop_stop(loop);
  loop_change(loop, &daemon_source, EPOLLIN | (buffer_size(&to_daemon.out) ? EPOLLOUT : 0));
}

static void tell_lost(uint32_t handle) {
  size_t mark = frame_begin(&to_daemon.out, handle);
  frame_record(&to_daemon.out, "lost", NULL);
  frame_end(&to_daemon.out, mark);
}

static void link_free(struct supervisor_link *link) {
  for (struct supervisor_link **at = &links; *at; at = &(*at)->next) {
    if (*at == link) {
      *at = link->next;
      break;
    }
  }
  loop_remove(loop, &link->source);
  channel_close(&link->channel);
  free(link);
}

static void link_flush(struct supervisor_link *link) {
  if (channel_flush(&link->channel) < 0) buffer_free(&link->channel.out); /* its source tells that it is gone */
  loop_change(loop, &link->source, EPOLLIN | (buffer_size(&link->channel.out) ? EPOLLOUT : 0));
}

/* Passes frames to the daemon under the handle by which it knows the supervisor. */
static void relay(struct supervisor_link *link) {
  uint32_t handle;
  const char *records;
  size_t size;
  while (frame_next(&link->channel.in, &handle, &records, &size) > 0) {
    size_t mark = frame_begin(&to_daemon.out, link->handle);
    buffer_append(&to_daemon.out, records, size);
    frame_end(&to_daemon.out, mark);
    buffer_consume(&link->channel.in, size + frame_head);
  }
}

static void link_ready(struct source *source, uint32_t events) {
  struct supervisor_link *link = (struct supervisor_link *) source;
  if (events & EPOLLOUT) link_flush(link);
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  int status = channel_read(&link->channel);
  if (status > 0) {
    relay(link);
  } else if (status < 0) {
    tell_lost(link->handle);
    link_free(link);
  }
  flush_daemon();
}

static struct supervisor_link *link_new(uint32_t handle, int fd) {
  struct supervisor_link *link = calloc(1, sizeof *link);
  if (!link) return NULL;
  link->source = (struct source){.fd = fd, .ready = link_ready};
  link->channel = (struct channel){.fd = fd, .in.wiped = 1, .out.wiped = 1};
  link->handle = handle;
  if (loop_add(loop, &link->source, EPOLLIN) < 0) {
    free(link);
    return NULL;
  }
  link->next = links;
  links = link;
  return link;
}

/* Not namespaces_own(): what that remembers would be stale in a forked supervisor, where this fd is closed. */
static int own_netns = -1, spare_timer;

/* A new network namespace costs half a millisecond: one is kept ready for the next container without a network. */
static void make_spare(void *data) {
  spare_timer = 0;
  if (namespaces_spare_net >= 0) return;
  if (own_netns < 0 && (own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) < 0) return;
  if (unshare(CLONE_NEWNET) < 0) return; /* the next start makes its own and tells the reason */
  struct error err;
  int made = loopback_up(&err) == 0 ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -1;
  if (setns(own_netns, CLONE_NEWNET) < 0) abort(); /* never go on in a namespace that is a container's */
  namespaces_spare_net = made;
}

/* Whether a launch asks for a network namespace of its own that is the host's users' (a user namespace owns its own). */
static int wants_netns(const char *records, size_t size) {
  static const char net[] = "\2namespace\0net", user[] = "namespace\0user";
  return memmem(records, size, net, sizeof net) && !memmem(records, size, user, sizeof user);
}

/* What is on its way to and from other containers is none of this one's: processes that its execs become are looked into by
   those that are there. */
static void forget_others(void) {
  channel_close(&to_daemon);
  for (struct supervisor_link *link = links; link; link = link->next) channel_close(&link->channel);
}

/* In the child: nothing of the launcher's stays but its end of the pair and the namespaces that are ready. */
static _Noreturn void become_supervisor(int fd, const char *records, size_t size, int spare) {
  enum { control = 3, empty = 4, device = 5, network = 6, lock = 7 };
  signal(SIGCHLD, SIG_DFL);
  setsid();
  char *own = malloc(size + 1);
  if (!own) _exit(1);
  memcpy(own, records, size);
  forget_others();
  int ns = namespaces_empty_mnt, null = namespaces_null, net = spare ? namespaces_spare_net : -1;
  /* Out of the way of the numbers that they get. */
  fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  ns = ns < 0 ? -1 : fcntl(ns, F_DUPFD_CLOEXEC, 10);
  null = null < 0 ? -1 : fcntl(null, F_DUPFD_CLOEXEC, 10);
  net = net < 0 ? -1 : fcntl(net, F_DUPFD_CLOEXEC, 10);
  int held = held_lock < 0 ? -1 : fcntl(held_lock, F_DUPFD_CLOEXEC, 10);
  dup3(fd, control, O_CLOEXEC);
  namespaces_empty_mnt = ns < 0 ? -1 : dup3(ns, empty, O_CLOEXEC);
  namespaces_null = null < 0 ? -1 : dup3(null, device, O_CLOEXEC);
  namespaces_spare_net = net < 0 ? -1 : dup3(net, network, O_CLOEXEC);
  held = held < 0 ? -1 : dup3(held, lock, O_CLOEXEC);
  layer_cache_inherit(lock + 1);
  if (ns < 0) close(empty);
  if (null < 0) close(device);
  if (net < 0) close(network);
  if (held < 0) close(lock);
  dup2(0, 1);
  dup2(0, 2);
  supervise(control, held, own, size);
}

static _Noreturn void become_pod_maker(int fd, const char *records, size_t size) {
  signal(SIGCHLD, SIG_DFL);
  char *own = malloc(size + 1);
  if (!own) _exit(1);
  memcpy(own, records, size);
  forget_others();
  pod_make(fd, own, size);
}

/* Forks what carries out a frame: a supervisor, or the maker of a pod. */
static void start(uint32_t handle, const char *records, size_t size, int is_pod) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
    tell_lost(handle);
    return;
  }
  int spare = !is_pod && wants_netns(records, size);
  pid_t child = fork();
  if (child == 0 && is_pod) become_pod_maker(pair[1], records, size);
  if (child == 0) become_supervisor(pair[1], records, size, spare);
  close(pair[1]);
  if (spare) {
    if (namespaces_spare_net >= 0) close(namespaces_spare_net);
    namespaces_spare_net = -1;
    /* When this container, if it is a short one, is through: what it tells waits meanwhile. */
    if (!spare_timer) spare_timer = loop_timer(loop, 25, make_spare, NULL);
  }
  struct supervisor_link *link = child < 0 ? NULL : link_new(handle, pair[0]);
  if (!link) {
    close(pair[0]);
    tell_lost(handle);
    return;
  }
  link->pid = child;
}

/* A supervisor that an earlier launcher forked, to be connected to. */
struct adoption {
  uint32_t handle;
  int tries;
  char folder[];
};

enum { adopt_ms = 100, adopt_tries = 80 };

static void adopt(void *data);

/* The supervisor that nobody answers for: its queue of connections is full, perhaps because it is stopped. Waiting in
   connect(2) would stop all others, too. */
static int adopt_later(struct adoption *adoption) {
  return adoption->tries++ < adopt_tries && loop_timer(loop, adopt_ms, adopt, adoption) > 0;
}

/* Takes over the adoption. */
static void adopt(void *data) {
  struct adoption *adoption = data;
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "supervisor.sock"};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int status = fd < 0 || chdir(adoption->folder) < 0 ? -1 : connect(fd, (struct sockaddr *) &address, sizeof address);
  int busy = status < 0 && errno == EAGAIN;
  struct supervisor_link *link = NULL;
  if (chdir("/") == 0 && status == 0) link = link_new(adoption->handle, fd);
  if (!link && fd >= 0) close(fd);
  if (busy && adopt_later(adoption)) return;
  if (link) {
    size_t mark = frame_begin(&link->channel.out, 0);
    frame_record(&link->channel.out, "control", NULL);
    frame_end(&link->channel.out, mark);
    link_flush(link);
  } else {
    tell_lost(adoption->handle);
    flush_daemon();
  }
  free(adoption);
}

static void adopt_folder(uint32_t handle, const char *folder) {
  size_t size = strlen(folder) + 1;
  struct adoption *adoption = malloc(sizeof *adoption + size);
  if (!adoption) {
    tell_lost(handle);
    return;
  }
  *adoption = (struct adoption){.handle = handle};
  memcpy(adoption->folder, folder, size);
  adopt(adoption);
}

static void tell_alive(void) {
  size_t mark = frame_begin(&to_daemon.out, 0);
  frame_record(&to_daemon.out, "pong", NULL);
  frame_end(&to_daemon.out, mark);
}

static void pass_on(uint32_t handle, const char *records, size_t size) {
  struct supervisor_link *link = links;
  while (link && link->handle != handle) link = link->next;
  if (!link) return; /* it has just gone; the daemon is being told */
  size_t mark = frame_begin(&link->channel.out, 0);
  buffer_append(&link->channel.out, records, size);
  frame_end(&link->channel.out, mark);
  link_flush(link);
}

/* Which process a supervisor is that says nothing of its own. */
static void tell_process(uint32_t handle) {
  char pid[16];
  for (const struct supervisor_link *link = links; link; link = link->next) {
    if (link->handle != handle || link->pid == 0) continue;
    snprintf(pid, sizeof pid, "%d", link->pid);
    size_t mark = frame_begin(&to_daemon.out, handle);
    frame_record(&to_daemon.out, "process", pid, NULL);
    frame_end(&to_daemon.out, mark);
  }
}

/* Whether the frame's first record is `name` (its string count precedes it). */
static int is(const char *records, size_t size, const char *name) {
  size_t length = strlen(name) + 1;
  return size > length && !memcmp(records + 1, name, length);
}

static void daemon_ready(struct source *source, uint32_t events) {
  if (events & EPOLLOUT) flush_daemon();
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  uint32_t handle;
  const char *records;
  size_t size;
  int status = channel_read(&to_daemon);
  if (status < 0) loop_stop(loop);
  while (status > 0 && (status = frame_next(&to_daemon.in, &handle, &records, &size)) > 0) {
    int is_pod = is(records, size, "pod");
    if (is_pod || is(records, size, "start")) {
      /* Requests of a daemon that has died have no one to answer to. */
      if (!daemon_gone()) start(handle, records, size, is_pod);
    } else if (is(records, size, "adopt")) {
      struct launch message;
      struct error err;
      if (launch_parse(records, size, &message, &err) == 0) {
        adopt_folder(handle, message.records[0].argc > 1 ? message.records[0].argv[1] : "");
        launch_free(&message);
      }
    } else if (is(records, size, "ping")) {
      tell_alive();
    } else if (is(records, size, "which")) {
      tell_process(handle);
    } else {
      pass_on(handle, records, size);
    }
    buffer_consume(&to_daemon.in, size + frame_head);
  }
  if (status < 0) loop_stop(loop);
  flush_daemon();
}

/* Waits until the launcher before this one has ended, and every supervisor that it forked can be connected to: what a daemon
   is told of then is all that runs. Not for ever, for one of them may be stopped. */
static void take_turn(void) {
  enum { pause_ms = 5, tries = 1000 };
  struct stat st;
  if (fstat(lock_fd, &st) < 0 || !S_ISREG(st.st_mode) || fcntl(lock_fd, F_SETFD, FD_CLOEXEC) < 0)
    return; /* started without one */
  held_lock = lock_fd;
  for (int i = 0; i < tries; i++) {
    if (flock(lock_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
    if (daemon_gone()) exit(0);
    usleep(pause_ms * 1000);
  }
  fprintf(stderr, "berth-native launcher: an earlier launcher, or a start of its, does not end; not waiting any longer\n");
}

/* Lives as long as the daemon's end of fd 3 is open. Supervisors, in sessions of their own, live on. */
int launcher_main(int argc, char **argv) {
  struct error err;
  struct stat st;
  if (fstat(daemon_fd, &st) < 0 || !S_ISSOCK(st.st_mode)) {
    fprintf(stderr, "berth-native launcher: file descriptor 3 is not the daemon's socket\n");
    return 2;
  }
  char *sealed[] = {"berth-native", "launcher", NULL};
  if (seal_self(sealed, &err) < 0) {
    fprintf(stderr, "berth-native launcher: not sealed: %s\n", err.message);
    return 1;
  }
  prctl(PR_SET_NAME, "berth-launcher");
  setsid();
  umask(077);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN); /* supervisors are reaped by the kernel */
  fcntl(daemon_fd, F_SETFD, FD_CLOEXEC);
  take_turn();
  if (chdir("/") < 0) return 1;
  signal(SIGCHLD, SIG_DFL);
  namespaces_empty_mnt = make_empty_mntns(&namespaces_null, &err);
  signal(SIGCHLD, SIG_IGN);
  if (namespaces_empty_mnt < 0) fprintf(stderr, "berth-native launcher: %s\n", err.message);
  loop = loop_new();
  to_daemon = (struct channel){.fd = daemon_fd, .in.wiped = 1, .out.wiped = 1};
  daemon_source = (struct source){.fd = daemon_fd, .ready = daemon_ready};
  if (!loop || loop_add(loop, &daemon_source, EPOLLIN) < 0) return 1;
  spare_timer = loop_timer(loop, 25, make_spare, NULL);
  layer_cache_serve(loop);
  loop_run(loop);
  return 0;
}

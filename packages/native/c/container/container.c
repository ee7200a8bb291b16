#include "container/container.h"

#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/fsmount.h"
#include "base/sys.h"
#include "container/birth.h"
#include "container/parts.h"
#include "layer/cache.h"

/* What the child sends: an error, or the terminal's master (as SCM_RIGHTS). The end of the stream: the program runs. */
struct note {
  char kind; /* 'e' or 't' */
  struct error error;
};

static int send_note(int channel, const struct note *note, size_t size, int fd) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec part = {.iov_base = (void *) note, .iov_len = size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
  }
  return sendmsg(channel, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Returns the size of the note, 0 at the end, -1 with errno. */
static ssize_t receive_note(int channel, struct note *note, int *fd) {
  char control[CMSG_SPACE(sizeof(int))];
  struct iovec part = {.iov_base = note, .iov_len = sizeof *note};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t n;
  do n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n <= 0) return n;
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  if (head && head->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(head), sizeof *fd);
  return n;
}

static void report(struct child *child, const struct error *err) __attribute__((noreturn));
static void report(struct child *child, const struct error *err) {
  if (!strcmp(err->stage, "run")) {
    /* The program was found but the kernel can't run it: to Docker the container has started, and says so itself. */
    dprintf(2, "%s\n", err->message);
    _exit(1);
  }
  struct note note = {.kind = 'e', .error = *err};
  send_note(child->channel, &note, sizeof note, -1);
  _exit(125);
}

static int open_terminal(struct child *child, int *slave, struct error *err) {
  if (!child->io->terminal) return 0;
  cleanup_close int master = -1;
  if (terminal_open(child->launch, child->root, &master, slave, err) < 0) return -1;
  struct note note = {.kind = 't'};
  if (send_note(child->channel, &note, 1, master) < 0) return fail(err, "terminal", errno, "pass the terminal on");
  return 0;
}

static int enter_root(int root, struct error *err) {
  if (fchdir(root) < 0 || chroot(".") < 0) return fail(err, "rootfs", errno, "enter the container's root");
  return 0;
}

/* A network namespace that the container's user namespace does not own. */
static int lent_network(const struct container *c) {
  return namespaces_has_user(&c->namespaces) && c->namespaces.join[NS_NET] >= 0;
}

/* Its parameters are the machine's root's to set. */
static int lent_network_sysctls(const struct container *c, struct error *err) {
  int own = namespaces_own(NS_NET);
  cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (own < 0 || proc < 0 || setns(c->namespaces.join[NS_NET], CLONE_NEWNET) < 0)
    return fail(err, "sysctl", errno, "the container's network namespace");
  int done = sysctls_apply(c->launch, proc, SYSCTLS_NET, err);
  if (setns(own, CLONE_NEWNET) < 0) _exit(125);
  return done;
}

static int set_up(struct child *child, int *slave, struct error *err) {
  struct container *c = child->container;
  if (cgroup_join(&c->cgroup, err) < 0 || namespaces_child(&c->namespaces, child->channel, err) < 0) return -1;
  if (!child->birth && setsid() < 0) return fail(err, "session", errno, "setsid");
  umask(0);
  if ((c->namespaces.create & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
    return fail(err, "namespace", errno, "cgroup namespace");
  if ((c->namespaces.create & CLONE_NEWNET) && loopback_up(err) < 0) return -1;
  if (move_mount(c->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0) return fail(err, "rootfs", errno, "attach the root");
  if (mounts_apply(c, c->root, err) < 0) return -1;
  child->proc = c->proc;
  if (!child->birth) child->self = c->proc;
  if (devices_apply(c, c->root, err) < 0 || enter_root(c->root, err) < 0 || open_terminal(child, slave, err) < 0) return -1;
  if (*slave >= 0 && terminal_console(c->root, *slave, err) < 0) return -1;
  if (names_apply(c->launch, err) < 0 || sysctls_apply(c->launch, child->proc, lent_network(c) ? SYSCTLS_OTHER : SYSCTLS_ALL, err) < 0 || masks_apply(c, c->root, err) < 0)
    return -1;
  if (process_cwd(child, err) < 0 || root_readonly_apply(c->launch, c->root, err) < 0) return -1;
  if (!namespaces_has_user(&c->namespaces) && process_own_oom_score(child, err) < 0) return -1;
  return child->birth ? namespaces_join_pid(&c->namespaces, err) : 0;
}

static void run_first(struct child *child) __attribute__((noreturn));
static void run_first(struct child *child) {
  struct error err = {0};
  int slave = -1;
  if (set_up(child, &slave, &err) == 0) process_run(child, slave, &err);
  report(child, &err);
}

static void end_child(pid_t pid) {
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

/* A process on its way to become the program, or where there is a birth, to make the one that does. */
struct joining {
  int channel;         /* what it says comes here; the end: the program runs */
  int terminal, master;
  int *console;
  pid_t pid;
  struct birth *birth; /* or NULL */
  pid_t left[2];       /* what is still to be reaped when it is over; 0: nothing */
};

int joining_fd(const struct joining *joining) { return joining->channel; }

void joining_kill(const struct joining *joining) {
  kill(joining->pid, SIGKILL);
  if (joining->birth && joining->birth->pid > 0) kill(joining->birth->pid, SIGKILL);
}

const pid_t *joining_left(const struct joining *joining) { return joining->left; }

int joining_step(struct joining *joining, pid_t *program, struct error *err) {
  struct note note;
  const struct birth *birth = joining->birth;
  int more = -1;
  ssize_t n = receive_note(joining->channel, &note, &more);
  if (n < 0 && errno == EAGAIN) return 1;
  /* The terminal comes first. Later ones may be somebody else's, who has got hold of the process that was born. */
  if (n == 1 && note.kind == 't' && joining->terminal && joining->master < 0) {
    joining->master = more;
    return 1;
  }
  if (more >= 0) close(more);
  if (n == 0 && birth && !birth->pid) errno = ESRCH, n = -1;
  if (n == 0) {
    if (joining->console) *joining->console = steal_fd(&joining->master);
  } else if (n == (ssize_t) sizeof note) {
    *err = note.error;
    err->stage[sizeof err->stage - 1] = err->message[sizeof err->message - 1] = 0;
  } else {
    fail(err, "start", n < 0 ? errno : EPROTO, "the container's process was lost");
  }
  if (n) joining_kill(joining);
  joining->left[0] = n || birth ? joining->pid : 0;
  joining->left[1] = n && birth && birth->pid > 0 ? birth->pid : 0;
  *program = birth ? birth->pid : joining->pid;
  return n ? -1 : 0;
}

void joining_free(struct joining *joining) {
  if (!joining) return;
  close(joining->channel);
  if (joining->master >= 0) close(joining->master);
  birth_free(joining->birth);
  free(joining);
}

/* Takes over channel and birth. */
static struct joining *joining_new(int *channel, pid_t pid, const struct process_io *io, struct birth **birth, struct error *err) {
  struct joining *joining = calloc(1, sizeof *joining);
  if (!joining) {
    end_child(pid);
    fail(err, "start", ENOMEM, "start");
    return NULL;
  }
  *joining = (struct joining){.channel = steal_fd(channel), .terminal = io->terminal, .master = -1, .console = io->console,
                              .pid = pid, .birth = *birth};
  *birth = NULL;
  fcntl(joining->channel, F_SETFL, O_NONBLOCK);
  return joining;
}

/* Waits for the first process, of which all else depends. Returns the program's pid, or -1 with the error and all reaped. */
static pid_t await_program(int *channel, pid_t pid, const struct process_io *io, struct birth **birth, struct error *err) {
  struct joining *joining = joining_new(channel, pid, io, birth, err);
  if (!joining) return -1;
  pid_t program = -1;
  int status;
  while ((status = joining_step(joining, &program, err)) > 0) {
    struct pollfd wait = {.fd = joining->channel, .events = POLLIN};
    poll(&wait, 1, -1);
  }
  for (int i = 0; i < 2; i++) {
    if (joining->left[i]) end_child(joining->left[i]);
  }
  joining_free(joining);
  return status < 0 ? -1 : program;
}

int container_prepare(const struct launch *launch, struct container **out, struct error *err) {
  struct container *c = calloc(1, sizeof *c);
  if (!c) return fail(err, "start", ENOMEM, "container");
  c->launch = launch;
  c->root = c->null = c->host_proc = c->host_sys = c->bare_sys = c->init_program = c->proc_context = c->proc_clone = c->device_tree = c->proc = c->pidfd = -1;
  for (int i = 0; i < NS_COUNT; i++) c->namespaces.join[i] = -1;
  *out = c;
  cleanup_close int user_ns = -1;
  if (namespaces_prepare(launch, &c->namespaces, err) < 0) goto failed;
  if (c->namespaces.join[NS_USER] >= 0) {
    user_ns = fcntl(c->namespaces.join[NS_USER], F_DUPFD_CLOEXEC, 3);
  } else if (c->namespaces.create & CLONE_NEWUSER) {
    user_ns = namespaces_user_fd(launch, err);
    if (user_ns < 0) goto failed;
  }
  if (launch_find(launch, "init")) {
    c->init_program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (c->init_program < 0) {
      fail(err, "start", errno, "own program");
      goto failed;
    }
  }
  if (rootfs_prepare(launch, user_ns, &c->root, err) < 0 || mounts_prepare(c, user_ns, err) < 0 || devices_prepare(c, user_ns, err) < 0 ||
      cgroup_prepare(launch, &c->cgroup, err) < 0)
    goto failed;
  layer_cache_leave();
  return 0;
failed:
  container_free(c);
  *out = NULL;
  return -1;
}

/* The program runs: what only its start needed is given back. Root, namespaces and cgroups stay, for execs. */
static void forget_start(struct container *c) {
  int *fds[] = {&c->null, &c->host_proc, &c->host_sys, &c->bare_sys, &c->init_program, &c->proc_context, &c->proc_clone, &c->device_tree};
  for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
    if (*fds[i] >= 0) close(steal_fd(fds[i]));
  }
  for (size_t i = 0; i < c->mount_count; i++) {
    if (c->mounts[i].fd >= 0) close(steal_fd(&c->mounts[i].fd));
  }
  for (int i = 0; i < c->cgroup.count; i++) {
    if (c->cgroup.folder[i].tree >= 0) close(steal_fd(&c->cgroup.folder[i].tree));
  }
  c->launch = NULL;
}

pid_t container_start(struct container *container, const struct process_io *io, struct error *err) {
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) return fail(err, "start", errno, "socketpair");
  cleanup_close int ours = channel[0], theirs = channel[1];
  struct child child = {.container = container, .launch = container->launch, .io = io, .channel = theirs,
                        .root = container->root, .proc = -1, .self = -1};
  if (seccomp_read(container->launch, &child, err) < 0) return -1;
  cleanup_free void *filter = child.seccomp;
  cleanup_birth struct birth *birth = NULL;
  cleanup_close int self = -1;
  if (container->namespaces.join[NS_PID] >= 0) {
    if (!(child.birth = birth = birth_new(err))) return -1;
    child.self = self = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self < 0) return fail(err, "start", errno, "/proc");
  }
  if (lent_network(container) && lent_network_sysctls(container, err) < 0) return -1;

  pid_t pid = namespaces_clone(&container->namespaces, cgroup_clone_fd(&container->cgroup), &container->pidfd, err);
  if (pid == 0) run_first(&child);
  if (pid < 0) return -1;
  close(steal_fd(&theirs));
  int mapped = namespaces_has_user(&container->namespaces) ? process_oom_score(container->launch, pid, err) : 0;
  if (mapped == 0 && (container->namespaces.create & CLONE_NEWUSER)) mapped = namespaces_write_maps(container->launch, pid, err);
  if (mapped == 0 && namespaces_has_user(&container->namespaces)) {
    if (mapped == 0 && send(ours, "g", 1, MSG_NOSIGNAL) < 0) mapped = fail(err, "start", errno, "start the child");
  }
  if (mapped < 0) {
    end_child(pid);
    return -1;
  }
  int born = birth != NULL;
  container->pid = await_program(&ours, pid, io, &birth, err);
  if (container->pid < 0) return -1;
  if (born) {
    close(steal_fd(&container->pidfd));
    container->pidfd = (int) syscall(SYS_pidfd_open, container->pid, 0);
    if (container->pidfd < 0) {
      end_child(container->pid);
      return fail(err, "start", errno, "watch the container's process");
    }
  }
  forget_start(container);
  return container->pid;
}

static uint64_t joined_namespaces(const struct container *container) {
  static const uint64_t flags[NS_COUNT] = {[NS_MNT] = CLONE_NEWNS, [NS_PID] = CLONE_NEWPID,   [NS_UTS] = CLONE_NEWUTS,
                                           [NS_IPC] = CLONE_NEWIPC, [NS_NET] = CLONE_NEWNET,  [NS_CGROUP] = CLONE_NEWCGROUP,
                                           [NS_TIME] = CLONE_NEWTIME, [NS_USER] = CLONE_NEWUSER};
  uint64_t all = 0;
  for (int i = 0; i < NS_COUNT; i++) {
    if ((container->namespaces.create & flags[i]) || container->namespaces.join[i] >= 0) all |= flags[i];
  }
  return all;
}

static int enter(struct child *child, uint64_t which, struct error *err) {
  struct container *c = child->container;
  if (cgroup_join(&c->cgroup, err) < 0) return -1;
  /* With the machine's rights still; what is wrong with the record itself the start has shown. */
  if (process_own_oom_score(child, err) < 0) return -1;
  if (namespaces_join(c->pidfd, which, err) < 0) return -1;
  if (which & CLONE_NEWUSER) {
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
      return fail(err, "namespace", errno, "become the user namespace's root");
  }
  if (!child->birth && setsid() < 0) return fail(err, "session", errno, "setsid");
  return enter_root(c->root, err);
}

static void run_exec(struct child *child, uint64_t which) __attribute__((noreturn));
static void run_exec(struct child *child, uint64_t which) {
  struct error err = {0};
  int slave = -1;
  if (enter(child, which, &err) == 0 && open_terminal(child, &slave, &err) == 0) process_run(child, slave, &err);
  report(child, &err);
}

struct joining *container_exec(struct container *container, const struct launch *launch, const struct process_io *io, struct error *err) {
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) {
    fail(err, "start", errno, "socketpair");
    return NULL;
  }
  cleanup_close int ours = channel[0], theirs = channel[1];
  /* The host's procfs, through which the child reaches its own files before and after it joins. */
  cleanup_close int self = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct child child = {.container = container, .launch = launch, .io = io, .channel = theirs, .root = container->root,
                        .proc = -1, .self = self};
  if (self < 0) {
    fail(err, "start", errno, "/proc");
    return NULL;
  }
  if (seccomp_read(launch, &child, err) < 0) return NULL;
  cleanup_free void *filter = child.seccomp;
  uint64_t which = joined_namespaces(container);
  cleanup_birth struct birth *birth = NULL;
  if ((which & CLONE_NEWPID) && !(child.birth = birth = birth_new(err))) return NULL;
  pid_t pid = namespaces_clone_beside(cgroup_clone_fd(&container->cgroup), err);
  if (pid == 0) run_exec(&child, which);
  if (pid < 0) return NULL;
  close(steal_fd(&theirs));
  return joining_new(&ours, pid, io, &birth, err);
}

int container_netns(const struct container *container) { return container->namespaces.join[NS_NET]; }

void container_kill_all(struct container *container) { cgroup_kill(&container->cgroup); }

long container_oom_kills(const struct container *container) { return cgroup_oom_kills(&container->cgroup); }

int container_oom_fd(const struct container *container, int *counter) { return cgroup_oom_fd(&container->cgroup, counter); }

void container_free(struct container *c) {
  if (!c) return;
  namespaces_close(&c->namespaces);
  cgroup_close(&c->cgroup);
  for (size_t i = 0; i < c->mount_count; i++) {
    if (c->mounts[i].fd >= 0) close(c->mounts[i].fd);
  }
  int fds[] = {c->root, c->null, c->host_proc, c->host_sys, c->bare_sys, c->init_program, c->proc_context, c->proc_clone, c->device_tree, c->pidfd};
  for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
    if (fds[i] >= 0) close(fds[i]);
  }
  free(c->mounts);
  free(c);
}

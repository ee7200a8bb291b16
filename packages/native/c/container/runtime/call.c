#include "container/runtime/call.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/namespaces/namespaces.h"
#include "base/sys.h"
#include "container/runtime/console.h"
#include "container/runtime/words.h"

/* Places in the list of arguments: those of the program, ours, those of the command. */
enum { WORDS_OURS = 16 };

struct call {
  struct runtime *runtime;
  pid_t pid;
  int pidfd, events; /* `events`: an epoll of all that is waited for */
  int failure;       /* a pipe: the error of a child that never became the program */
  struct console console;
  int *master; /* where a terminal's master goes; NULL: none is made */
  int makes_process, adopts;
  char log[32], pid_file[32]; /* names in the bundle's directory */
};

/* How many calls under way leave a process, which is the supervisor's to wait for. Only then are orphans taken: those of a
   container that shares the host's PID namespace are the host's. */
static int adopting;

static void adopt(int change) {
  adopting += change;
  prctl(PR_SET_CHILD_SUBREAPER, adopting > 0);
}

/* A host with both versions has our containers in those hierarchies of v1 alone. crun refuses such a host where a controller
   is in the hierarchy of v2, and runc would make a cgroup there that nobody removes: neither gets to see it. */
static int hide_unused_hierarchy(const struct runtime *runtime, struct error *err) {
  if (!runtime->hides_v2) return 0;
  if (mount(NULL, "/sys/fs/cgroup", NULL, MS_PRIVATE, NULL) < 0 || umount2("/sys/fs/cgroup/unified", MNT_DETACH) < 0)
    return fail(err, "runtime", errno, "hide the cgroups of version 2");
  return 0;
}

static int set_stdio(const struct process_io *io, struct error *err) {
  cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int from[3] = {null, null, null};
  if (null < 0) return fail(err, "runtime", errno, "/dev/null");
  if (io && !io->terminal) {
    from[0] = io->in >= 0 ? io->in : null;
    from[1] = io->out >= 0 ? io->out : null;
    from[2] = io->err >= 0 ? io->err : null;
  }
  for (int fd = 0; fd < 3; fd++) { /* out of the way of the three first */
    from[fd] = fcntl(from[fd], F_DUPFD_CLOEXEC, 3);
    if (from[fd] < 0) return fail(err, "runtime", errno, "stdio");
  }
  for (int fd = 0; fd < 3; fd++) {
    if (dup2(from[fd], fd) < 0) return fail(err, "runtime", errno, "stdio");
  }
  return 0;
}

/* In the child, which ends with the supervisor. */
static int become_program(const struct call *call, const struct call_request *request, char **words, pid_t parent,
                          struct error *err) {
  static char *environment[] = {(char *) "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                (char *) "LC_ALL=C", NULL};
  const struct runtime *runtime = call->runtime;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) return fail(err, "runtime", ESRCH, "the supervisor ended");
  signal(SIGPIPE, SIG_DFL);
  umask(022);
  if ((request->bundle || runtime->hides_v2 || runtime->remapped) && unshare(CLONE_NEWNS) < 0)
    return fail(err, "runtime", errno, "mount namespace");
  if (hide_unused_hierarchy(runtime, err) < 0 ||
      (request->bundle ? bundle_attach(request->bundle, err) : bundle_stand_in(runtime, err)) < 0)
    return -1;
  if (set_stdio(request->io, err) < 0) return -1;
  if (sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return fail(err, "runtime", errno, "descriptors");
  if (chdir(runtime->bundle) < 0) return fail(err, "runtime", errno, "%s", runtime->bundle);
  execve(runtime->program, words, environment);
  return fail_program(runtime, errno, err);
}

/* The program's arguments: texts live in `call` and in `texts`. */
static char **make_words(struct call *call, const struct call_request *request, char texts[4][PATH_MAX]) {
  const struct runtime *runtime = call->runtime;
  size_t args = 0, options = 0, n = 0;
  while (runtime->args[args]) args++;
  while (request->options[options]) options++;
  char **words = calloc(args + options + WORDS_OURS, sizeof *words);
  if (!words) return NULL;
  snprintf(texts[0], PATH_MAX, "%s/state", runtime->bundle);
  snprintf(texts[1], PATH_MAX, "%s/%s", runtime->bundle, call->log);
  snprintf(texts[2], PATH_MAX, "%s/%s", runtime->bundle, call->pid_file);
  snprintf(texts[3], PATH_MAX, "/proc/%d/fd/%d/%s", getpid(), runtime->directory, call->console.name);
  words[n++] = runtime->program;
  for (size_t i = 0; i < args; i++) words[n++] = runtime->args[i];
  const char *own[] = {"--root", texts[0], "--log", texts[1], "--log-format", "json", request->command};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) words[n++] = (char *) own[i];
  for (size_t i = 0; i < options; i++) words[n++] = (char *) request->options[i];
  if (request->makes_process) {
    words[n++] = (char *) "--pid-file";
    words[n++] = texts[2];
  }
  if (call->master) {
    words[n++] = (char *) "--console-socket";
    words[n++] = texts[3];
  }
  words[n++] = runtime->id;
  if (request->last) words[n++] = (char *) request->last;
  return words;
}

static int watch(const struct call *call, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  return fd < 0 ? 0 : epoll_ctl(call->events, EPOLL_CTL_ADD, fd, &event);
}

static int spawn(struct call *call, const struct call_request *request, struct error *err) {
  char texts[4][PATH_MAX];
  int channel[2];
  cleanup_free char **words = make_words(call, request, texts);
  if (!words) return fail(err, "runtime", ENOMEM, "arguments");
  if (pipe2(channel, O_CLOEXEC | O_NONBLOCK) < 0) return fail(err, "runtime", errno, "pipe");
  call->failure = channel[0];
  cleanup_close int tells = channel[1];
  if (call->makes_process) adopt(call->adopts = 1);
  pid_t parent = getpid();
  call->pid = fork();
  if (call->pid == 0) {
    struct error own = {0};
    become_program(call, request, words, parent, &own);
    _exit(write(tells, &own, sizeof own) == sizeof own ? 125 : 126);
  }
  if (call->pid < 0) return fail(err, "runtime", errno, "fork");
  call->pidfd = (int) syscall(SYS_pidfd_open, call->pid, 0);
  call->events = epoll_create1(EPOLL_CLOEXEC);
  if (call->pidfd < 0 || call->events < 0 || watch(call, call->pidfd) < 0 || watch(call, call->console.listener) < 0)
    return fail(err, "runtime", errno, "watch the runtime");
  return 0;
}

struct call *call_begin(struct runtime *runtime, const struct call_request *request, struct error *err) {
  struct call *call = calloc(1, sizeof *call);
  if (!call) {
    fail(err, "runtime", ENOMEM, "call");
    return NULL;
  }
  int number = ++runtime->calls;
  *call = (struct call){.runtime = runtime, .pidfd = -1, .events = -1, .failure = -1, .console = CONSOLE_NONE};
  snprintf(call->log, sizeof call->log, "log.%d", number);
  snprintf(call->pid_file, sizeof call->pid_file, "pid.%d", number);
  call->makes_process = request->makes_process;
  call->master = request->io && request->io->terminal ? request->io->console : NULL;
  if ((call->master && console_listen(&call->console, runtime->directory, number, err) < 0) || spawn(call, request, err) < 0) {
    call_free(call);
    return NULL;
  }
  return call;
}

int call_fd(const struct call *call) {
  return call->events;
}

/* Fills in the error of a program that has failed: its child's own, or the last one in the log. */
static int failed(const struct call *call, int status, struct error *err) {
  struct error own;
  if (read(call->failure, &own, sizeof own) == sizeof own) {
    *err = own;
    return -1;
  }
  return fail_by_log(call->runtime, call->log, status, err);
}

static int read_pid(const struct call *call, pid_t *process, struct error *err) {
  char text[24];
  cleanup_close int fd = openat(call->runtime->directory, call->pid_file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  text[n > 0 ? n : 0] = 0;
  *process = (pid_t) strtol(text, NULL, 10);
  return *process > 1 ? 0 : fail(err, "runtime", ESRCH, "%s left no pid of its process", call->runtime->program);
}

int call_step(struct call *call, pid_t *process, struct error *err) {
  int status;
  if (console_take(&call->console, call->events) < 0) return fail(err, "terminal", errno, "take the terminal");
  pid_t ended = waitpid(call->pid, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return 1;
  call->pid = -1;
  if (ended < 0) return fail(err, "runtime", errno, "wait for %s", call->runtime->program);
  /* It may have been sent right before the end. */
  if (console_take(&call->console, call->events) < 0) return fail(err, "terminal", errno, "take the terminal");
  if (!WIFEXITED(status) || WEXITSTATUS(status)) return failed(call, status, err);
  if (call->master && call->console.master < 0)
    return fail(err, "terminal", ENOTTY, "%s sent no terminal", call->runtime->program);
  if (call->makes_process && read_pid(call, process, err) < 0) return -1;
  if (call->master) *call->master = steal_fd(&call->console.master);
  return 0;
}

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static int is_removed(const struct cgroup *cgroup) {
  return cgroup && cgroup->count && faccessat(cgroup->directory[0].dir, "cgroup.procs", F_OK, 0) < 0;
}

int call_await(struct call *call, int milliseconds, const struct cgroup *cgroup, pid_t *process, struct error *err) {
  enum { LOOK_MS = 200 };
  int64_t deadline = now_ms() + milliseconds;
  for (;;) {
    struct pollfd wait = {.fd = call->events, .events = POLLIN};
    int64_t left = deadline - now_ms();
    if (left <= 0) {
      call_kill(call);
      return fail(err, "runtime", ETIMEDOUT, "%s did not end within %d seconds", call->runtime->program, milliseconds / 1000);
    }
    if (poll(&wait, 1, left < LOOK_MS ? (int) left : LOOK_MS) == 0 && is_removed(cgroup)) {
      call_kill(call);
      return fail(err, "runtime", ECANCELED, "the container is removed");
    }
    int status = call_step(call, process, err);
    if (status <= 0) return status;
  }
}

void call_kill(const struct call *call) {
  if (call->pid > 0) kill(call->pid, SIGKILL);
}

void call_free(struct call *call) {
  if (!call) return;
  call_kill(call);
  while (call->pid > 0 && waitpid(call->pid, NULL, 0) < 0 && errno == EINTR) {}
  if (call->adopts) adopt(-1);
  console_close(&call->console, call->runtime->directory);
  unlinkat(call->runtime->directory, call->log, 0);
  unlinkat(call->runtime->directory, call->pid_file, 0);
  if (call->pidfd >= 0) close(call->pidfd);
  if (call->events >= 0) close(call->events);
  if (call->failure >= 0) close(call->failure);
  free(call);
}

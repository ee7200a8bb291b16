/* The container's first process with --init: starts the program, passes signals on, reaps what is left to it, and ends
   with the program's exit code. Arguments: the program and its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { exec_not_found = 127, exec_not_executable = 126 };

static _Noreturn void run(char **argv, const sigset_t *mask) {
  /* A process group of its own, so that the terminal's signals reach it and not us. */
  setpgid(0, 0);
  if (isatty(0)) {
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(0, getpgrp());
    signal(SIGTTOU, SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvp(argv[0], argv);
  int status = errno;
  fprintf(stderr, "[FATAL tini (%d)] exec %s failed: %s\n", (int) getpid(), argv[0], strerror(status));
  _exit(status == ENOENT ? exec_not_found : exec_not_executable);
}

/* Reaps all that has ended; returns 1 and the program's code when it is among them. */
static int reap(pid_t program, int *code) {
  int status, found = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != program) continue;
    found = 1;
    *code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return found;
}

int init_main(int argc, char **argv) {
  /* Started from a descriptor, it would be named after that. */
  prctl(PR_SET_NAME, "docker-init");
  sigset_t all, before;
  if (argc < 2) return 2;
  sigfillset(&all);
  /* Faults of our own are not to be passed on. */
  int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGTTIN, SIGTTOU};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) sigdelset(&all, faults[i]);
  sigprocmask(SIG_SETMASK, &all, &before);
  signal(SIGTTIN, SIG_IGN);
  signal(SIGTTOU, SIG_IGN);
  pid_t program = fork();
  if (program < 0) {
    perror("fork");
    return 1;
  }
  if (program == 0) {
    signal(SIGTTIN, SIG_DFL);
    signal(SIGTTOU, SIG_DFL);
    run(argv + 1, &before);
  }
  for (int code = 0;;) {
    siginfo_t info;
    int number = sigwaitinfo(&all, &info);
    if (number < 0 && errno != EINTR) return 1;
    if (number == SIGCHLD && reap(program, &code)) return code;
    if (number > 0 && number != SIGCHLD) kill(program, number);
  }
}

#include "base/process.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int process_fd(pid_t pid) {
  return (int) syscall(SYS_pidfd_open, pid, 0);
}

int process_signal(int pidfd, int signal) {
  return (int) syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int process_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#include "layer/decompress.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

pid_t decompress_start(char *const command[], int from, int *to, struct error *err) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return fail(err, "decompress", errno, "pipe");
  cleanup_close int reader = ends[0], writer = ends[1];
  fcntl(writer, F_SETPIPE_SZ, 1 << 20);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) return fail(err, "decompress", errno, "fork");
  if (!pid) {
    char *const environment[] = {NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    if (getppid() != parent || dup2(from, 0) < 0 || dup2(writer, 1) < 0) _exit(126);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) dup2(null, 2);
    execve(command[0], command, environment);
    _exit(127);
  }
  *to = steal_fd(&reader);
  return pid;
}

int decompress_finish(pid_t pid, const char *name, struct error *err) {
  int status;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return fail(err, "decompress", errno, "%s", name);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return fail(err, "decompress", ENOEXEC, "%s", name);
  if (!WIFEXITED(status) || WEXITSTATUS(status)) return fail(err, "tar", 0, "unexpected EOF");
  return 0;
}

#include "pod/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/sys.h"
#include "portproxy/portproxy.h"

static int open_all(struct ports *ports, const struct launch *request, struct error *err) {
  const struct launch_record *record;
  for (size_t at = 0; (record = launch_next(request, "port", &at));)
    if (ports_open(ports, record, err) < 0) return -1;
  return 0;
}

/* All descriptors but `answer` are closed first, for those of the launcher are none of its own. */
static _Noreturn void carry_ports(const struct launch *request, int answer) {
  struct error err = {0};
  setsid();
  prctl(PR_SET_NAME, "berth-ports");
  if (dup3(answer, 3, O_CLOEXEC) < 0 || sys_close_range(4, ~0U, 0) < 0) _exit(1);
  struct loop *loop = loop_new();
  struct ports *ports = loop ? ports_new(loop) : NULL;
  if (!ports) fail(&err, "port", ENOMEM, "published ports");
  int status = !ports ? -1 : open_all(ports, request, &err);
  if (write(3, &err, sizeof err) != sizeof err || status < 0) _exit(1);
  close(3);
  loop_run(loop);
  _exit(0);
}

pid_t hold_ports(const struct launch *request, struct error *err) {
  int channel[2];
  if (!launch_find(request, "port")) return 0;
  if (pipe2(channel, O_CLOEXEC) < 0) return fail(err, "port", errno, "pipe");
  cleanup_close int ours = channel[0], theirs = channel[1];
  pid_t pid = fork();
  if (pid == 0) carry_ports(request, theirs);
  if (pid < 0) return fail(err, "port", errno, "fork");
  close(steal_fd(&theirs));
  struct error told;
  if (read(ours, &told, sizeof told) != sizeof told) fail(&told, "port", ECHILD, "the process that holds the ports was lost");
  if (!told.stage[0]) return pid;
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  *err = told;
  return -1;
}

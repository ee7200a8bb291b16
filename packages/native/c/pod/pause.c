#include "pod/pause.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"

/* The user of the process, where its user namespace has that id: none that a container would run as. */
enum { pause_id = 65535 };

/* The containers of the pod see this process, and may be root as it is: it gives up all that they could take. */
static void give_up_all(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  for (int capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; capability++) {}
  if (setgroups(0, NULL) < 0 || setresgid(pause_id, pause_id, pause_id) < 0 || setresuid(pause_id, pause_id, pause_id) < 0) {
    /* Not every user namespace has that many ids. */
  }
  if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
    _exit(1);
}

_Noreturn void pause_process(const struct namespaces *namespaces, int channel) {
  struct error err;
  char go;
  /* With a user namespace the word comes when its maps are written, too. */
  if (namespaces_has_user(namespaces) ? namespaces_child(namespaces, channel, &err) < 0 : read(channel, &go, 1) != 1) _exit(1);
  if (!(namespaces->create & CLONE_NEWPID)) _exit(0);
  sigset_t all, children;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  setsid();
  prctl(PR_SET_NAME, "berth-pod");
  if (chdir("/") < 0 || sys_close_range(0, ~0U, 0) < 0) _exit(1);
  give_up_all();
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  for (;;) {
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
    if (sigwaitinfo(&children, NULL) < 0 && errno != EINTR) _exit(1);
  }
}

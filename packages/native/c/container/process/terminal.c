/* The container's terminal: a pty of its own devpts. */
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>

#include "base/cleanup.h"
#include "base/fsmount.h"
#include "base/inroot.h"
#include "container/process/process.h"

int terminal_open(const struct container_spec *spec, int root, int *master, int *slave, struct error *err) {
  struct stat st;
  struct statfs fs;
  cleanup_close int directory = inroot_open(root, "/dev/pts", O_PATH | O_DIRECTORY, INROOT_REFUSE);
  cleanup_close int pty = directory < 0 ? -1 : openat(directory, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
  if (pty < 0) return fail(err, "terminal", errno, "/dev/pts/ptmx");
  /* Not something else that was put in its place. */
  if (fstat(pty, &st) < 0 || fstatfs(pty, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC || st.st_rdev != makedev(5, 2))
    return fail(err, "terminal", ENXIO, "/dev/pts is not a devpts");
  int unlock = 0;
  if (ioctl(pty, TIOCSPTLCK, &unlock) < 0) return fail(err, "terminal", errno, "unlock the terminal");
  /* By the master itself, not by a path the container could bend. */
  cleanup_close int peer = ioctl(pty, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (peer < 0) return fail(err, "terminal", errno, "open the terminal's other end");
  struct winsize size = {.ws_row = spec->rows, .ws_col = spec->columns};
  if ((size.ws_row || size.ws_col) && ioctl(peer, TIOCSWINSZ, &size) < 0) return fail(err, "terminal", errno, "terminal size");
  *master = steal_fd(&pty);
  *slave = steal_fd(&peer);
  return 0;
}

int terminal_console(int root, int slave, struct error *err) {
  cleanup_close int target = inroot_target(root, "/dev/console", INROOT_FILE, INROOT_REFUSE);
  cleanup_close int mount = target < 0 ? -1 : tree_clone(slave, "", 0);
  if (mount < 0 || tree_attach(mount, target) < 0) return fail(err, "terminal", errno, "/dev/console");
  return 0;
}

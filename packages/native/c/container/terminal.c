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
#include "container/parts.h"

static void read_size(const struct launch *launch, struct winsize *size) {
  const struct launch_record *r = launch_find(launch, "console-size");
  long long rows, columns;
  if (!r || r->argc != 3 || parse_number(r->argv[1], &rows) < 0 || parse_number(r->argv[2], &columns) < 0) return;
  size->ws_row = (unsigned short) rows;
  size->ws_col = (unsigned short) columns;
}

int terminal_open(const struct launch *launch, int root, int *master, int *slave, struct error *err) {
  struct stat st;
  struct statfs fs;
  cleanup_close int folder = inroot_open(root, "/dev/pts", O_PATH | O_DIRECTORY, INROOT_REFUSE);
  cleanup_close int pty = folder < 0 ? -1 : openat(folder, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
  if (pty < 0) return fail(err, "terminal", errno, "/dev/pts/ptmx");
  /* Not something else that was put in its place. */
  if (fstat(pty, &st) < 0 || fstatfs(pty, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC || st.st_rdev != makedev(5, 2))
    return fail(err, "terminal", ENXIO, "/dev/pts is not a devpts");
  int unlock = 0;
  if (ioctl(pty, TIOCSPTLCK, &unlock) < 0) return fail(err, "terminal", errno, "unlock the terminal");
  /* By the master itself, not by a path the container could bend. */
  cleanup_close int peer = ioctl(pty, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (peer < 0) return fail(err, "terminal", errno, "open the terminal's other end");
  struct winsize size = {0};
  read_size(launch, &size);
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

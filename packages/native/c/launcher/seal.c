#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsmount.h"
#include "launcher/launcher.h"

enum { seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

static int new_memfd(void) {
  int fd = memfd_create("berth-native", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd < 0 && errno == EINVAL) /* MFD_EXEC is younger (6.3) than sealing */
    fd = memfd_create("berth-native", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd;
}

/* If the kernel lets no memfd run (vm.memfd_noexec=2): a file of a filesystem that nobody else has, read-only from then on. */
static int new_file(int *mount) {
  cleanup_close int context = fs_open("tmpfs");
  if (context < 0 || (*mount = fs_mount(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)) < 0) return -1;
  return openat(*mount, "berth-native", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0555);
}

static int copy_all(int from, int to, off_t size, struct error *err) {
  for (off_t done = 0; done < size;) {
    ssize_t n = sendfile(to, from, &done, (size_t) (size - done));
    if (n <= 0) return fail(err, "seal", n < 0 ? errno : EIO, "copy");
  }
  return fchmod(to, 0555) < 0 ? fail(err, "seal", errno, "mode of the copy") : 0;
}

static int is_sealed(int self) {
  struct statfs fs;
  int present = fcntl(self, F_GET_SEALS);
  if (present >= 0 && (present & seals) == seals) return 1;
  return fstatfs(self, &fs) == 0 && fs.f_type == TMPFS_MAGIC && (fs.f_flags & ST_RDONLY);
}

static int run_file(int self, off_t size, char **argv, struct error *err) {
  cleanup_close int mount = -1;
  cleanup_close int file = new_file(&mount);
  if (file < 0) return fail(err, "seal", errno, "a file to run from");
  if (copy_all(self, file, size, err) < 0) return -1;
  close(steal_fd(&file));
  if (tree_change(mount, 0, MOUNT_ATTR_RDONLY, 0, 0) < 0) return fail(err, "seal", errno, "make the copy read-only");
  cleanup_close int copy = openat(mount, "berth-native", O_RDONLY | O_CLOEXEC);
  if (copy >= 0) fexecve(copy, argv, environ);
  return fail(err, "seal", errno, "exec");
}

int seal_self(char **argv, struct error *err) {
  struct stat st;
  cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (self < 0 || fstat(self, &st) < 0) return fail(err, "seal", errno, "open /proc/self/exe");
  if (is_sealed(self)) return 0;
  cleanup_close int copy = new_memfd();
  if (copy < 0) return run_file(self, st.st_size, argv, err);
  if (copy_all(self, copy, st.st_size, err) < 0) return -1;
  if (fcntl(copy, F_ADD_SEALS, seals) < 0) return fail(err, "seal", errno, "seal");
  fexecve(copy, argv, environ);
  return run_file(self, st.st_size, argv, err);
}

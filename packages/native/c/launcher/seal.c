#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "launcher/launcher.h"

enum { seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

static int new_memfd(void)
{
  int fd = memfd_create("berth-native", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd < 0 && errno == EINVAL) /* MFD_EXEC is younger (6.3) than sealing */
    fd = memfd_create("berth-native", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd;
}

int seal_self(char **argv, struct error *err)
{
  cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (self < 0)
    return fail(err, "seal", errno, "open /proc/self/exe");
  int present = fcntl(self, F_GET_SEALS);
  if (present >= 0 && (present & seals) == seals)
    return 0;
  struct stat st;
  cleanup_close int copy = new_memfd();
  if (copy < 0 || fstat(self, &st) < 0)
    return fail(err, "seal", errno, "memfd");
  for (off_t done = 0; done < st.st_size;) {
    ssize_t n = sendfile(copy, self, &done, (size_t) (st.st_size - done));
    if (n <= 0)
      return fail(err, "seal", n < 0 ? errno : EIO, "copy");
  }
  if (fchmod(copy, 0555) < 0 || fcntl(copy, F_ADD_SEALS, seals) < 0)
    return fail(err, "seal", errno, "seal");
  fexecve(copy, argv, environ);
  return fail(err, "seal", errno, "exec");
}

/* The init of containers (--init) for the program under the sanitizers: a sealed copy of the static one, as a container has no
   libraries to link with. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "container/internal.h"

__asm__(".section .rodata\n"
        "static_program: .incbin \"build/berth-native\"\n"
        "static_program_end:\n"
        ".previous\n");
extern const char static_program[], static_program_end[];

int open_init_program(void) {
  cleanup_close int file = memfd_create("berth-native", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  size_t size = (size_t) (static_program_end - static_program);
  for (size_t done = 0; file >= 0 && done < size;) {
    ssize_t n = write(file, static_program + done, size - done);
    if (n <= 0) return -1;
    done += (size_t) n;
  }
  if (file < 0 || fchmod(file, 0555) < 0) return -1;
  if (fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) return -1;
  return steal_fd(&file);
}

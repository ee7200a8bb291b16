#include <fcntl.h>

#include "container/internal.h"

/* A file of its own: the program under the sanitizers is linked with libraries, which a container does not have, and has
   sanitize/init_program.c in its place. */
int open_init_program(void) {
  return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

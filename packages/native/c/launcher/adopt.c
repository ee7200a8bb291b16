#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher/launcher.h"

enum { retry_ms = 100, tries_max = 80 };

/* A supervisor that an earlier launcher forked, to be connected to. */
struct adoption {
  uint32_t handle;
  int tries;
  char directory[];
};

/* A connection to the socket in a run directory, by way of the working directory: the path may be longer than an address can
   be. Returns a descriptor, or -1 with errno; EAGAIN: its queue of connections is full. */
static int connect_in(const char *directory) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "supervisor.sock"};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int status = fd < 0 || chdir(directory) < 0 ? -1 : connect(fd, (struct sockaddr *) &address, sizeof address);
  int reason = errno;
  if (chdir("/") < 0) status = -1;
  if (status == 0) return fd;
  if (fd >= 0) close(fd);
  errno = reason;
  return -1;
}

/* Takes over the adoption. */
static void adopt(void *data) {
  struct adoption *adoption = data;
  int fd = connect_in(adoption->directory);
  /* Nobody accepts, perhaps because the supervisor is stopped. Waiting in connect(2) would stop all others, too. */
  int busy = fd < 0 && errno == EAGAIN && adoption->tries++ < tries_max;
  if (busy && loop_timer(launcher.loop, retry_ms, adopt, adoption) > 0) return;
  struct supervisor_link *link = fd < 0 ? NULL : link_new(adoption->handle, fd);
  if (link) {
    size_t mark = frame_begin(&link->channel.out, 0);
    frame_record(&link->channel.out, "control", NULL);
    frame_end(&link->channel.out, mark);
    link_flush(link);
  } else {
    if (fd >= 0) close(fd);
    launcher_tell(adoption->handle, "lost");
    launcher_flush();
  }
  free(adoption);
}

void adopt_supervisor(uint32_t handle, const char *directory) {
  size_t size = strlen(directory) + 1;
  struct adoption *adoption = malloc(sizeof *adoption + size);
  if (!adoption) {
    launcher_tell(handle, "lost");
    return;
  }
  *adoption = (struct adoption){.handle = handle};
  memcpy(adoption->directory, directory, size);
  adopt(adoption);
}

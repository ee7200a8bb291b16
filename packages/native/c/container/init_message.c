#include "container/init_message.h"

#include <string.h>
#include <unistd.h>

#include "base/passfd.h"

struct packet {
  char kind;
  struct error error; /* of 'e' only: a terminal's packet is its kind alone */
};

int send_init_error(int channel, const struct error *err) {
  struct packet packet = {.kind = 'e', .error = *err};
  return pass_fd(channel, &packet, sizeof packet, -1, 0);
}

int send_init_terminal(int channel, int master) {
  return pass_fd(channel, "t", 1, master, 0);
}

enum init_message receive_init_message(int channel, struct error *err, int *fd) {
  struct packet packet;
  ssize_t n = receive_fd(channel, &packet, sizeof packet, fd, 0);
  if (n == 0) return INIT_ENDED;
  if (n < 0) return errno == EAGAIN ? INIT_NONE : INIT_LOST;
  if (n == 1 && packet.kind == 't') return INIT_TERMINAL;
  errno = EPROTO;
  if (n != (ssize_t) sizeof packet) return INIT_LOST;
  *err = packet.error;
  err->stage[sizeof err->stage - 1] = err->step[sizeof err->step - 1] = err->message[sizeof err->message - 1] = 0;
  return INIT_ERROR;
}

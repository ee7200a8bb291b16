/* Init messages: what the container's child tells its supervisor over a socket of packets until it is the program. The end of
 * the stream, by CLOEXEC, says that the program runs. */
#ifndef BERTH_INIT_MESSAGE_H
#define BERTH_INIT_MESSAGE_H

#include <sys/types.h>

#include "base/error.h"

enum init_message { INIT_ENDED, INIT_ERROR, INIT_TERMINAL, INIT_NONE, INIT_LOST };

/* Sends the error that the child ends with. Returns 0, or -1 with errno. */
int send_init_error(int channel, const struct error *err);
/* Sends the master of the child's terminal. Returns 0, or -1 with errno. */
int send_init_terminal(int channel, int master);
/* Receives one message: an error in `*err`, or a terminal in `*fd` (else -1), which the caller closes. INIT_NONE: there is
   none yet on a non-blocking channel; INIT_LOST: something else, with errno. */
enum init_message receive_init_message(int channel, struct error *err, int *fd);

#endif

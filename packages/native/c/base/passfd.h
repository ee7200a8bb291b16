/* One descriptor with a message over a Unix socket of packets: SCM_RIGHTS of unix(7). */
#ifndef BERTH_PASSFD_H
#define BERTH_PASSFD_H

#include <stddef.h>
#include <sys/types.h>

/* Sends one message of `size` bytes with the descriptor `fd`, or none for -1. `flags` are those of sendmsg(2), to which
   MSG_NOSIGNAL is added. Returns 0, or -1 with errno. */
int pass_fd(int socket, const void *bytes, size_t size, int fd, int flags);
/* Receives one message of up to `size` bytes; `*fd` is the descriptor that came with it (CLOEXEC, the caller's), or -1.
   Returns its size, 0 at the end of the stream, -1 with errno; interrupted calls are made again. */
ssize_t receive_fd(int socket, void *bytes, size_t size, int *fd, int flags);

#endif

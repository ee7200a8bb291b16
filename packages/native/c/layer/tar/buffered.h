/* Bytes on their way to a file descriptor, written a megabyte at a time. */
#ifndef BERTH_BUFFERED_H
#define BERTH_BUFFERED_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { buffered_room = 1 << 20 };

struct buffered {
  int fd;
  const char *what;  /* is written, for errors */
  uint64_t position; /* of what comes next: all bytes that were put */
  size_t held;       /* of these, those that were not written yet */
  uint8_t *bytes;
};

/* Returns 0, or -1 without memory. `buffered_close` frees it; what was not flushed is dropped. */
int buffered_open(struct buffered *out, int fd, const char *what, struct error *err);
/* Frees the memory; what was not flushed is dropped. The descriptor stays open. */
void buffered_close(struct buffered *out);
/* Puts `size` bytes, zeros where `bytes` is NULL. Returns 0 or -1. */
int buffered_put(struct buffered *out, const void *bytes, size_t size, struct error *err);
/* Writes all that is held. Returns 0 or -1. */
int buffered_flush(struct buffered *out, struct error *err);

#endif

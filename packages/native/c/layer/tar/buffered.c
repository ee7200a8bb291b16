#include "layer/tar/buffered.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int buffered_open(struct buffered *out, int fd, const char *what, struct error *err) {
  *out = (struct buffered){.fd = fd, .what = what, .bytes = malloc(buffered_room)};
  return out->bytes ? 0 : fail(err, "memory", ENOMEM, "%s", what);
}

void buffered_close(struct buffered *out) {
  free(out->bytes);
  out->bytes = NULL;
}

int buffered_flush(struct buffered *out, struct error *err) {
  for (size_t done = 0; done < out->held;) {
    ssize_t n = write(out->fd, out->bytes + done, out->held - done);
    if (n < 0 && errno != EINTR) return fail(err, "write", errno, "%s", out->what);
    done += n > 0 ? (size_t) n : 0;
  }
  out->held = 0;
  return 0;
}

int buffered_put(struct buffered *out, const void *bytes, size_t size, struct error *err) {
  const uint8_t *p = bytes;
  out->position += size;
  while (size) {
    if (out->held == buffered_room && buffered_flush(out, err)) return -1;
    size_t n = size < buffered_room - out->held ? size : buffered_room - out->held;
    if (p)
      memcpy(out->bytes + out->held, p, n), p += n;
    else
      memset(out->bytes + out->held, 0, n);
    out->held += n;
    size -= n;
  }
  return 0;
}

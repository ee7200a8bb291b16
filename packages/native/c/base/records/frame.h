/* Messages between the daemon, the launcher and the supervisors: framed lists of launch records.
   A frame is its size (4 bytes, little endian, of what follows), a handle (4 bytes: which supervisor; the daemon
   chooses it, the launcher alone looks at it) and records as in launch.h. */
#ifndef BERTH_FRAME_H
#define BERTH_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { frame_head = 8, frame_max = 32 * 1024 * 1024 };

/* Bytes that grow at the end and are consumed at the start. */
struct buffer {
  char *data;
  size_t start, end, capacity;
  int wiped; /* what is consumed or moved away leaves nothing behind in memory */
};

static inline size_t buffer_size(const struct buffer *b) {
  return b->end - b->start;
}
static inline char *buffer_head(const struct buffer *b) {
  return b->data + b->start;
}
/* Makes room for `more` bytes behind the end; returns where, or NULL when there is no memory. */
char *buffer_reserve(struct buffer *b, size_t more);
/* Copies `size` bytes to the end. Returns 0, or -1 without memory. */
int buffer_append(struct buffer *b, const void *bytes, size_t size);
/* Drops `size` bytes at the start; an emptied buffer gives large memory back. */
void buffer_consume(struct buffer *b, size_t size);
/* Gives the memory back; the buffer is empty and can be used again. */
void buffer_free(struct buffer *b);

/* Appends one record; the strings are a NULL-terminated list. */
int frame_record(struct buffer *b, const char *name, ...) __attribute__((sentinel));
/* Opens a frame at the buffer's end; frame_end writes its size. `mark` is relative to the buffer's start. */
size_t frame_begin(struct buffer *b, uint32_t handle);
/* Closes the frame that frame_begin() returned `mark` for. */
void frame_end(struct buffer *b, size_t mark);

/* The first whole frame in the buffer: 1 and its records, 0 when more bytes are needed, -1 when it can't be one. */
int frame_next(const struct buffer *b, uint32_t *handle, const char **records, size_t *size);

/* send(2) that does not wait. Tries a few times again what the kernel had no memory for (ENOBUFS, ENOMEM): a message that is
   not sent is an answer that never comes. Returns the bytes sent, or -1 with errno. */
ssize_t frame_send(int fd, const char *bytes, size_t size);

/* A non-blocking socket with what was read of it and what is still to be written. */
struct channel {
  int fd;
  struct buffer in, out;
};

/* Reads what is there: 1 when something came, 0 when nothing did, -1 at the end or on an error. */
int channel_read(struct channel *channel);
/* Writes as much as goes: 0, or -1 when the peer is gone. What remains is in `out`. */
int channel_flush(struct channel *channel);
/* Closes the socket and drops what was read or waits to be written. */
void channel_close(struct channel *channel);

#endif

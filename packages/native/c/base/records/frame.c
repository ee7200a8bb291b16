#include "base/records/frame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { keep = 16 * 1024, read_step = 16 * 1024 };

static void wipe(const struct buffer *b, size_t from, size_t to) {
  if (b->wiped && from < to) explicit_bzero(b->data + from, to - from);
}

char *buffer_reserve(struct buffer *b, size_t more) {
  if (b->data && b->capacity - b->end >= more) return b->data + b->end;
  size_t size = buffer_size(b);
  if (b->start && b->capacity - size >= more && size <= b->start) {
    memcpy(b->data, b->data + b->start, size);
    wipe(b, size, b->end);
  } else {
    size_t capacity = b->capacity ? b->capacity : 512;
    while (capacity - size < more) capacity *= 2;
    char *data = malloc(capacity);
    if (!data) return NULL;
    if (size) memcpy(data, b->data + b->start, size);
    wipe(b, b->start, b->end);
    free(b->data);
    b->data = data;
    b->capacity = capacity;
  }
  b->start = 0;
  b->end = size;
  return b->data + b->end;
}

int buffer_append(struct buffer *b, const void *bytes, size_t size) {
  char *at = buffer_reserve(b, size);
  if (!at) return -1;
  memcpy(at, bytes, size);
  b->end += size;
  return 0;
}

void buffer_consume(struct buffer *b, size_t size) {
  wipe(b, b->start, b->start + size);
  b->start += size;
  if (b->start < b->end) return;
  b->start = b->end = 0;
  if (b->capacity > keep) buffer_free(b);
}

/* What is not between start and end was wiped when it was consumed or moved. To write to it here would make a copy of its
   pages in each process that is forked. */
void buffer_free(struct buffer *b) {
  wipe(b, b->start, b->end);
  free(b->data);
  *b = (struct buffer){.wiped = b->wiped};
}

int frame_record(struct buffer *b, const char *name, ...) {
  size_t count_at = buffer_size(b);
  unsigned char count = 0;
  if (buffer_append(b, &count, 1) < 0) return -1;
  va_list args;
  va_start(args, name);
  int status = 0;
  for (const char *s = name; s && status == 0; s = va_arg(args, const char *)) {
    status = buffer_append(b, s, strlen(s) + 1);
    count++;
  }
  va_end(args);
  buffer_head(b)[count_at] = (char) count;
  return status;
}

static void put32(char *at, uint32_t v) {
  for (int i = 0; i < 4; i++) at[i] = (char) (v >> (8 * i));
}

static uint32_t get32(const char *at) {
  uint32_t v = 0;
  for (int i = 0; i < 4; i++) v |= (uint32_t) (unsigned char) at[i] << (8 * i);
  return v;
}

size_t frame_begin(struct buffer *b, uint32_t handle) {
  char head[frame_head] = {0};
  size_t mark = buffer_size(b);
  put32(head + 4, handle);
  buffer_append(b, head, sizeof head);
  return mark;
}

void frame_end(struct buffer *b, size_t mark) {
  put32(buffer_head(b) + mark, (uint32_t) (buffer_size(b) - mark - 4));
}

int frame_next(const struct buffer *b, uint32_t *handle, const char **records, size_t *size) {
  if (buffer_size(b) < 4) return 0;
  uint32_t length = get32(buffer_head(b));
  if (length < frame_head - 4 || length > frame_max) return -1;
  if (buffer_size(b) < length + 4) return 0;
  *handle = get32(buffer_head(b) + 4);
  *records = buffer_head(b) + frame_head;
  *size = length + 4 - frame_head;
  return 1;
}

int channel_read(struct channel *channel) {
  char *at = buffer_reserve(&channel->in, read_step);
  if (!at) return -1;
  ssize_t n = recv(channel->fd, at, channel->in.capacity - channel->in.end, MSG_DONTWAIT);
  if (n > 0) {
    channel->in.end += (size_t) n;
    return 1;
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  return -1;
}

ssize_t frame_send(int fd, const char *bytes, size_t size) {
  for (int tries = 16;; tries--) {
    ssize_t n = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET || tries == 0) return n;
  }
}

int channel_flush(struct channel *channel) {
  while (buffer_size(&channel->out)) {
    ssize_t n = frame_send(channel->fd, buffer_head(&channel->out), buffer_size(&channel->out));
    if (n < 0) return errno == EAGAIN ? 0 : -1;
    buffer_consume(&channel->out, (size_t) n);
  }
  return 0;
}

void channel_close(struct channel *channel) {
  if (channel->fd >= 0) close(channel->fd);
  channel->fd = -1;
  buffer_free(&channel->in);
  buffer_free(&channel->out);
}

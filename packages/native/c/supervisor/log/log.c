#include "supervisor/log/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/log/core.h"

struct log *log_open(const struct log_options *options, struct error *err) {
  err->stage[0] = 0;
  if (!strcmp(options->driver, "none")) return NULL;
  struct log *log = calloc(1, sizeof *log);
  if (!log || rotation_init(&log->rotation, options->path, options->max_size, options->max_file, options->compress) < 0) {
    free(log);
    fail(err, "log", ENOMEM, "log");
    return NULL;
  }
  log->raw = !strcmp(options->driver, "local");
  log->cri = !strcmp(options->driver, "cri");
  log->fd = output_open(options->path, &log->written, err);
  if (log->fd < 0) {
    log_close(log);
    return NULL;
  }
  log->size = log->written;
  log->limit = options->limit;
  if (options->position && options->position[0]) {
    log->position = position_open(options->position, log->fd, options->path, log->written);
    if (!log->position) {
      fail(err, "log", errno, "open %s", options->position);
      log_close(log);
      return NULL;
    }
  }
  if (options->attrs && options->attrs[0]) {
    int size = asprintf(&log->tail, ",\"attrs\":%s", options->attrs);
    if (size < 0) log->tail = NULL;
    log->tail_size = size < 0 ? 0 : (size_t) size;
  }
  return log;
}

static inline char *put(char *at, const char *text, size_t size) {
  memcpy(at, text, size);
  return at + size;
}
#define PUT(at, text) put(at, text, sizeof(text) - 1)

/* `TIME stdout F text`, or `P` for a piece of a line that goes on. */
static char *put_cri(char *at, const struct log *log, int stream, const char *text, size_t size, int newline) {
  at = put(at, log->stamp + 1, log->stamp_size - 2);
  at = stream == 1 ? PUT(at, " stdout ") : PUT(at, " stderr ");
  at = newline ? PUT(at, "F ") : PUT(at, "P ");
  at = put(at, text, size);
  return PUT(at, "\n");
}

static char *put_json(char *at, const struct log *log, int stream, const char *text, size_t size, int newline) {
  at = PUT(at, "{\"log\":\"");
  at += log->raw ? json_escape_raw(at, text, size) : json_escape(at, text, size);
  if (newline) at = PUT(at, "\\n");
  at = stream == 1 ? PUT(at, "\",\"stream\":\"stdout\"") : PUT(at, "\",\"stream\":\"stderr\"");
  if (log->tail_size) at = put(at, log->tail, log->tail_size);
  at = PUT(at, ",\"time\":");
  at = put(at, log->stamp, log->stamp_size);
  return PUT(at, "}\n");
}

/* Appends one entry to what waits to be written. */
static void write_entry(struct log *log, int stream, const char *text, size_t size, int newline, int64_t time) {
  char *at = output_reserve(log, size), *start = at;
  if (!at) {
    log->lost++;
    log->lost_reason = ENOMEM;
    return;
  }
  if (log->time != time || !log->stamp_size) {
    log->stamp_size = json_time(log->stamp, time);
    log->time = time;
  }
  at = (log->cri ? put_cri : put_json)(at, log, stream, text, size, newline);
  log->filled += (size_t) (at - start);
  log->size += (size_t) (at - start);
}

/* An entry of a stream: a line, or a piece of a long one. All pieces of a line have the time of the first. */
static void entry(struct log *log, int stream, const char *text, size_t size, int newline, int64_t now) {
  struct partial *partial = &log->partial[stream - 1];
  int64_t time = partial->time;
  if (!time) {
    /* Lines that came at once still have times that tell them apart, and order. */
    time = now > log->last ? now : log->last + 1;
    log->last = time;
  }
  partial->time = newline ? 0 : time;
  write_entry(log, stream, text, size, newline, time);
}

/* Completes the unfinished line from `data`; returns how much of it that took. */
static size_t continue_line(struct log *log, int stream, const char *data, size_t size, int64_t now) {
  struct partial *partial = &log->partial[stream - 1];
  size_t room = log_line_max - partial->size, take = size < room ? size : room;
  const char *newline = memchr(data, '\n', take);
  if (newline) take = (size_t) (newline - data);
  memcpy(partial->data + partial->size, data, take);
  partial->size += take;
  if (newline || partial->size == log_line_max) {
    entry(log, stream, partial->data, partial->size, newline != NULL, now);
    partial->size = 0;
  }
  return take + (newline != NULL);
}

void log_write(struct log *log, int stream, const char *data, size_t size, int64_t now) {
  struct partial *partial = &log->partial[stream - 1];
  const char *end = data + size;
  while (data < end) {
    if (partial->size) {
      data += continue_line(log, stream, data, (size_t) (end - data), now);
      continue;
    }
    size_t rest = (size_t) (end - data), limit = rest < log_line_max ? rest : log_line_max;
    const char *newline = memchr(data, '\n', limit);
    if (newline) {
      entry(log, stream, data, (size_t) (newline - data), 1, now);
      data = newline + 1;
    } else if (limit == log_line_max) {
      entry(log, stream, data, log_line_max, 0, now);
      data += log_line_max;
    } else {
      if (!partial->data && !(partial->data = malloc(log_line_max))) break;
      memcpy(partial->data, data, rest);
      partial->size = rest;
      break;
    }
  }
  output_flush(log);
}

void log_end(struct log *log, int stream) {
  struct partial *partial = &log->partial[stream - 1];
  if (partial->size) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    entry(log, stream, partial->data, partial->size, 0, t.tv_sec * INT64_C(1000000000) + t.tv_nsec);
    output_flush(log);
  }
  free(partial->data);
  *partial = (struct partial){0};
}

uint64_t log_lost(const struct log *log, int *reason) {
  *reason = log->lost_reason;
  return log->lost;
}

int log_position(const struct log *log, uint64_t *device, uint64_t *inode, uint64_t *size) {
  struct stat st;
  if (fstat(log->fd, &st) < 0) return -1;
  *device = st.st_dev;
  *inode = st.st_ino;
  *size = log->written;
  return 0;
}

const char *log_partial(const struct log *log, int stream, size_t *size) {
  const struct partial *partial = &log->partial[stream - 1];
  *size = partial->size;
  return partial->size ? partial->data : NULL;
}

int log_behind(const struct log *log) {
  return log->position && log->limit && position_behind(log->position, log->written) > log->limit;
}

int log_reopen(struct log *log, struct error *err) {
  uint64_t size;
  int fd = output_open(log->rotation.path, &size, err);
  if (fd < 0) return -1;
  close(log->fd);
  log->fd = fd;
  log->size = log->written = size;
  log->torn = 0;
  return 0;
}

void log_idle(struct log *log) {
  output_idle(log);
  rotation_reap(&log->rotation);
}

void log_replace(struct log *log, struct log *by) {
  if (log && by) {
    for (int i = 0; i < 2; i++) {
      by->partial[i] = log->partial[i];
      log->partial[i] = (struct partial){0};
    }
    by->last = log->last;
    /* Not waited for: it works on a file that the other rotates, too, or on none of its files. */
    by->rotation.compressor = log->rotation.compressor;
    log->rotation.compressor = 0;
  }
  log_close(log);
}

void log_close(struct log *log) {
  if (!log) return;
  if (log->fd >= 0) {
    output_mark_lost(log);
    close(log->fd);
  }
  if (log->output) munmap(log->output, output_size);
  for (int i = 0; i < 2; i++) free(log->partial[i].data);
  free(log->tail);
  position_close(log->position);
  rotation_free(&log->rotation);
  free(log);
}

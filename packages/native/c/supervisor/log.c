#include "supervisor/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/jsonlog.h"
#include "supervisor/rotate.h"

enum { output_size = 512 * 1024 };

/* The unfinished line of a stream. */
struct partial {
  char *data;
  size_t size;
  int64_t time; /* of the line's first piece, while pieces of it were written: they all carry it */
};

struct log {
  int fd;
  struct rotation rotation;
  uint64_t size;    /* of the file, with what is in `output` */
  uint64_t written; /* of the file */
  char *output;     /* mapped on first use */
  size_t filled, touched;
  char *tail; /* what follows the text of a stdout entry but for the time: attrs */
  size_t tail_size;
  struct partial partial[2];
  int64_t time; /* of `stamp` */
  int64_t last; /* of the newest line */
  char stamp[json_time_max];
  size_t stamp_size;
};

struct log *log_open(const struct log_options *options, struct error *err)
{
  err->stage[0] = 0;
  if (!strcmp(options->driver, "none"))
    return NULL;
  struct log *log = calloc(1, sizeof *log);
  if (!log || rotation_init(&log->rotation, options->path, options->max_size, options->max_file, options->compress) < 0) {
    free(log);
    fail(err, "log", ENOMEM, "log");
    return NULL;
  }
  log->fd = open(options->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  struct stat st;
  if (log->fd < 0 || fstat(log->fd, &st) < 0) {
    fail(err, "log", errno, "open %s", options->path);
    log_close(log);
    return NULL;
  }
  log->size = log->written = (uint64_t) st.st_size;
  if (options->attrs && options->attrs[0]) {
    log->tail_size = strlen(options->attrs) + strlen(",\"attrs\":");
    log->tail = malloc(log->tail_size + 1);
    if (log->tail) {
      strcpy(log->tail, ",\"attrs\":");
      strcat(log->tail, options->attrs);
    } else {
      log->tail_size = 0;
    }
  }
  return log;
}

/* Writes what is in the output buffer: all of it, or (the disk is full) nothing of it. */
static void flush(struct log *log)
{
  size_t done = 0;
  while (done < log->filled) {
    ssize_t n = write(log->fd, log->output + done, log->filled - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      if (done && ftruncate(log->fd, (off_t) log->written) < 0)
        log->written += done;
      done = 0;
      break;
    }
    done += (size_t) n;
  }
  log->written += done;
  log->size = log->written;
  if (log->touched < log->filled)
    log->touched = log->filled;
  log->filled = 0;
}

/* Room for one entry of `size` bytes of text; rotates before it when the file has reached its size. */
static char *reserve(struct log *log, size_t size)
{
  if (!log->output) {
    void *map = mmap(NULL, output_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
      return NULL;
    log->output = map;
  }
  int full = log->rotation.max_size && log->size >= log->rotation.max_size;
  if (full || log->filled + size * json_worst + log->tail_size + 256 > output_size)
    flush(log);
  if (full && log->written >= log->rotation.max_size) {
    int fd = rotate(&log->rotation, log->fd);
    if (fd >= 0) {
      log->fd = fd;
      log->size = log->written = 0;
    }
  }
  return log->output + log->filled;
}

static inline char *put(char *at, const char *text, size_t size)
{
  memcpy(at, text, size);
  return at + size;
}
#define PUT(at, text) put(at, text, sizeof(text) - 1)

static void json_entry(struct log *log, int stream, const char *text, size_t size, int newline, int64_t time)
{
  char *at = reserve(log, size), *start = at;
  if (!at)
    return;
  if (log->time != time || !log->stamp_size) {
    log->stamp_size = json_time(log->stamp, time);
    log->time = time;
  }
  at = PUT(at, "{\"log\":\"");
  at += json_escape(at, text, size);
  if (newline)
    at = PUT(at, "\\n");
  at = stream == 1 ? PUT(at, "\",\"stream\":\"stdout\"") : PUT(at, "\",\"stream\":\"stderr\"");
  if (log->tail_size)
    at = put(at, log->tail, log->tail_size);
  at = PUT(at, ",\"time\":");
  at = put(at, log->stamp, log->stamp_size);
  at = PUT(at, "}\n");
  log->filled += (size_t) (at - start);
  log->size += (size_t) (at - start);
}

static void entry(struct log *log, int stream, const char *text, size_t size, int newline, int64_t now)
{
  struct partial *partial = &log->partial[stream - 1];
  int64_t time = partial->time;
  if (!time) {
    /* Lines that came at once still have times that tell them apart, and order. */
    time = now > log->last ? now : log->last + 1;
    log->last = time;
  }
  partial->time = newline ? 0 : time;
  json_entry(log, stream, text, size, newline, time);
}

/* Completes the unfinished line from `data`; returns how much of it that took. */
static size_t continue_line(struct log *log, int stream, const char *data, size_t size, int64_t now)
{
  struct partial *partial = &log->partial[stream - 1];
  size_t room = log_line_max - partial->size, take = size < room ? size : room;
  const char *newline = memchr(data, '\n', take);
  if (newline)
    take = (size_t) (newline - data);
  memcpy(partial->data + partial->size, data, take);
  partial->size += take;
  if (newline || partial->size == log_line_max) {
    entry(log, stream, partial->data, partial->size, newline != NULL, now);
    partial->size = 0;
  }
  return take + (newline != NULL);
}

void log_write(struct log *log, int stream, const char *data, size_t size, int64_t now)
{
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
      if (!partial->data && !(partial->data = malloc(log_line_max)))
        break;
      memcpy(partial->data, data, rest);
      partial->size = rest;
      break;
    }
  }
  flush(log);
}

void log_end(struct log *log, int stream)
{
  struct partial *partial = &log->partial[stream - 1];
  if (partial->size) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    entry(log, stream, partial->data, partial->size, 0, t.tv_sec * INT64_C(1000000000) + t.tv_nsec);
    flush(log);
  }
  free(partial->data);
  *partial = (struct partial){0};
}

void log_idle(struct log *log)
{
  if (log->touched > 16 * 1024)
    madvise(log->output, output_size, MADV_DONTNEED);
  log->touched = 0;
  rotation_reap(&log->rotation);
}

void log_close(struct log *log)
{
  if (!log)
    return;
  if (log->fd >= 0)
    close(log->fd);
  if (log->output)
    munmap(log->output, output_size);
  for (int i = 0; i < 2; i++)
    free(log->partial[i].data);
  free(log->tail);
  rotation_free(&log->rotation);
  free(log);
}

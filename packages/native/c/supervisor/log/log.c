#include "supervisor/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/log/jsonlog.h"
#include "supervisor/log/position.h"
#include "supervisor/log/rotate.h"

enum {
  output_size = 512 * 1024,
  undelivered_most = 64 * 1024 * 1024,
};

/* The unfinished line of a stream. */
struct partial {
  char *data;
  size_t size;
  int64_t time; /* of the line's first piece, while pieces of it were written: they all carry it */
};

struct log {
  int fd;
  int raw;         /* bytes that are not UTF-8 are kept */
  int cri;         /* lines as the Container Runtime Interface has them, not as json-file */
  int torn;        /* the file ends within an entry that could not be taken back */
  uint64_t lost;   /* entries since the last that was written */
  int lost_reason; /* errno */
  struct rotation rotation;
  struct position *position; /* NULL: the log stays here */
  uint64_t limit;
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

/* Opens the file to append to it; `size` gets how much it has already. */
static int open_file(const char *path, uint64_t *size, struct error *err) {
  struct stat st;
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd >= 0 && fstat(fd, &st) == 0) {
    *size = (uint64_t) st.st_size;
    return fd;
  }
  fail(err, "log", errno, "open %s", path);
  if (fd >= 0) close(fd);
  return -1;
}

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
  log->fd = open_file(options->path, &log->written, err);
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

static size_t count_entries(const char *data, size_t size) {
  size_t count = 0;
  for (const char *end = data + size; (data = memchr(data, '\n', (size_t) (end - data))); data++) count++;
  return count;
}

/* Appends whole entries; returns how many bytes, up to the end of one. What was written of the next is taken back. */
static size_t append(struct log *log, const char *data, size_t size, int *reason) {
  size_t done = 0;
  if (log->torn && write(log->fd, "\n", 1) == 1) {
    log->torn = 0;
    log->written++;
  }
  while (done < size && !log->torn) {
    ssize_t n = write(log->fd, data + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      *reason = n < 0 ? errno : EIO;
      break;
    }
    done += (size_t) n;
  }
  const char *newline = done == size ? NULL : memrchr(data, '\n', done);
  size_t whole = done == size ? done : newline ? (size_t) (newline - data) + 1 : 0;
  log->written += whole;
  if (whole < done && ftruncate(log->fd, (off_t) log->written) < 0) {
    log->written += done - whole;
    log->torn = 1;
  }
  return whole;
}

/* The place of lost entries is marked by one of the log's own. Returns whether nothing is to be marked any more. */
static int mark_lost(struct log *log) {
  char text[160], note[320], stamp[json_time_max];
  if (!log->lost) return 1;
  int size = snprintf(text, sizeof text, "[berth] %llu lines of output are lost here: they could not be written (%s)",
                      (unsigned long long) log->lost, strerror(log->lost_reason));
  char escaped[sizeof text * 2];
  size_t length = json_escape(escaped, text, (size_t) size);
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  size_t stamped = json_time(stamp, t.tv_sec * INT64_C(1000000000) + t.tv_nsec);
  if (log->cri)
    size = snprintf(note, sizeof note, "%.*s stderr F %s\n", (int) stamped - 2, stamp + 1, text);
  else
    size = snprintf(note, sizeof note, "{\"log\":\"%.*s\\n\",\"stream\":\"stderr\",\"time\":%.*s}\n", (int) length, escaped,
                    (int) stamped, stamp);
  if (append(log, note, (size_t) size, &log->lost_reason) != (size_t) size) return 0;
  log->lost = 0;
  return 1;
}

/* Writes what is in the output buffer, up to the entry for which there is no room. */
static void flush(struct log *log) {
  size_t done = 0;
  int reason = log->lost_reason;
  if (log->filled && mark_lost(log)) done = append(log, log->output, log->filled, &reason);
  if (done < log->filled) {
    log->lost += count_entries(log->output + done, log->filled - done);
    log->lost_reason = reason;
  }
  log->size = log->written;
  if (log->touched < log->filled) log->touched = log->filled;
  log->filled = 0;
}

/* A rotation could take lines away that wait for delivery: the file grows on, up to a size where nobody holds the program. */
static int keeps(const struct log *log) {
  return log->position && position_behind(log->position, log->written) > log->written &&
         (log->limit || log->written < undelivered_most);
}

/* Room for one entry of `size` bytes of text; rotates before it when the file has reached its size. */
static char *reserve(struct log *log, size_t size) {
  if (!log->output) {
    void *map = mmap(NULL, output_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return NULL;
    log->output = map;
  }
  int full = log->rotation.max_size && log->size >= log->rotation.max_size;
  if (full || log->filled + size * json_worst + log->tail_size + 256 > output_size) flush(log);
  if (full && log->written >= log->rotation.max_size && !keeps(log)) {
    int fd = rotate(&log->rotation, log->fd, log->written);
    if (fd >= 0) {
      if (log->position) position_rotated(log->position, fd, log->written);
      log->fd = fd;
      log->size = log->written = 0;
    }
  }
  return log->output + log->filled;
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

static void write_entry(struct log *log, int stream, const char *text, size_t size, int newline, int64_t time) {
  char *at = reserve(log, size), *start = at;
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
  flush(log);
}

void log_end(struct log *log, int stream) {
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
  int fd = open_file(log->rotation.path, &size, err);
  if (fd < 0) return -1;
  close(log->fd);
  log->fd = fd;
  log->size = log->written = size;
  log->torn = 0;
  return 0;
}

void log_idle(struct log *log) {
  if (log->touched > 16 * 1024) madvise(log->output, output_size, MADV_DONTNEED);
  log->touched = 0;
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
    mark_lost(log);
    close(log->fd);
  }
  if (log->output) munmap(log->output, output_size);
  for (int i = 0; i < 2; i++) free(log->partial[i].data);
  free(log->tail);
  position_close(log->position);
  rotation_free(&log->rotation);
  free(log);
}

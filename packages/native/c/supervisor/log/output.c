#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/log/core.h"

/* How much may wait for delivery before the file is rotated all the same, where nothing holds the program back. */
enum { undelivered_most = 64 * 1024 * 1024 };

int output_open(const char *path, uint64_t *size, struct error *err) {
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

int output_mark_lost(struct log *log) {
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

void output_flush(struct log *log) {
  size_t done = 0;
  int reason = log->lost_reason;
  if (log->filled && output_mark_lost(log)) done = append(log, log->output, log->filled, &reason);
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

char *output_reserve(struct log *log, size_t size) {
  if (!log->output) {
    void *map = mmap(NULL, output_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return NULL;
    log->output = map;
  }
  int full = log->rotation.max_size && log->size >= log->rotation.max_size;
  if (full || log->filled + size * json_worst + log->tail_size + 256 > output_size) output_flush(log);
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

void output_idle(struct log *log) {
  if (log->touched > 16 * 1024) madvise(log->output, output_size, MADV_DONTNEED);
  log->touched = 0;
}

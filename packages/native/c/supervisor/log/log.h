/* A container's log file: lines of its output as json-file has them, rotated by size. The driver local
   differs in where the file is, in its defaults, and in that it keeps bytes that are not UTF-8 as they are. The driver cri writes
   the lines of the Container Runtime Interface, to a file that somebody else rotates. */
#ifndef BERTH_LOG_H
#define BERTH_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Docker splits longer lines; the pieces are entries of their own, without the newline. */
enum { log_line_max = 16 * 1024 };

struct log;

struct log_options {
  const char *driver; /* json-file, local, cri, none */
  const char *path;
  uint64_t max_size; /* 0: no rotation */
  unsigned max_file;
  int compress;
  const char *attrs;    /* a JSON object, or empty */
  const char *position; /* the file that tells how far the log is delivered (position.h), or empty */
  uint64_t limit;       /* bytes that may wait for delivery before log_behind() is true; 0: any number */
};

/* Opens the file for appending (made 0640). NULL with `err` set on failure; for driver none, NULL with err->stage empty. */
struct log *log_open(const struct log_options *options, struct error *err);
/* Output of stream 1 or 2, as read; `now` in nanoseconds since the epoch. Lines are written before it returns, an
   unfinished one when it is finished. A disk that is full loses entries, never halves of them, and an entry tells how many
   once there is room again. */
void log_write(struct log *log, int stream, const char *data, size_t size, int64_t now);
/* The stream has ended: its unfinished line is written as it is. */
void log_end(struct log *log, int stream);
/* Another log takes this one's place in the middle of a run, with the unfinished lines; this one is closed. Both may be NULL. */
void log_replace(struct log *log, struct log *by);
/* How many entries could not be written since the last one that was; `reason` gets the errno. */
uint64_t log_lost(const struct log *log, int *reason);
/* The end of the log: its file, and how many bytes of it are written. 0, or -1 when that can't be told. */
int log_position(const struct log *log, uint64_t *device, uint64_t *inode, uint64_t *size);
/* The unfinished line of a stream, which is not in the file yet; NULL where there is none. */
const char *log_partial(const struct log *log, int stream, size_t *size);
/* Goes on with a new file after somebody has moved the old one away. Returns 0, or -1 and goes on with the old one. */
int log_reopen(struct log *log, struct error *err);
/* The output pauses: gives back memory that a burst needed, and takes note of a finished compressor. */
void log_idle(struct log *log);
/* So much waits for delivery that the output should not be read for now. */
int log_behind(const struct log *log);
/* Closes the file, with a note of entries that were lost, and frees. NULL is allowed. */
void log_close(struct log *log);

#endif

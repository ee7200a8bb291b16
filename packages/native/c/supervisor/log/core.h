/* The log's own files to each other; others see log.h. */
#ifndef BERTH_LOG_CORE_H
#define BERTH_LOG_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "supervisor/log/jsonlog.h"
#include "supervisor/log/log.h"
#include "supervisor/log/position.h"
#include "supervisor/log/rotate.h"

enum { output_size = 512 * 1024 };

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
  char *output;     /* of output_size bytes, mapped on first use */
  size_t filled, touched;
  char *tail; /* `,"attrs":{...}` of an entry, or NULL */
  size_t tail_size;
  struct partial partial[2];
  int64_t time; /* of `stamp` */
  int64_t last; /* of the newest line */
  char stamp[json_time_max];
  size_t stamp_size;
};

/* output.c: the file, and the entries that wait in memory to be written to it. */

/* Opens a log's file to append to it; `size` gets how much it has already. Returns the descriptor, or -1 with stage "log". */
int output_open(const char *path, uint64_t *size, struct error *err);
/* Room for one entry of `size` bytes of text, at the end of what waits; the file is rotated before it when it has reached its
   size. NULL without memory. */
char *output_reserve(struct log *log, size_t size);
/* Writes what waits, up to the entry for which there is no room: that and those behind it are lost, and counted. */
void output_flush(struct log *log);
/* Marks the place of lost entries by one of the log's own. Returns whether nothing is to be marked any more. */
int output_mark_lost(struct log *log);
/* Gives back the memory that a burst needed. */
void output_idle(struct log *log);

#endif

/* Rotation of log files: PATH, PATH.1, PATH.2 ... (with .gz when compressed), as Docker names them. */
#ifndef BERTH_ROTATE_H
#define BERTH_ROTATE_H

#include <stdint.h>
#include <sys/types.h>

struct rotation {
  char *path;
  uint64_t max_size;
  unsigned max_file;
  int compress;
  pid_t compressor; /* 0: none runs */
};

/* `max_size` in bytes, 0: none is done; `max_file`: how many files there are at most, the newest among them. Returns 0, or -1 without
   memory. */
int rotation_init(struct rotation *rotation, const char *path, uint64_t max_size, unsigned max_file, int compress);
/* Moves the files up by one and returns a new, empty one in place of `fd` (which it closes), or -1 with `fd` untouched:
   also while the last rotation's file is still being compressed, for a file of `size` bytes that may grow meanwhile. */
int rotate(struct rotation *rotation, int fd, uint64_t size);
/* Reaps a compressor that has finished; does not wait. */
void rotation_reap(struct rotation *rotation);
/* Waits for a compressor that still runs, and frees. */
void rotation_free(struct rotation *rotation);

#endif

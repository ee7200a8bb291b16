/* How far a log has been delivered to where its driver sends it: a small file that the supervisor and the daemon's deliverer
   both map or write. Offsets count from the log's first byte, over all its files, so that a rotation changes none of them. */
#ifndef BERTH_POSITION_H
#define BERTH_POSITION_H

#include <stdint.h>

struct position;

/* Maps the file, which is made where it is missing. `fd` is the log's newest file, of `size` bytes; `path` is its name.
   NULL (errno) when that fails. */
struct position *position_open(const char *file, int fd, const char *path, uint64_t size);
/* The newest file was replaced by `fd` after `size` bytes of it. */
void position_rotated(struct position *position, int fd, uint64_t size);
/* How many bytes, of `size` in the newest file and all before it, are not delivered yet. */
uint64_t position_behind(const struct position *position, uint64_t size);
/* Unmaps and frees it; the file stays. NULL is allowed. */
void position_close(struct position *position);

#endif

/* A decompressor of the host, put between a compressed stream and its reader. */
#ifndef BERTH_DECOMPRESS_H
#define BERTH_DECOMPRESS_H

#include <sys/types.h>

#include "base/error.h"

/* Starts `command` (an absolute path and its arguments) with `from` as its input; *to is the pipe to read from. The
   program dies with its starter. */
pid_t decompress_start(char *const command[], int from, int *to, struct error *err);
/* Waits for its end. -1 with stage "decompress" when it failed: the stream was corrupt or cut off. */
int decompress_finish(pid_t pid, const char *name, struct error *err);

#endif

/* How a runtime's failures are told. */
#ifndef BERTH_CONTAINER_RUNTIME_WORDS_H
#define BERTH_CONTAINER_RUNTIME_WORDS_H

#include "container/runtime/runtime.h"

/* The program can't be run. Returns -1, with stage "runtime" and dockerd's words. */
int fail_program(const struct runtime *runtime, int status, struct error *err);
/* It has ended with the wait status `status`: tells the last error in its log (a file of JSON lines in the bundle's
   directory), or how it ended. Returns -1, with stage "runtime". */
int fail_by_log(const struct runtime *runtime, const char *log, int status, struct error *err);
/* The text of the last error in a log; "" when it has none. */
void last_log_error(const char *log, char *text, size_t size);

#endif

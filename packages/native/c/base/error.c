#include "base/error.h"

#include <stdio.h>
#include <string.h>

int fail(struct error *err, const char *stage, int status, const char *format, ...) {
  if (!err) return -1;
  va_list args;
  va_start(args, format);
  int n = vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
  err->status = status;
  snprintf(err->stage, sizeof err->stage, "%s", stage);
  if (status && n >= 0 && (size_t) n < sizeof err->message)
    snprintf(err->message + n, sizeof err->message - (size_t) n, ": %s", strerror(status));
  return -1;
}

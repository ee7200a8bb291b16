#include "base/fail_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

int fail_text(struct error *err, const char *stage, int status, const char *format, ...) {
  if (!err) return -1;
  va_list args;
  va_start(args, format);
  vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
  err->status = status;
  snprintf(err->stage, sizeof err->stage, "%s", stage);
  return -1;
}

const char *go_strerror(int status) {
  static char text[128];
  snprintf(text, sizeof text, "%s", strerror(status));
  text[0] = (char) tolower((unsigned char) text[0]);
  return text;
}

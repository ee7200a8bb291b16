/* Errors that users read as dockerd would say them: no errno text is added, the words are Go's. */
#ifndef BERTH_FAIL_TEXT_H
#define BERTH_FAIL_TEXT_H

#include "base/error.h"

/* As fail(), but the message is exactly the format's. */
int fail_text(struct error *err, const char *stage, int status, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The words Go's syscall.Errno has for an error number ("no such file or directory"); valid until the next call. */
const char *go_strerror(int status);

#endif

/* One error type for all rooms, in crun's manner: functions return 0 or -1 and fill an error the caller owns. */
#ifndef BERTH_ERROR_H
#define BERTH_ERROR_H

#include <errno.h>
#include <stdarg.h>

struct error {
  int status;     /* errno, or 0 */
  char stage[24]; /* a stable word for programs: "mount", "exec", "cgroup", ... */
  char step[24];  /* the step of a set-up that failed (container/steps.h), or "" */
  char message[488];
};

/* Fills `err` with stage, errno and a message; returns -1 so that `return fail(...)` reads well. */
int fail(struct error *err, const char *stage, int status, const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif

#include "container/runtime/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/inroot.h"

#define LOG_LIMIT (1 << 20)

int fail_program(const struct runtime *runtime, int status, struct error *err) {
  return fail_text(err, "runtime", status, "unable to retrieve OCI runtime error: fork/exec %s: %s", runtime->program,
                   go_strerror(status));
}

/* One character of a JSON string, which is moved behind it. What is not ASCII in an escape is shown as '?'. */
static char unescape(const char **at) {
  const char *letters = "\"\\/bfnrt", *meant = "\"\\/\b\f\n\r\t";
  char c = *(*at)++;
  if (c != '\\' || !**at) return c;
  char escape = *(*at)++;
  const char *found = strchr(letters, escape);
  if (found) return meant[found - letters];
  if (escape != 'u' || strlen(*at) < 4) return '?';
  char digits[5] = {0};
  memcpy(digits, *at, 4);
  *at += 4;
  long code = strtol(digits, NULL, 16);
  return code > 0 && code < 128 ? (char) code : '?';
}

/* Copies the string that begins behind the opening quote at `from`. */
static void copy_string(const char *from, char *text, size_t size) {
  size_t n = 0;
  while (*from && *from != '"' && n + 1 < size) text[n++] = unescape(&from);
  text[n] = 0;
}

static int is_error(const char *line) {
  return strstr(line, "\"level\":\"error\"") || strstr(line, "\"level\":\"fatal\"") || strstr(line, "\"level\":\"panic\"") ||
         /* runsc's form of an error to its caller */
         strstr(line, "\"level\": \"error\"");
}

void last_log_error(const char *log, char *text, size_t size) {
  text[0] = 0;
  cleanup_free char *copy = strdup(log);
  if (!copy) return;
  for (char *save = NULL, *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    const char *message = is_error(line) ? strstr(line, "\"msg\"") : NULL;
    if (!message) continue;
    message += strlen("\"msg\"");
    message += strspn(message, ": ");
    if (*message == '"') copy_string(message + 1, text, size);
  }
}

int fail_by_log(const struct runtime *runtime, const char *log, int status, struct error *err) {
  cleanup_free char *content = NULL;
  char text[sizeof err->message];
  size_t size;
  text[0] = 0;
  if (inroot_read(runtime->directory, log, LOG_LIMIT, &content, &size) == 0) last_log_error(content, text, sizeof text);
  if (text[0]) return fail_text(err, "runtime", EIO, "%s", text);
  if (WIFSIGNALED(status))
    return fail_text(err, "runtime", EIO, "%s was killed by signal %d", runtime->program, WTERMSIG(status));
  return fail_text(err, "runtime", EIO, "%s did not terminate successfully: exit status %d", runtime->program,
                   WEXITSTATUS(status));
}

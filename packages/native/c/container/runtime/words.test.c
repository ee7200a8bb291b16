/* The words for a runtime that has failed: the last error of its log, as runc, crun and runsc write them. */
#include "container/runtime/words.h"

#include <string.h>

#include "base/check.h"

static void told(const char *log, const char *expected) {
  char text[64];
  last_log_error(log, text, sizeof text);
  if (strcmp(text, expected)) {
    fprintf(stderr, "%s: told as %s\n", log, text);
    exit(1);
  }
}

int main(void) {
  told("", "");
  told("{\"level\":\"info\",\"msg\":\"begins\"}\n", "");
  told("{\"level\":\"error\",\"msg\":\"runc create failed: exec: \\\"x\\\": not found\",\"time\":\"now\"}\n",
       "runc create failed: exec: \"x\": not found");
  told("{\"msg\":\"open `x`: No such file\",\"level\":\"error\",\"time\":\"now\"}\n", "open `x`: No such file");
  told(
      "{\"level\":\"error\",\"msg\":\"first\"}\n{\"level\":\"warning\",\"msg\":\"w\"}\n{\"level\":\"error\",\"msg\":\"last\"}\n",
      "last");
  told("{\"msg\": \"tab\\tand \\u0041 and \\u00e4\", \"level\": \"error\"}", "tab\tand A and ?");
  /* Damaged or endless ones stay within the text. */
  told("{\"level\":\"error\",\"msg\":\"cut", "cut");
  told("{\"level\":\"error\",\"msg\":\"cut\\", "cut\\");
  told("{\"level\":\"error\",\"msg\":\"\\u12", "?12");
  told("{\"level\":\"error\",\"msg\":12}", "");
  told("{\"level\":\"error\",\"msg\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
       "012345678901234567890123456789012345678901234567890123456789012");
  puts("runtime words: ok");
  return 0;
}

/* Detach keys in what is typed, however it is cut. */
#include "supervisor/detach.h"

#include "base/check.h"

/* Types `text` in pieces of `step`; checks what passes and whether the keys were found. */
static void type(const char *keys, const char *text, size_t step, const char *expected, int found) {
  struct detach detach;
  char passed[128] = "", out[128 + detach_max];
  size_t total = 0, size = strlen(text), got;
  int detached = 0;
  CHECK(detach_init(&detach, keys) == 0);
  for (size_t at = 0; at < size && !detached; at += step) {
    detached = detach_filter(&detach, text + at, size - at < step ? size - at : step, out, &got);
    memcpy(passed + total, out, got);
    total += got;
  }
  CHECK(detached == found);
  CHECK(total == strlen(expected) && !memcmp(passed, expected, total));
}

int main(void) {
  struct detach detach;
  for (size_t step = 1; step < 6; step++) {
    type("1011", "ab\x10\x11", step, "ab", 1);
    type("1011",
         "ab\x10"
         "c\x11",
         step,
         "ab\x10"
         "c\x11",
         0);
    type("1011", "a\x10\x10\x11", step, "a\x10", 1);
    type("6161", "aba", step, "ab", 0); /* the last may yet become the keys */
    type("", "\x10\x11", step, "\x10\x11", 0);
  }
  type("1011", "x\x10\x11y", 4, "x", 1);
  CHECK(detach_init(&detach, "1") < 0);
  CHECK(detach_init(&detach, "zz") < 0);
  return 0;
}

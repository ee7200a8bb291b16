// Messages on standard error.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front.h"

static char warned[2048];

const char *warned_text(void) {
  return warned;
}

void warn_text(const char *string) {
  snprintf(warned + strlen(warned), sizeof warned - strlen(warned), "%s", string);
  struct text text = {0};
  text_puts(&text, "");
  bool terminal = isatty(2);
  for (const char *at = string; *at; at++) {
    unsigned char c = (unsigned char) *at;
    char code[8];
    // The controls past 0x7f are two bytes of UTF-8.
    bool high = c == 0xc2 && (unsigned char) at[1] >= 0x80 && (unsigned char) at[1] < 0xa0;
    if (terminal && ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f || high)) {
      snprintf(code, sizeof code, c == '\r' ? "\\r" : "\\x%02x", high ? (unsigned char) *++at : c);
      text_puts(&text, code);
    } else {
      text_add(&text, at, 1);
    }
  }
  write_all(2, text.bytes, text.length);
  free(text.bytes);
}

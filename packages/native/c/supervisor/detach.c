#include "supervisor/detach.h"

#include <string.h>

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

int detach_init(struct detach *detach, const char *hex) {
  *detach = (struct detach){0};
  for (; *hex; hex += 2) {
    int high = digit(hex[0]), low = high < 0 ? -1 : digit(hex[1]);
    if (low < 0 || detach->count == detach_max) return -1;
    detach->keys[detach->count++] = (unsigned char) (high << 4 | low);
  }
  return 0;
}

int detach_filter(struct detach *detach, const char *in, size_t size, char *out, size_t *out_size) {
  size_t n = 0;
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char) in[i];
    if (detach->matched && c != detach->keys[detach->matched]) {
      /* Not the keys after all: what was held back passes, and this byte may begin them anew. */
      memcpy(out + n, detach->keys, detach->matched);
      n += detach->matched;
      detach->matched = 0;
    }
    if (detach->count && c == detach->keys[detach->matched]) {
      if (++detach->matched < detach->count) continue;
      detach->matched = 0;
      *out_size = n;
      return 1;
    }
    out[n++] = in[i];
  }
  *out_size = n;
  return 0;
}

/* Finds the detach keys in what a client types. */
#ifndef BERTH_DETACH_H
#define BERTH_DETACH_H

#include <stddef.h>

enum { detach_max = 64 };

struct detach {
  unsigned char keys[detach_max];
  size_t count;   /* 0: nothing detaches */
  size_t matched; /* how many of the keys the last bytes were; they are held back */
};

/* Takes the keys as hexadecimal digits; -1 when they are not, or too many. */
int detach_init(struct detach *detach, const char *hex);
/* Copies `size` bytes of `in` to `out` (room for size + detach_max) without what may be detach keys. Sets *out_size;
   returns 1 when all keys were typed: what follows them is dropped. */
int detach_filter(struct detach *detach, const char *in, size_t size, char *out, size_t *out_size);

#endif

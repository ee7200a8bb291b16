/* Help for unit tests: CHECK ends the program with the place and the condition. */
#ifndef BERTH_CHECK_H
#define BERTH_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

/* The whole file as a string that the caller frees; NULL when there is none. */
static inline char *slurp(const char *path) {
  FILE *file = fopen(path, "r");
  char *text = NULL;
  size_t size = 0;
  if (!file) return NULL;
  ssize_t read = getdelim(&text, &size, 0, file);
  fclose(file);
  if (read >= 0) return text;
  free(text);
  return strdup("");
}

#endif

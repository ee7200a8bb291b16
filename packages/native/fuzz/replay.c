/* Runs a fuzz target without a fuzzer: `replay` over its seeds and damaged copies of them, `replay --write DIRECTORY` only writes
   the seeds for a fuzzer that can do more, `replay FILE...` runs what one has found. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fuzz.h"

enum { COPIES = 400, LONGEST = 1 << 20 };

static const char *directory;
static unsigned written;
static uint32_t state = 1;

static uint32_t next_random(void) {
  return state = state * 1664525u + 1013904223u, state >> 8;
}

/* A copy of just that size, so that reading beyond it is seen. */
static void run(const uint8_t *bytes, size_t size) {
  uint8_t *copy = malloc(size ? size : 1);
  if (!copy) abort();
  memcpy(copy, bytes, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static size_t damage(uint8_t *bytes, size_t size) {
  for (uint32_t i = 0, count = 1 + next_random() % 4; size && i < count; i++) {
    size_t at = next_random() % size, length = 1 + next_random() % 8;
    if (length > size - at) length = size - at;
    switch (next_random() % 6) {
    case 0: bytes[at] ^= (uint8_t) (1 << next_random() % 8); break;
    case 1: bytes[at] = (uint8_t) next_random(); break;
    case 2: memset(bytes + at, (int) (next_random() % 2 ? 0xff : 0), length); break;
    case 3: memmove(bytes + at, bytes + next_random() % (size - length + 1), length); break;
    case 4: size = at; break;
    default: bytes[at] = (uint8_t) "\0/.:,\n0-"[next_random() % 8];
    }
  }
  return size;
}

static void play(const void *bytes, size_t size) {
  run(bytes, size);
  uint8_t *copy = malloc(size + 1);
  if (!copy) abort();
  for (int i = 0; i < COPIES; i++) {
    memcpy(copy, bytes, size);
    run(copy, damage(copy, size));
  }
  free(copy);
}

static void keep(const void *bytes, size_t size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/seed-%u", directory, written++);
  FILE *file = fopen(path, "w");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) {
    perror(path);
    exit(1);
  }
}

static void run_file(const char *path) {
  static uint8_t bytes[LONGEST];
  FILE *file = fopen(path, "r");
  if (!file) {
    perror(path);
    exit(1);
  }
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  run(bytes, size);
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "--write")) {
    directory = argv[2];
    fuzz_seeds(keep);
    return 0;
  }
  for (int i = 1; i < argc; i++) run_file(argv[i]);
  if (argc == 1) fuzz_seeds(play);
  return 0;
}

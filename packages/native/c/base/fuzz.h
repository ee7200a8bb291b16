/* The interface of a fuzz target: NAME.fuzz.c beside the code that reads untrusted bytes. `make check` runs each over its seeds and
   over damaged copies of them, under the sanitizers of gcc; `make fuzz` lets clang's libFuzzer look for new paths. */
#ifndef BERTH_FUZZ_H
#define BERTH_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* One input. Whatever it holds: no more than an error comes of it. Returns 0. The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Gives the inputs from which others are made, one call of `seed` for each. */
void fuzz_seeds(void (*seed)(const void *bytes, size_t size));

/* Ends the program at once, so that the fuzzer keeps the input. */
#define FUZZ_CHECK(condition)           \
  do {                                  \
    if (!(condition)) __builtin_trap(); \
  } while (0)

#endif

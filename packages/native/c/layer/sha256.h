/* SHA-256 (FIPS 180-4), with the processor's own instructions where it has them. */
#ifndef BERTH_SHA256_H
#define BERTH_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
  uint32_t state[8];
  uint64_t length; /* bytes */
  uint8_t block[64];
  void (*blocks)(uint32_t state[8], const uint8_t *data, size_t count);
};

/* Begins a hash. */
void sha256_init(struct sha256 *hash);
/* As sha256_init, but never with special instructions: for tests. */
void sha256_init_portable(struct sha256 *hash);
/* Takes in `size` bytes. */
void sha256_update(struct sha256 *hash, const void *data, size_t size);
/* Writes 64 hexadecimal digits and a NUL. */
void sha256_hex(struct sha256 *hash, char out[65]);

#endif

/* The text of one entry of a json-file log, byte for byte as Docker writes it. */
#ifndef BERTH_JSONLOG_H
#define BERTH_JSONLOG_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes of output one byte of a line can become. */
enum { json_worst = 6, json_time_max = 32 };

/* Escapes `size` bytes as Go's encoder with HTML escaping does; returns the bytes written (at most json_worst each). */
size_t json_escape(char *out, const char *in, size_t size);
/* The same, but what JSON has no way to say stays as it is: bytes that are not UTF-8, and all beyond ASCII. */
size_t json_escape_raw(char *out, const char *in, size_t size);
/* RFC 3339 with as many digits of the second as needed (Go's RFC3339Nano), in UTC, quoted. Returns the length. */
size_t json_time(char out[json_time_max], int64_t nanoseconds);

#endif

#include "supervisor/log/jsonlog.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* 1: copied as is. Not so: controls, what JSON or HTML treats specially, and everything beyond ASCII. */
static int plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

#ifdef __SSE2__
/* Copies 16 bytes; returns a mask of those that are not plain. */
static unsigned copy_block(char *out, const char *in) {
  __m128i v = _mm_loadu_si128((const __m128i *) in);
  _mm_storeu_si128((__m128i *) out, v);
  /* Signed: bytes from 0x80 are negative, so that one comparison finds both them and the controls. */
  __m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
  /* '<' and '>' differ in one bit, as no other pair with it does. */
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(2)), _mm_set1_epi8('>')));
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('&')));
  return (unsigned) _mm_movemask_epi8(odd);
}
#endif

/* Copies the plain bytes at the start; returns how many. */
static size_t copy_plain(char *out, const char *in, size_t size) {
  size_t n = 0;
#ifdef __SSE2__
  for (; n + 16 <= size; n += 16) {
    unsigned odd = copy_block(out + n, in + n);
    if (odd) return n + (size_t) __builtin_ctz(odd);
  }
#endif
  for (; n < size && plain((unsigned char) in[n]); n++) out[n] = in[n];
  return n;
}

/* The length of the valid UTF-8 sequence at `s`, or 0. No surrogates, nothing overlong, nothing beyond U+10FFFF. */
static size_t utf8_length(const unsigned char *s, size_t size) {
  unsigned char low = 0x80, high = 0xbf;
  size_t length;
  if (s[0] >= 0xc2 && s[0] <= 0xdf) {
    length = 2;
  } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
    length = 3;
    if (s[0] == 0xe0) low = 0xa0;
    if (s[0] == 0xed) high = 0x9f;
  } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
    length = 4;
    if (s[0] == 0xf0) low = 0x90;
    if (s[0] == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (size < length || s[1] < low || s[1] > high) return 0;
  for (size_t i = 2; i < length; i++) {
    if (s[i] < 0x80 || s[i] > 0xbf) return 0;
  }
  return length;
}

static size_t escape_ascii(char *out, unsigned char c) {
  static const char hex[] = "0123456789abcdef";
  out[0] = '\\';
  switch (c) {
  case '"':
  case '\\': out[1] = (char) c; return 2;
  case '\n': out[1] = 'n'; return 2;
  case '\r': out[1] = 'r'; return 2;
  default:
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
  }
}

size_t json_escape_raw(char *out, const char *in, size_t size) {
  size_t n = 0;
  for (size_t i = 0; i < size;) {
    size_t copied = copy_plain(out + n, in + i, size - i);
    n += copied;
    i += copied;
    for (; i < size && (unsigned char) in[i] >= 0x80; i++) out[n++] = in[i];
    if (i < size && !plain((unsigned char) in[i])) n += escape_ascii(out + n, (unsigned char) in[i++]);
  }
  return n;
}

size_t json_escape(char *out, const char *in, size_t size) {
  size_t n = 0;
  for (size_t i = 0; i < size;) {
    size_t copied = copy_plain(out + n, in + i, size - i);
    n += copied;
    i += copied;
    if (i == size) break;
    const unsigned char *s = (const unsigned char *) in + i;
    if (s[0] < 0x80) {
      n += escape_ascii(out + n, s[0]);
      i++;
      continue;
    }
    size_t length = utf8_length(s, size - i);
    if (!length) {
      memcpy(out + n, "\\ufffd", 6);
      n += 6;
      i++;
    } else if (length == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] | 1) == 0xa9) {
      /* U+2028 and U+2029 end a line in JavaScript. */
      memcpy(out + n, s[2] & 1 ? "\\u2029" : "\\u2028", 6);
      n += 6;
      i += 3;
    } else {
      memcpy(out + n, s, length);
      n += length;
      i += length;
    }
  }
  return n;
}

size_t json_time(char out[json_time_max], int64_t nanoseconds) {
  /* Every line has a time of its own: the part that stays for a second is made once. */
  static time_t second = -1;
  static char known[json_time_max];
  static size_t known_size;
  time_t seconds = (time_t) (nanoseconds / 1000000000);
  long fraction = (long) (nanoseconds % 1000000000);
  if (seconds != second) {
    struct tm t;
    gmtime_r(&seconds, &t);
    known_size = (size_t) snprintf(known, sizeof known, "\"%04d-%02d-%02dT%02d:%02d:%02d.", t.tm_year + 1900, t.tm_mon + 1,
                                   t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    second = seconds;
  }
  memcpy(out, known, known_size);
  size_t n = known_size + 9;
  for (size_t i = n; i-- > known_size; fraction /= 10) out[i] = (char) ('0' + fraction % 10);
  while (out[n - 1] == '0') n--;
  if (out[n - 1] == '.') n--;
  out[n++] = 'Z';
  out[n++] = '"';
  return n;
}

#include <stdlib.h>
#include <string.h>

#include "front.h"

void text_add(struct text *text, const char *bytes, size_t length) {
  if (text->length + length + 1 > text->room) {
    text->room = (text->length + length + 1) * 2;
    text->bytes = realloc(text->bytes, text->room);
    if (!text->bytes) abort();
  }
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
  text->bytes[text->length] = '\0';
}

void text_puts(struct text *text, const char *string) {
  text_add(text, string, strlen(string));
}

void text_json(struct text *text, const char *string) {
  static const char hex[] = "0123456789abcdef";
  text_puts(text, "\"");
  for (; *string; string++) {
    unsigned char c = (unsigned char) *string;
    if (c == '"' || c == '\\') {
      text_add(text, (char[]){'\\', *string}, 2);
    } else if (c < 0x20) {
      static const char *const names = "btnvfr";
      if (c >= 8 && c <= 13 && c != 11)
        text_add(text, (char[]){'\\', names[c - 8]}, 2);
      else
        text_add(text, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    } else {
      text_add(text, string, 1);
    }
  }
  text_puts(text, "\"");
}

bool is_utf8(const char *string) {
  const unsigned char *at = (const unsigned char *) string;
  while (*at) {
    int more = *at < 0x80                  ? 0
               : *at >= 0xc2 && *at < 0xe0 ? 1
               : *at >= 0xe0 && *at < 0xf0 ? 2
               : *at >= 0xf0 && *at < 0xf5 ? 3
                                           : -1;
    if (more < 0) return false;
    // Overlong forms, surrogates and what is past the last character.
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
        (at[0] == 0xf4 && at[1] > 0x8f))
      return false;
    for (at++; more > 0; more--, at++)
      if ((*at & 0xc0) != 0x80) return false;
  }
  return true;
}

static const char *blanks(const char *at) {
  return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at) {
  for (at++; *at && *at != '"'; at++)
    if (*at == '\\' && !*++at) return NULL;
  return *at ? at + 1 : NULL;
}

/** Values within values; what is deeper is no answer of a daemon. */
#define DEEPEST 64

static const char *skip(const char *at, int depth) {
  at = blanks(at);
  if (*at == '"') return skip_string(at);
  if (*at == '{' || *at == '[') {
    char closing = *at == '{' ? '}' : ']';
    bool object = *at == '{';
    if (depth == DEEPEST) return NULL;
    at = blanks(at + 1);
    if (*at == closing) return at + 1;
    for (;;) {
      if (object) {
        if (*at != '"' || !(at = skip_string(at)) || *(at = blanks(at)) != ':') return NULL;
        at++;
      }
      if (!(at = skip(at, depth + 1))) return NULL;
      at = blanks(at);
      if (*at == closing) return at + 1;
      if (*at != ',') return NULL;
      at = blanks(at + 1);
    }
  }
  for (const char *const *word = (const char *const[]){"true", "false", "null", NULL}; *word; word++)
    if (!strncmp(at, *word, strlen(*word))) return at + strlen(*word);
  size_t digits = strspn(at, "+-0123456789.eE");
  return digits && (*at == '-' || (*at >= '0' && *at <= '9')) ? at + digits : NULL;
}

const char *json_skip(const char *at) {
  return skip(at, 0);
}

const char *json_member(const char *at, const char *name) {
  at = blanks(at);
  if (*at != '{') return NULL;
  size_t length = strlen(name);
  for (at = blanks(at + 1); *at == '"'; at = blanks(at + 1)) {
    const char *end = skip_string(at), *value = end ? blanks(end) : NULL;
    if (!value || *value != ':') return NULL;
    value = blanks(value + 1);
    if ((size_t) (end - at) == length + 2 && !memcmp(at + 1, name, length)) return value;
    if (!(at = json_skip(value)) || *(at = blanks(at)) != ',') return NULL;
  }
  return NULL;
}

const char *json_first(const char *at) {
  at = blanks(at);
  if (*at != '[') return NULL;
  at = blanks(at + 1);
  return *at == ']' ? NULL : at;
}

const char *json_next(const char *item) {
  const char *at = json_skip(item);
  at = at ? blanks(at) : NULL;
  return at && *at == ',' ? blanks(at + 1) : NULL;
}

static long code_unit(const char *at) {
  char digits[5] = {0}, *end;
  memcpy(digits, at, strnlen(at, 4));
  long unit = strtol(digits, &end, 16);
  return end == digits + 4 ? unit : -1;
}

static void add_character(struct text *text, long point) {
  char bytes[4];
  size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t index = length; index-- > 1; point >>= 6) bytes[index] = (char) (0x80 | (point & 0x3f));
  bytes[0] = (char) (heads[length] | point);
  text_add(text, bytes, length);
}

char *json_string(const char *at) {
  struct text text = {0};
  if (!at || *at != '"' || !skip_string(at)) return NULL;
  text_puts(&text, "");
  for (at++; *at != '"'; at++) {
    if (*at != '\\') {
      text_add(&text, at, 1);
      continue;
    }
    static const char names[] = "btnfr", values[] = "\b\t\n\f\r";
    const char *name = strchr(names, *++at);
    if (*at == 'u') {
      long unit = code_unit(at + 1), low = -1;
      if (unit >= 0xd800 && unit < 0xdc00 && at[5] == '\\' && at[6] == 'u') low = code_unit(at + 7);
      if (low >= 0xdc00 && low < 0xe000) {
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
      }
      // A zero would end the text here; half a pair is no character.
      add_character(&text, unit <= 0 || (unit >= 0xd800 && unit < 0xe000) ? 0xfffd : unit);
      at += 4;
    } else {
      text_add(&text, name ? &values[name - names] : at, 1);
    }
  }
  return text.bytes;
}

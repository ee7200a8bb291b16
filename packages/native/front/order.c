// The command line of `berth run`, and the create request that it means.
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "front-body.h"
#include "run.h"

#define FLAGS (sizeof FRONT_FLAGS / sizeof *FRONT_FLAGS)
_Static_assert(FLAGS <= FLAGS_MAX, "an order has no room for so many flags");

bool only(const char *string, const char *allowed) {
  return *string && !string[strspn(string, allowed)];
}
/** Characters of names that mean the same in a query, and of images that no rule of their names is needed for. */
#define PLAIN "abcdefghijklmnopqrstuvwxyz0123456789._-"
#define NAME PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define IMAGE PLAIN "/:"

/** Takes a flag's value; false for one that needs Node. */
static bool take(struct order *order, size_t flag, const char *value) {
  struct text *text = &order->values[flag];
  if (!is_utf8(value)) return false;
  switch (FRONT_FLAGS[flag].kind) {
  case FRONT_VARIABLE:
    // One without a value gets the client's own.
    if (!strchr(value, '=') || *value == '=') return false;
    // fall through
  case FRONT_LIST:
    text_puts(text, text->length ? "," : "[");
    text_json(text, value);
    return true;
  default:
    text->length = 0;
    text_json(text, value);
    return true;
  }
}

/** The number of the flag that a word is, without its `=VALUE`; FLAGS for none that the front knows. */
static size_t find_flag(const char *word, size_t length) {
  bool is_long = word[1] == '-';
  for (size_t flag = 0; flag < FLAGS; flag++) {
    const struct front_flag *known = &FRONT_FLAGS[flag];
    if (is_long ? strlen(known->name) == length - 2 && !strncmp(word + 2, known->name, length - 2)
                : known->letter && word[1] == known->letter && !word[2])
      return flag;
  }
  return FLAGS;
}

/** Takes a flag that has no value; false for one that has one all the same. */
static bool take_switch(struct order *order, size_t flag, bool has_value) {
  if (has_value) return false;
  order->values[flag].length = 0;
  text_puts(&order->values[flag], "true");
  order->remove |= !strcmp(FRONT_FLAGS[flag].name, "rm");
  return true;
}

/** Takes the flag at `*at`, and its value; false for one that needs Node. */
static bool take_flag(const struct invocation *invocation, int *at, struct order *order) {
  const char *word = invocation->words[*at];
  const char *equals = word[1] == '-' ? strchr(word, '=') : NULL;
  size_t length = equals ? (size_t) (equals - word) : strlen(word);
  if (!strcmp(word, "-d") || !strcmp(word, "--detach")) return order->detach = true;
  bool name = length == 6 && !strncmp(word, "--name", 6);
  size_t flag = name ? 0 : find_flag(word, length);
  if (flag == FLAGS) return false;
  if (!name && FRONT_FLAGS[flag].kind == FRONT_SWITCH) return take_switch(order, flag, equals != NULL);
  const char *value = equals ? equals + 1 : ++*at < invocation->count ? invocation->words[*at] : NULL;
  if (!value || (name ? !only(value, NAME) : !take(order, flag, value))) return false;
  if (name) order->name = value;
  return true;
}

bool order_parse(const struct invocation *invocation, struct order *order) {
  int at = 0;
  for (; at < invocation->count && invocation->words[at][0] == '-'; at++)
    if (!take_flag(invocation, &at, order)) return false;
  if (at == invocation->count || !only(invocation->words[at], IMAGE)) return false;
  order->image = invocation->words[at++];
  order->command = invocation->words + at;
  order->words = invocation->count - at;
  for (int index = 0; index < order->words; index++)
    if (!is_utf8(order->command[index])) return false;
  return true;
}

void order_body(const struct order *order, struct text *body) {
  for (const struct front_piece *piece = FRONT_BODY; piece->text; piece++) {
    text_puts(body, piece->text);
    struct winsize size = {0};
    char rows[48];
    switch (piece->hole) {
    case FRONT_NOTHING: break;
    case FRONT_IMAGE: text_json(body, order->image); break;
    case FRONT_ATTACH: text_puts(body, order->detach ? "false" : "true"); break;
    case FRONT_COMMAND:
      for (int index = 0; index < order->words; index++) {
        text_puts(body, index ? "," : "[");
        text_json(body, order->command[index]);
      }
      text_puts(body, order->words ? "]" : "null");
      break;
    case FRONT_CONSOLE:
      if (!isatty(1) || ioctl(1, TIOCGWINSZ, &size) != 0) size = (struct winsize){0};
      snprintf(rows, sizeof rows, "[%d,%d]", size.ws_row, size.ws_col);
      text_puts(body, rows);
      break;
    default: {
      const struct text *value = &order->values[piece->hole];
      text_puts(body, value->length ? value->bytes : piece->initial);
      if (value->length && FRONT_FLAGS[piece->hole].kind >= FRONT_LIST) text_puts(body, "]");
    }
    }
  }
}

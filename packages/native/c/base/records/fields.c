#include "base/records/fields.h"

#include <errno.h>
#include <string.h>

/* One record on its way into a request. */
struct decoding {
  const char *stage;
  const struct field *fields;
  const struct launch_record *record;
  char *request;
};

static int refuse(const struct decoding *d, struct error *err, const char *what, const char *reason) {
  return fail(err, d->stage, EINVAL, "%s: %s %s", d->record->argv[0], what, reason);
}

static int set(const struct decoding *d, const struct field *field, const char *value, struct error *err) {
  void *member = d->request + field->member;
  if (field->kind == FIELD_WORD) {
    *(const char **) member = value;
    return 0;
  }
  long long number = field->otherwise;
  if ((*value || field->by == FIELD_PLACED) && parse_number(value, &number) < 0)
    return fail(err, d->stage, EINVAL, "%s: %s is no number: %s", d->record->argv[0], field->name, value);
  *(long *) member = (long) number;
  return 0;
}

/* The value of `NAME=VALUE` where the name is the field's, or NULL. */
static const char *value_of(const struct field *field, const char *argument) {
  size_t size = strlen(field->name);
  return !strncmp(argument, field->name, size) && argument[size] == '=' ? argument + size + 1 : NULL;
}

/* Collects the values of a list from argument `from` on. Returns where those of the next list go. */
static const char **collect(const struct decoding *d, const struct field *field, int from, const char **words) {
  struct field_words *list = (struct field_words *) (d->request + field->member);
  list->items = words;
  for (int i = from; i < d->record->argc; i++) {
    const char *value = field->by == FIELD_KEYED ? value_of(field, d->record->argv[i]) : d->record->argv[i];
    if (value) *words++ = value;
  }
  list->count = (size_t) (words - list->items);
  return words;
}

/* One `NAME=VALUE` that is no list's. */
static int take_keyed(const struct decoding *d, const char *argument, struct error *err) {
  for (const struct field *field = d->fields; field->name; field++) {
    const char *value = field->by == FIELD_KEYED ? value_of(field, argument) : NULL;
    if (value) return field->kind == FIELD_WORDS ? 0 : set(d, field, value, err);
  }
  return refuse(d, err, "unknown argument", argument);
}

int fields_decode(const char *stage, const struct field *fields, const struct launch_record *record, void *request,
                  const char **words, struct error *err) {
  struct decoding d = {.stage = stage, .fields = fields, .record = record, .request = request};
  int at = 1, rest = 0;
  for (const struct field *field = fields; field->name; field++) {
    if (field->kind == FIELD_NUMBER) *(long *) (d.request + field->member) = field->otherwise;
    if (field->kind == FIELD_WORDS) {
      words = collect(&d, field, at, words);
      rest = rest || field->by == FIELD_PLACED;
    } else if (field->by != FIELD_KEYED && at < record->argc) {
      if (set(&d, field, record->argv[at++], err) < 0) return -1;
    } else if (field->by == FIELD_PLACED) {
      return refuse(&d, err, field->name, "is missing");
    }
  }
  for (; !rest && at < record->argc; at++) {
    if (take_keyed(&d, record->argv[at], err) < 0) return -1;
  }
  return 0;
}

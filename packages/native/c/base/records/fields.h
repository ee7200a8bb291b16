/* The arguments of a record, decoded by a table into a struct of their own, so that no argument is known by its number. */
#ifndef BERTH_FIELDS_H
#define BERTH_FIELDS_H

#include <stddef.h>

#include "base/error.h"
#include "base/records/launch.h"

/* Arguments that may come any number of times, in their order. */
struct field_words {
  size_t count;
  const char *const *items;
};

enum field_kind {
  FIELD_WORD,   /* `const char *` */
  FIELD_NUMBER, /* `long`, decimal; a flag is 1 or 0 */
  FIELD_WORDS,  /* `struct field_words` */
};

/* How an argument is found: by its place, by its place if there are so many, or as `NAME=VALUE` in any order behind those. */
enum field_by { FIELD_PLACED, FIELD_OPTIONAL, FIELD_KEYED };

/* One member of a request. A table of them has those by place first, in their order, and ends with FIELDS_END. Words by place
   are all arguments that are left. */
struct field {
  const char *name; /* in errors, and the NAME of NAME=VALUE */
  enum field_by by;
  enum field_kind kind;
  size_t member;  /* its offset in the request */
  long otherwise; /* the number that is meant where none is given, or an empty one */
};

#define FIELD(by_, kind_, request, member_, name_, otherwise_) \
  { .name = name_, .by = by_, .kind = kind_, .member = offsetof(struct request, member_), .otherwise = otherwise_ }
#define PLACED(kind, request, member) FIELD(FIELD_PLACED, kind, request, member, #member, 0)
#define OPTIONAL(kind, request, member, otherwise) FIELD(FIELD_OPTIONAL, kind, request, member, #member, otherwise)
#define KEYED(name, kind, request, member) FIELD(FIELD_KEYED, kind, request, member, name, 0)
#define KEYED_NUMBER(name, request, member, otherwise) FIELD(FIELD_KEYED, FIELD_NUMBER, request, member, name, otherwise)
#define FIELDS_END \
  { .name = NULL }

/* Decodes a record into `request`, which the caller has zeroed. Strings stay the record's. `words` has room for as many strings
   as the record, and lists point into it; NULL where the table has no list.
   Returns 0, or -1 with EINVAL and a message that names the record and the argument that is missing, unknown or no number. */
int fields_decode(const char *stage, const struct field *fields, const struct launch_record *record, void *request,
                  const char **words, struct error *err);

#endif

/* Reading launch records. */
#include <stdlib.h>
#include <string.h>

#include "container_parts.h"

const struct launch_record *launch_next(const struct launch *launch, const char *name, size_t *at) {
  while (*at < launch->count) {
    const struct launch_record *r = &launch->records[(*at)++];
    if (!strcmp(r->argv[0], name)) return r;
  }
  return NULL;
}

size_t launch_count(const struct launch *launch, const char *name) {
  size_t count = 0, at = 0;
  while (launch_next(launch, name, &at)) count++;
  return count;
}

int parse_number(const char *text, long long *out) {
  char *end;
  errno = 0;
  *out = strtoll(text, &end, 10);
  return errno || *end || end == text ? -1 : 0;
}

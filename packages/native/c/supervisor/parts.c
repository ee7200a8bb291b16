#include <string.h>

#include "supervisor/core.h"

static struct supervisor_part *parts;

void supervisor_register(struct supervisor_part *part) {
  part->next = parts;
  parts = part;
}

const struct supervisor_part *part_find(const char *record) {
  const struct supervisor_part *part = parts;
  while (part && strcmp(part->record, record) != 0) part = part->next;
  return part;
}

int parts_launch(struct supervisor *supervisor, const struct launch *launch, struct error *err) {
  for (size_t i = 0; i < launch->count; i++) {
    const struct supervisor_part *part = part_find(launch->records[i].argv[0]);
    if (part && part->launch && part->launch(supervisor, &launch->records[i], err) < 0) return -1;
  }
  return 0;
}

void parts_stop(struct supervisor *supervisor) {
  for (const struct supervisor_part *part = parts; part; part = part->next) {
    if (part->stop) part->stop(supervisor);
  }
}

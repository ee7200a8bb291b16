#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/core.h"

/* An exec's end, kept until the daemon has said that it knows: what it was told may have been lost with the launcher. */
struct ended {
  struct ended *next;
  int code;
  char id[];
};

static void tell_ended(struct supervisor *supervisor, const struct ended *ended) {
  char code[16];
  snprintf(code, sizeof code, "%d", ended->code);
  supervisor_tell(supervisor, "exec-exited", ended->id, code);
}

void ended_add(struct supervisor *supervisor, const char *id, int code) {
  size_t size = strlen(id) + 1;
  struct ended *ended = malloc(sizeof *ended + size);
  if (!ended) return;
  ended->next = supervisor->ended;
  ended->code = code;
  memcpy(ended->id, id, size);
  supervisor->ended = ended;
  tell_ended(supervisor, ended);
}

void ended_seen(struct supervisor *supervisor, const char *id) {
  for (struct ended **at = &supervisor->ended; *at; at = &(*at)->next) {
    if (strcmp((*at)->id, id) != 0) continue;
    struct ended *gone = *at;
    *at = gone->next;
    free(gone);
    return;
  }
}

void ended_announce(struct supervisor *supervisor) {
  for (const struct ended *ended = supervisor->ended; ended; ended = ended->next) tell_ended(supervisor, ended);
}

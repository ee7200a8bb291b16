// `berth run`, in its steps: the command line (order.c), the calls (run.c), and the attached stream (follow.c).
#pragma once
#include "front.h"

/** How many flags the client's TypeScript has given the front, at most; order.c checks it. */
enum { FLAGS_MAX = 64 };

/** The order of the command line. A list's values are JSON already. */
struct order {
  const char *image, *name;
  char **command;
  int words;
  bool detach, remove;
  struct text values[FLAGS_MAX];
};

/** Reads the command line; false when there is anything in it that Node knows better. */
bool order_parse(const struct invocation *invocation, struct order *order);
/** The body of the create request: what the client's own code makes of no flags, with the values of the command line. */
void order_body(const struct order *order, struct text *body);
/** Whether a string is not empty and has only these characters. */
bool only(const char *string, const char *allowed);

/** From here on signals are kept for the container; follow() hands them on. */
void catch_signals(void);
/** Signals do to this process what they did before. */
void release_signals(void);
/**
 * Shows the container's output until it ends, and hands signals on. Returns 0, or the exit code of an end before the
 * container's.
 */
int follow(struct connection *output, const char *socket, const char *id);

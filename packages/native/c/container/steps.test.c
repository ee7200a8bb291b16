/* A table of steps: run in its order up to the first that fails, whose name the error has. */
#include "container/steps.h"

#include <errno.h>

#include "base/check.h"

static char order[8];
static int failing;

static int take(char step, struct error *err) {
  size_t at = strlen(order);
  order[at] = step;
  return failing == step ? fail(err, "mount", EBUSY, "it fails") : 0;
}

static int first(struct child *child, struct error *err) {
  return take('a', err);
}
static int second(struct child *child, struct error *err) {
  return take('b', err);
}
static int third(struct child *child, struct error *err) {
  return take('c', err);
}

static const struct step table[] = {{"first", first}, {"a name that is longer than its room", second}, {"third", third}};

int main(void) {
  struct error err = {0};
  CHECK(run_steps(table, 3, NULL, &err) == 0 && !strcmp(order, "abc") && !err.step[0]);
  memset(order, 0, sizeof order);
  failing = 'b';
  CHECK(run_steps(table, 3, NULL, &err) < 0 && !strcmp(order, "ab"));
  CHECK(!strcmp(err.step, "a name that is longer t") && !strcmp(err.stage, "mount") && err.status == EBUSY);
  memset(order, 0, sizeof order);
  failing = 'a';
  CHECK(run_steps(table, 3, NULL, &err) < 0 && !strcmp(order, "a") && !strcmp(err.step, "first"));
  return 0;
}

/* The control records `mount-add TYPE SOURCE DESTINATION [OPTION...]` (as the launch's `mount`) and `mount-remove
   DESTINATION`. */
#include <errno.h>
#include <string.h>

#include "supervisor/core.h"

static int add_mount(struct supervisor *supervisor, const struct launch_record *record, struct error *err) {
  struct launch_record mount = *record;
  const char *words[256]; /* a record has at most 255 strings */
  memcpy(words, record->argv, (size_t) record->argc * sizeof *words);
  words[0] = "mount";
  mount.argv = words;
  pid_t left;
  int result = container_mount(supervisor->container, &mount, &left, err);
  if (left) reap_later(supervisor->loop, left);
  return result;
}

struct remove_request {
  const char *destination;
};
static const struct field remove_fields[] = {PLACED(FIELD_WORD, remove_request, destination), FIELDS_END};

static int remove_mount(struct supervisor *supervisor, const struct launch_record *record, struct error *err) {
  struct remove_request asked = {0};
  pid_t left;
  if (fields_decode("mount", remove_fields, record, &asked, NULL, err) < 0) return -1;
  int result = container_unmount(supervisor->container, asked.destination, &left, err);
  if (left) reap_later(supervisor->loop, left);
  return result;
}

static struct supervisor_plugin adding = {.record = "mount-add", .control = add_mount};
static struct supervisor_plugin removing = {.record = "mount-remove", .control = remove_mount};

__attribute__((constructor)) static void register_mounts(void) {
  supervisor_register(&adding);
  supervisor_register(&removing);
}

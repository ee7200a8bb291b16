/* Launch records and the frames they come in. */
#include <stdlib.h>
#include <string.h>

#include "base/records/frame.h"
#include "base/fuzz.h"
#include "base/records/launch.h"

static void parse(const void *bytes, size_t size) {
  struct launch launch;
  struct error err = {0};
  if (launch_parse(bytes, size, &launch, &err) < 0) {
    FUZZ_CHECK(err.message[0]);
    return;
  }
  size_t length = 0;
  for (size_t i = 0; i < launch.count; i++) {
    const struct launch_record *record = &launch.records[i];
    FUZZ_CHECK(record->argc > 0 && !record->argv[record->argc]);
    length++;
    for (int k = 0; k < record->argc; k++) length += strlen(record->argv[k]) + 1;
  }
  FUZZ_CHECK(length == size);
  FUZZ_CHECK(launch.count == 0 || launch_find(&launch, launch.records[0].argv[0]) == &launch.records[0]);
  launch_free(&launch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  parse(bytes, size);
  struct buffer in = {0};
  uint32_t handle;
  const char *records;
  size_t length;
  FUZZ_CHECK(buffer_append(&in, bytes, size) == 0);
  while (frame_next(&in, &handle, &records, &length) > 0) {
    parse(records, length);
    buffer_consume(&in, length + frame_head);
  }
  buffer_free(&in);
  return 0;
}

void fuzz_seeds(void (*seed)(const void *, size_t)) {
  struct buffer out = {0};
  size_t mark = frame_begin(&out, 7);
  frame_record(&out, "start", "id=0123456789ab", "folder=/run/x", "open-stdin=1", NULL);
  frame_record(&out, "launch", NULL);
  frame_record(&out, "namespace", "net", NULL);
  frame_record(&out, "args", "sh", "-c", "echo", "", NULL);
  frame_end(&out, mark);
  seed(buffer_head(&out), buffer_size(&out));
  seed(buffer_head(&out) + frame_head, buffer_size(&out) - frame_head);
  mark = frame_begin(&out, 8);
  frame_end(&out, mark);
  seed(buffer_head(&out), buffer_size(&out));
  seed("", 0);
  buffer_free(&out);
}

/* Frames and launch records: what is well-formed is read back, what is not is refused without reading beyond it. */
#include "base/records/frame.h"

#include "base/check.h"
#include "base/records/launch.h"

static void round_trip(void) {
  struct buffer b = {0};
  CHECK(buffer_append(&b, "x", 1) == 0); /* something in front: marks are relative to what is not consumed */
  buffer_consume(&b, 1);
  size_t mark = frame_begin(&b, 7);
  CHECK(frame_record(&b, "start", "", "two words", NULL) == 0);
  CHECK(frame_record(&b, "launch", NULL) == 0);
  frame_end(&b, mark);
  size_t whole = buffer_size(&b);
  mark = frame_begin(&b, 8);
  frame_end(&b, mark);

  uint32_t handle;
  const char *records;
  size_t size;
  struct buffer part = b;
  for (size_t n = 0; n < whole; n++) {
    part.end = part.start + n;
    CHECK(frame_next(&part, &handle, &records, &size) == 0);
  }
  CHECK(frame_next(&b, &handle, &records, &size) == 1 && handle == 7);

  struct launch launch;
  struct error err;
  CHECK(launch_parse(records, size, &launch, &err) == 0 && launch.count == 2);
  CHECK(launch.records[0].argc == 3 && !strcmp(launch.records[0].argv[2], "two words"));
  CHECK(!launch.records[0].argv[1][0] && !launch.records[0].argv[3]);
  CHECK(launch_find(&launch, "launch") == &launch.records[1] && !launch_find(&launch, "none"));
  launch_free(&launch);

  buffer_consume(&b, size + frame_head);
  CHECK(frame_next(&b, &handle, &records, &size) == 1 && handle == 8 && size == 0);
  buffer_consume(&b, size + frame_head);
  CHECK(frame_next(&b, &handle, &records, &size) == 0);
  buffer_free(&b);
}

static void refused(void) {
  static const struct {
    const char *bytes;
    size_t size;
  } bad[] = {{"\1abc", 4}, {"\2abc\0", 5}, {"\0", 1}, {"\1a\0\1", 4}, {"\xff", 1}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    /* On the heap, so that the sanitizer sees a read beyond the end. */
    char *copy = malloc(bad[i].size);
    memcpy(copy, bad[i].bytes, bad[i].size);
    struct launch launch;
    struct error err;
    CHECK(launch_parse(copy, bad[i].size, &launch, &err) < 0 && !strcmp(err.stage, "launch"));
    free(copy);
  }
  uint32_t handle;
  const char *records;
  size_t size;
  struct buffer b = {0};
  CHECK(buffer_append(&b, "\1\0\0\0\0\0\0\0", 8) == 0 && frame_next(&b, &handle, &records, &size) < 0);
  buffer_free(&b);
  CHECK(buffer_append(&b, "\xff\xff\xff\xff\0\0\0\0", 8) == 0 && frame_next(&b, &handle, &records, &size) < 0);
  buffer_free(&b);
}

/* Consumed and appended in odd sizes, the bytes stay in order. */
static void buffers(void) {
  struct buffer b = {0};
  unsigned written = 0, read = 0;
  for (int round = 0; round < 2000; round++) {
    for (int i = round % 61; i >= 0; i--) {
      char c = (char) written++;
      CHECK(buffer_append(&b, &c, 1) == 0);
    }
    for (int i = round % 59; i >= 0 && buffer_size(&b); i--) {
      CHECK(*buffer_head(&b) == (char) read++);
      buffer_consume(&b, 1);
    }
  }
  CHECK(buffer_size(&b) == written - read);
  buffer_free(&b);
}

/* The launcher's buffers hold the environment of every container; its forks are looked into by processes of one. */
static void wiped(void) {
  struct buffer b = {.wiped = 1};
  CHECK(buffer_append(&b, "secret one", 10) == 0 && buffer_append(&b, "two", 3) == 0);
  const char *memory = buffer_head(&b);
  buffer_consume(&b, 10);
  for (int i = 0; i < 10; i++) CHECK(memory[i] == 0);
  CHECK(!memcmp(buffer_head(&b), "two", 3));
  CHECK(buffer_reserve(&b, b.capacity - 8) && buffer_head(&b) == memory); /* moved to the start */
  CHECK(!memcmp(memory, "two", 3) && memory[11] == 0);
  buffer_consume(&b, 3);
  CHECK(memory[0] == 0);
  buffer_free(&b);
  CHECK(b.wiped);
}

int main(void) {
  wiped();
  round_trip();
  refused();
  buffers();
  return 0;
}

/* Launch records, decoded: whatever they are, the spec is whole or refused with a reason. */
#include <stdlib.h>
#include <string.h>

#include "base/records/frame.h"
#include "base/fuzz.h"
#include "container/spec/spec.h"

static void decode(const struct launch *launch, enum spec_for what) {
  struct container_spec *spec;
  struct error err = {0};
  if (spec_decode(launch, what, &spec, &err) < 0) {
    FUZZ_CHECK(!spec && err.message[0] && !strcmp(err.stage, "launch"));
    return;
  }
  FUZZ_CHECK(spec->args.count && !spec->args.words[spec->args.count] && !spec->env.words[spec->env.count]);
  FOR_EACH(mount, &spec->mounts) {
    for (const char **option = mount->data; *option; option++) FUZZ_CHECK(strlen(*option) < (size_t) -1);
  }
  spec_free(spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  struct launch launch;
  struct error err = {0};
  if (launch_parse(bytes, size, &launch, &err) < 0) return 0;
  decode(&launch, SPEC_FOR_START);
  decode(&launch, SPEC_FOR_EXEC);
  launch_free(&launch);
  return 0;
}

void fuzz_seeds(void (*seed)(const void *, size_t)) {
  struct buffer out = {0};
  frame_record(&out, "overlay", "/c/upper", "/c/work", "volatile", NULL);
  frame_record(&out, "lower", "erofs", "/i", "/b", NULL);
  frame_record(&out, "namespace", "net", "/n", NULL);
  frame_record(&out, "uid-map", "0", "1", "2", NULL);
  frame_record(&out, "mount", "tmpfs", "t", "/t", "size=1k", "ro", NULL);
  frame_record(&out, "mount", "bind", "/a", "/b", "rbind", "subpath=x", NULL);
  frame_record(&out, "device", "/dev/null", "c", "1", "3", "666", "0", "0", NULL);
  frame_record(&out, "device-rule", "c", "*", "3", "rwm", NULL);
  frame_record(&out, "rlimit", "nofile", "1", "-1", NULL);
  frame_record(&out, "env", "A=1", NULL);
  frame_record(&out, "arg", "sh", "-c", "", NULL);
  seed(buffer_head(&out), buffer_size(&out));
  buffer_free(&out);
}

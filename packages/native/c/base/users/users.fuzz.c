/* The passwd and group files of an image, and the user that is asked for. The input: three texts with a NUL behind each. */
#include <stdlib.h>
#include <string.h>

#include "base/fuzz.h"
#include "base/users/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  char *text = malloc(size + 3);
  FUZZ_CHECK(text);
  memcpy(text, bytes, size);
  memset(text + size, 0, 3);
  const char *spec = text, *passwd = spec + strlen(spec) + 1, *group = passwd;
  if (passwd < text + size + 2) group = passwd + strlen(passwd) + 1;
  struct user user = {0};
  struct error err = {0};
  /* Texts behind the input's end are none: no such file. */
  const char *end = text + size;
  if (users_find(passwd <= end ? passwd : NULL, group <= end ? group : NULL, spec, &user, &err) < 0)
    FUZZ_CHECK(err.message[0]);
  else
    FUZZ_CHECK(strlen(user.home) < sizeof user.home && user.uid <= 2147483647u && user.gid <= 2147483647u);
  if (users_add_group(group <= end ? group : NULL, spec, &user, &err) < 0) FUZZ_CHECK(err.message[0]);
  FUZZ_CHECK(user.group_count <= USERS_GROUPS_MAX);
  free(user.groups);
  free(text);
  return 0;
}

#define SEED(text) seed(text, sizeof text)

void fuzz_seeds(void (*seed)(const void *, size_t)) {
#define FILES "root:x:0:0:root:/root:/bin/sh\nweb:x:33:44::/var/www:/bin/false\n\0root:x:0:\nweb:x:44:root,web\nmore:x:55:web\n"
  SEED("web\0" FILES);
  SEED("33:more\0" FILES);
  SEED("nobody:99\0" FILES);
  SEED(":55\0" FILES);
  SEED("4294967296\0web:x:-1:99999999999:\0\n");
  seed("0", 1);
}

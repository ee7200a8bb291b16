#include "container/runtime/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static int mount_id(int fd) {
  char path[48], line[128];
  int id = -1;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  cleanup_file FILE *info = fopen(path, "re");
  while (info && fgets(line, sizeof line, info)) {
    if (sscanf(line, "mnt_id: %d", &id) == 1) return id;
  }
  return -1;
}

/* Spaces and the like are written as \ooo. */
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from; to++) {
    if (from[0] == '\\' && from[1] && from[2] && from[3]) {
      char digits[4] = {from[1], from[2], from[3], 0};
      *to = (char) strtol(digits, NULL, 8);
      from += 4;
    } else {
      *to = *from++;
    }
  }
  *to = 0;
}

int mount_place_of(int fd, struct mount_place *out) {
  int wanted = mount_id(fd), id;
  cleanup_file FILE *list = wanted < 0 ? NULL : fopen("/proc/self/mountinfo", "re");
  cleanup_free char *line = NULL;
  size_t size = 0;
  while (list && getline(&line, &size, list) > 0) {
    /* ID PARENT DEVICE ROOT POINT OPTIONS [FIELD...] - ... */
    int at = 0;
    if (sscanf(line, "%d %*d %*s %*s %4095s %*s%n", &id, out->point, &at) != 2 || id != wanted || !at) continue;
    char *end = strstr(line + at, " - ");
    if (end) *end = 0;
    out->shared = strstr(line + at, " shared:") != NULL;
    unescape(out->point);
    return 0;
  }
  errno = ENOENT;
  return -1;
}

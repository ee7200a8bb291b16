#include "base/namespaces/idmap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

int id_map_add(struct id_map *map, const struct launch_record *record, struct error *err) {
  long long number[3];
  if (record->argc != 4) return fail(err, "launch", EINVAL, "%s record of %d arguments", record->argv[0], record->argc - 1);
  for (int i = 0; i < 3; i++) {
    if (parse_number(record->argv[i + 1], &number[i]) < 0 || number[i] < 0 || number[i] > UINT32_MAX)
      return fail(err, "launch", EINVAL, "%s record: %s is no id", record->argv[0], record->argv[i + 1]);
  }
  if (map->count == id_ranges_max) return fail(err, "launch", E2BIG, "%s records", record->argv[0]);
  map->ranges[map->count++] = (struct id_range){
      .inside = (uint32_t) number[0], .outside = (uint32_t) number[1], .count = (uint32_t) number[2]};
  return 0;
}

/* A decimal number of 32 bits; returns where it ends, or NULL. */
static const char *parse_id(const char *text, uint32_t *id) {
  uint64_t number = 0;
  const char *at = text;
  for (; *at >= '0' && *at <= '9' && number <= UINT32_MAX; at++) number = number * 10 + (uint64_t) (*at - '0');
  *id = (uint32_t) number;
  return at > text && number <= UINT32_MAX ? at : NULL;
}

/* One list of ranges; returns where it ends, or NULL. */
static const char *parse_ranges(const char *text, struct id_map *map) {
  for (;; text++) {
    struct id_range range;
    if (map->count == id_ranges_max) return NULL;
    text = parse_id(text, &range.inside);
    text = text && *text == '-' ? parse_id(text + 1, &range.outside) : NULL;
    text = text && *text == '-' ? parse_id(text + 1, &range.count) : NULL;
    if (!text || !range.count) return NULL;
    map->ranges[map->count++] = range;
    if (*text != '#') return text;
  }
}

int id_maps_parse(const char *text, struct id_maps *maps, struct error *err) {
  const char *at = strncmp(text, "uids=", 5) ? NULL : parse_ranges(text + 5, &maps->users);
  at = at && !strncmp(at, ";gids=", 6) ? parse_ranges(at + 6, &maps->groups) : NULL;
  return at && !*at ? 0 : fail(err, "launch", EINVAL, "maps of ids: %s", text);
}

static int write_map(const struct id_map *map, pid_t pid, const char *file, struct error *err) {
  char path[64], text[id_ranges_max * sizeof "4294967295 4294967295 4294967295"];
  size_t length = 0;
  for (size_t i = 0; i < map->count; i++) {
    const struct id_range *range = &map->ranges[i];
    length += (size_t) snprintf(text + length, sizeof text - length, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", range->inside,
                                range->outside, range->count);
  }
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, length) != (ssize_t) length) return fail(err, "namespace", errno, "write %s", path);
  return 0;
}

int id_maps_write(const struct id_maps *maps, pid_t pid, struct error *err) {
  return write_map(&maps->users, pid, "uid_map", err) < 0 || write_map(&maps->groups, pid, "gid_map", err) < 0 ? -1 : 0;
}

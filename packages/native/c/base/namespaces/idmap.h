/* Maps of user and group ids into a user namespace: the lines of /proc/PID/uid_map and gid_map (user_namespaces(7)). */
#ifndef BERTH_IDMAP_H
#define BERTH_IDMAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/records/launch.h"

/* The kernel takes no more lines (user_namespaces(7), since Linux 4.15). */
enum { id_ranges_max = 340 };

/* `count` ids from `inside` are those from `outside` of the parent namespace. */
struct id_range {
  uint32_t inside, outside, count;
};

struct id_map {
  size_t count;
  struct id_range ranges[id_ranges_max];
};

struct id_maps {
  struct id_map users, groups;
};

/* Adds a record `uid-map` or `gid-map` INSIDE OUTSIDE COUNT. Returns 0, or -1 with stage "launch" when it is not three
   numbers of 32 bits or one too many. */
int id_map_add(struct id_map *map, const struct launch_record *record, struct error *err);
/* Reads `uids=INSIDE-OUTSIDE-COUNT[#...];gids=...`, each list with one range at least. Returns 0, or -1 with stage "launch". */
int id_maps_parse(const char *text, struct id_maps *maps, struct error *err);
/* Writes both maps of the process `pid`, which is alone in a new user namespace. Returns 0, or -1 with stage "namespace". */
int id_maps_write(const struct id_maps *maps, pid_t pid, struct error *err);

#endif

/* Records of a container's root and namespaces: layers, mounts, devices, links. */
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "container/spec/records.h"

int decode_word(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  *(const char **) item = a->words[0];
  return 0;
}

int decode_pair(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  *(struct pair_spec *) item = (struct pair_spec){.name = a->words[0], .value = a->words[1]};
  return 0;
}

int decode_namespace(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  struct namespace_request *request = item;
  struct launch_record record = {.argc = a->count + 1, .argv = a->words - 1};
  if (namespace_decode(&record, request, err) < 0) return -1;
  if (request->kind == NS_MNT && request->path) return refuse_record(err, a, "a container's mount namespace is always its own");
  return 0;
}

static int add_ids(struct id_map *map, const struct arguments *a, struct error *err) {
  struct launch_record record = {.argc = a->count + 1, .argv = a->words - 1};
  return id_map_add(map, &record, err);
}

int decode_uid_map(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  return add_ids(&spec->id_maps.users, a, err);
}

int decode_gid_map(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  return add_ids(&spec->id_maps.groups, a, err);
}

int decode_layer(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  struct layer_spec *layer = item;
  const char **words = a->words;
  if (!strcmp(a->record, "image-lower")) layer->destination = *words++;
  const char *kind = *words++;
  layer->path = *words++;
  layer->blobs = words;
  layer->erofs = !strcmp(kind, "erofs");
  if (!layer->erofs && strcmp(kind, "folder")) return refuse_record(err, a, "unknown kind of layer");
  return 0;
}

int decode_overlay(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  const char *upper = strrchr(a->words[0], '/'), *work = strrchr(a->words[1], '/');
  spec->upper = a->words[0];
  spec->work = a->words[1];
  if (!upper || !work || upper - spec->upper != work - spec->work ||
      strncmp(spec->upper, spec->work, (size_t) (upper - spec->upper)))
    return refuse_record(err, a, "upper and work are not in one directory");
  spec->is_volatile = a->count == 3;
  if (spec->is_volatile && strcmp(a->words[2], "volatile")) return refuse_record(err, a, "unknown option");
  return 0;
}

static const char *const mount_kinds[] = {[MOUNT_BIND] = "bind",     [MOUNT_PROC] = "proc",     [MOUNT_SYSFS] = "sysfs",
                                          [MOUNT_TMPFS] = "tmpfs",   [MOUNT_DEVPTS] = "devpts", [MOUNT_MQUEUE] = "mqueue",
                                          [MOUNT_CGROUP] = "cgroup", [MOUNT_SHM_OF] = "shm-of", [MOUNT_IMAGE] = "image"};

static int are_maps(const char *text) {
  struct id_maps maps = {0};
  return id_maps_parse(text, &maps, NULL) == 0;
}

int decode_mount(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  enum { TYPE, SOURCE, DESTINATION, OPTIONS };
  struct mount_spec *mount = item;
  size_t kind = 0, count = sizeof mount_kinds / sizeof *mount_kinds;
  while (kind < count && strcmp(a->words[TYPE], mount_kinds[kind])) kind++;
  if (kind == count) return refuse_record(err, a, "unknown type");
  *mount = (struct mount_spec){
      .kind = (enum mount_kind) kind, .type = a->words[TYPE], .source = a->words[SOURCE], .destination = a->words[DESTINATION]};
  /* Each mount's words follow those of the one before; make_room() has counted them. */
  const struct mount_spec *before = mount > spec->mounts.items ? mount - 1 : NULL;
  const char **data = before ? before->data : spec->words;
  if (before) {
    while (*data++) {}
  }
  mount->data = data;
  for (int i = OPTIONS; i < a->count; i++) {
    if (!strncmp(a->words[i], "subpath=", 8))
      mount->subpath = a->words[i] + 8;
    else if (!mount_option(a->words[i], &mount->options))
      *data++ = a->words[i];
  }
  if (mount->options.id_maps && !are_maps(mount->options.id_maps)) return refuse_record(err, a, "maps of ids");
  /* A bind has no filesystem that would take them. */
  if (mount->kind == MOUNT_BIND && mount->data[0])
    return fail(err, "launch", EINVAL, "mount record: options of the bind to %s", mount->destination);
  return 0;
}

int decode_device(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  enum { PATH, TYPE, MAJOR, MINOR, MODE, UID, GID };
  static const struct {
    char name;
    mode_t type;
  } types[] = {{'c', S_IFCHR}, {'u', S_IFCHR}, {'b', S_IFBLK}, {'p', S_IFIFO}};
  struct device_spec *device = item;
  long long major, minor, uid, gid;
  char *end;
  unsigned long mode = strtoul(a->words[MODE], &end, 8);
  if (*end || end == a->words[MODE] || mode > 07777) return refuse_record(err, a, "mode");
  if (parse_number(a->words[MAJOR], &major) < 0 || parse_number(a->words[MINOR], &minor) < 0 ||
      parse_number(a->words[UID], &uid) < 0 || parse_number(a->words[GID], &gid) < 0)
    return refuse_record(err, a, "a number");
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (types[i].name != a->words[TYPE][0] || a->words[TYPE][1]) continue;
    *device = (struct device_spec){.path = a->words[PATH],
                                   .mode = types[i].type | (mode_t) mode,
                                   .uid = (uid_t) uid,
                                   .gid = (gid_t) gid,
                                   .number = makedev((unsigned) major, (unsigned) minor)};
    return 0;
  }
  return refuse_record(err, a, "unknown type");
}

int decode_link(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  if (strncmp(a->words[0], "/dev/", 5) || strchr(a->words[0] + 5, '/')) return refuse_record(err, a, "not right under /dev");
  return decode_pair(spec, item, a, err);
}

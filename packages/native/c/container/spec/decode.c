#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "container/spec/records.h"

#define LIST(member) \
  .list = offsetof(struct container_spec, member), .item = sizeof *((struct container_spec *) 0)->member.items
#define WORD(member) .word = offsetof(struct container_spec, member)
#define FLAG(member) .flag = offsetof(struct container_spec, member)

const struct record_kind record_kinds[] = {
    {"id", 1, 1, .exec = 1, WORD(id)},
    {"namespace", 1, 2, LIST(namespaces), .decode = decode_namespace},
    {"uid-map", 3, 3, .decode = decode_uid_map},
    {"gid-map", 3, 3, .decode = decode_gid_map},
    {"lower", 2, -1, LIST(layers), .decode = decode_layer},
    {"image-lower", 3, -1, LIST(image_layers), .decode = decode_layer},
    {"overlay", 2, 3, .decode = decode_overlay},
    {"init-mount-points", 0, 0, FLAG(init_mount_points)},
    {"root-readonly", 0, 0, FLAG(root_readonly)},
    {"mount", 3, -1, LIST(mounts), .decode = decode_mount},
    {"device", 7, 7, LIST(devices), .decode = decode_device},
    {"link", 2, 2, LIST(links), .decode = decode_link},
    {"mask", 1, 1, LIST(masks), .decode = decode_word},
    {"readonly", 1, 1, LIST(readonly), .decode = decode_word},
    {"hostname", 1, 1, WORD(hostname)},
    {"domainname", 1, 1, WORD(domainname)},
    {"sysctl", 2, 2, LIST(sysctls), .decode = decode_pair},
    {"cgroup", 3, 3, .exec = 1, LIST(cgroups), .decode = decode_cgroup},
    {"cgroup-owner", 1, 1, WORD(cgroup_owner)},
    {"cgroup-write", 3, 3, LIST(cgroup_writes), .decode = decode_cgroup_write},
    {"device-rule", 4, 4, LIST(device_rules), .decode = decode_device_rule},
    {"init", 0, 0, FLAG(init)},
    {"console-size", 2, 2, .exec = 1, .decode = decode_console_size},
    {"rlimit", 3, 3, .exec = 1, LIST(rlimits), .decode = decode_rlimit},
    {"oom-score-adj", 1, 1, .exec = 1, .decode = decode_oom_score},
    {"no-new-privileges", 0, 0, .exec = 1, FLAG(no_new_privileges)},
    {"caps", 5, 5, .exec = 1, .decode = decode_caps},
    {"seccomp", 1, 3, .exec = 1, .decode = decode_seccomp},
    {"apparmor", 1, 1, .exec = 1, WORD(apparmor)},
    {"selinux", 1, 1, .exec = 1, WORD(selinux)},
    {"user", 1, 1, .exec = 1, WORD(user)},
    {"group", 1, 1, .exec = 1, LIST(groups), .decode = decode_word},
    {"groups-policy", 1, 1, .exec = 1, .decode = decode_groups_policy},
    {"cwd", 1, 2, .exec = 1, .decode = decode_cwd},
    {"runtime", 3, -1, .decode = decode_runtime},
    {"restore", 2, 2, .decode = decode_restore},
    {"config", 2, 2, .exec = 1, .decode = decode_config},
    {"env", 0, -1, .exec = 1, .decode = decode_env},
    {"arg", 0, -1, .exec = 1, .decode = decode_arg},
};
const size_t record_kind_count = sizeof record_kinds / sizeof *record_kinds;

/* All lists have this layout. */
struct any_list {
  size_t count;
  void *items;
};

int refuse_record(struct error *err, const struct arguments *arguments, const char *reason) {
  return fail(err, "launch", EINVAL, "%s record: %s", arguments->record, reason);
}

static const struct record_kind *find_kind(const char *name) {
  for (size_t i = 0; i < record_kind_count; i++) {
    if (!strcmp(record_kinds[i].name, name)) return &record_kinds[i];
  }
  return NULL;
}

static struct any_list *list_of(struct container_spec *spec, const struct record_kind *kind) {
  return (struct any_list *) ((char *) spec + kind->list);
}

/* Counts what the lists have to hold and makes room for it. The words of mounts' options are in one block, for at most each
   has its NULL. */
static int make_room(struct container_spec *spec, const struct launch *launch, struct error *err) {
  size_t counts[sizeof record_kinds / sizeof *record_kinds] = {0}, env = 0, args = 0, options = 0;
  for (const struct launch_record *r = launch->records; r < launch->records + launch->count; r++) {
    const struct record_kind *kind = find_kind(r->argv[0]);
    if (!kind) return fail(err, "launch", EINVAL, "unknown record %s", r->argv[0]);
    counts[kind - record_kinds]++;
    if (kind->decode == decode_env)
      env += (size_t) r->argc;
    else if (kind->decode == decode_arg)
      args += (size_t) r->argc;
    else if (kind->decode == decode_mount)
      options += (size_t) r->argc;
  }
  for (size_t i = 0; i < record_kind_count; i++) {
    if (!record_kinds[i].item || !counts[i]) continue;
    if (!(list_of(spec, &record_kinds[i])->items = calloc(counts[i], record_kinds[i].item)))
      return fail(err, "launch", ENOMEM, "%s records", record_kinds[i].name);
  }
  spec->env.words = calloc(env + 2, sizeof *spec->env.words);
  spec->args.words = calloc(args + 2, sizeof *spec->args.words);
  spec->words = calloc(options + 1, sizeof(char *));
  return spec->env.words && spec->args.words && spec->words ? 0 : fail(err, "launch", ENOMEM, "launch records");
}

static int decode_one(struct container_spec *spec, const struct launch_record *r, enum spec_for what, struct error *err) {
  const struct record_kind *kind = find_kind(r->argv[0]);
  struct arguments arguments = {.record = r->argv[0], .words = r->argv + 1, .count = r->argc - 1};
  if (what == SPEC_FOR_EXEC && !kind->exec) return refuse_record(err, &arguments, "not for an exec");
  if (what == SPEC_FOR_MOUNT && kind->decode != decode_mount) return refuse_record(err, &arguments, "no mount");
  if (arguments.count < kind->least || (kind->most >= 0 && arguments.count > kind->most))
    return fail(err, "launch", EINVAL, "%s record of %d arguments", arguments.record, arguments.count);
  if (kind->word) *(const char **) ((char *) spec + kind->word) = arguments.words[0];
  if (kind->flag) *(int *) ((char *) spec + kind->flag) = 1;
  if (!kind->decode) return 0;
  void *item = NULL;
  if (kind->item) {
    struct any_list *list = list_of(spec, kind);
    item = (char *) list->items + kind->item * list->count++;
  }
  return kind->decode(spec, item, &arguments, err);
}

/* Refuses a launch that lacks a record without which nothing can start. */
static int check_whole(const struct container_spec *spec, enum spec_for what, struct error *err) {
  if (what == SPEC_FOR_MOUNT) return 0;
  if (spec->runtime && !spec->config_head) return fail(err, "launch", EINVAL, "runtime record without a config record");
  if (spec->restore_image && !spec->runtime) return fail(err, "launch", EINVAL, "restore record without a runtime record");
  if (!spec->args.count && !spec->config_head) return fail(err, "launch", EINVAL, "no arg record");
  if (what == SPEC_FOR_EXEC) return 0;
  if (!spec->upper) return fail(err, "launch", EINVAL, "no overlay record");
  if (!spec->layers.count) return fail(err, "launch", EINVAL, "no lower record");
  for (size_t i = 0; i < spec->cgroups.count; i++) {
    if (spec->cgroups.items[i].version != spec->cgroups.items[0].version)
      return fail(err, "launch", EINVAL, "cgroup records of two versions");
  }
  return 0;
}

int spec_decode(const struct launch *launch, enum spec_for what, struct container_spec **out, struct error *err) {
  cleanup_spec struct container_spec *spec = calloc(1, sizeof *spec);
  *out = NULL;
  if (!spec) return fail(err, "launch", ENOMEM, "launch records");
  spec->id = "berth";
  spec->user = "";
  spec->cwd = "/";
  if (make_room(spec, launch, err) < 0) return -1;
  for (const struct launch_record *r = launch->records; r < launch->records + launch->count; r++) {
    if (decode_one(spec, r, what, err) < 0) return -1;
  }
  if (check_whole(spec, what, err) < 0) return -1;
  *out = spec;
  spec = NULL;
  return 0;
}

void spec_free(struct container_spec *spec) {
  if (!spec) return;
  for (size_t i = 0; i < record_kind_count; i++) {
    if (record_kinds[i].item) free(list_of(spec, &record_kinds[i])->items);
  }
  free(spec->env.words);
  free(spec->args.words);
  free(spec->words);
  free(spec);
}

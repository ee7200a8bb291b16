/* The table of launch records, and what its handlers share. */
#ifndef BERTH_CONTAINER_SPEC_RECORDS_H
#define BERTH_CONTAINER_SPEC_RECORDS_H

#include "container/spec/spec.h"

/* A record under way: its arguments without its name. */
struct arguments {
  const char *record;
  const char **words; /* `count` strings, then NULL */
  int count;
};

/* Decodes one record. `item`: a zeroed item of the record's list, or NULL where it has none. */
typedef int decode_record(struct container_spec *spec, void *item, const struct arguments *arguments, struct error *err);

/* One kind of record. Records that are only a word or a flag of the spec need no function. */
struct record_kind {
  const char *name;
  int least, most;   /* arguments; most -1: any number */
  int exec;          /* may stand in an exec's launch */
  size_t list, item; /* the list's offset in the spec and the size of its items; item 0: no list */
  size_t word, flag; /* offset of a `const char *` that becomes the first argument, or of an int that becomes 1; or 0 */
  decode_record *decode;
};

extern const struct record_kind record_kinds[];
extern const size_t record_kind_count;

/* Fails with stage "launch" and words of the record's name. Returns -1. */
int refuse_record(struct error *err, const struct arguments *arguments, const char *reason);

/* root.c, process.c, cgroup.c in this directory: one for each record with more than a word. */
decode_record decode_namespace, decode_uid_map, decode_gid_map, decode_layer, decode_overlay, decode_mount, decode_device,
    decode_link, decode_pair, decode_word;
decode_record decode_cgroup, decode_cgroup_write, decode_device_rule;
decode_record decode_console_size, decode_rlimit, decode_oom_score, decode_caps, decode_seccomp, decode_groups_policy,
    decode_cwd, decode_env, decode_arg;
decode_record decode_runtime, decode_restore, decode_config;

#endif

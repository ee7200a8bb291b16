/* Records of a process: its limits, rights, user, directory, environment and arguments; or another runtime's words for them. */
#include <limits.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "container/spec/records.h"

int decode_console_size(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  long long rows, columns;
  if (parse_number(a->words[0], &rows) < 0 || parse_number(a->words[1], &columns) < 0) return refuse_record(err, a, "a number");
  spec->rows = (unsigned short) rows;
  spec->columns = (unsigned short) columns;
  return 0;
}

static const struct {
  const char *name;
  int resource;
} limits[] = {{"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
              {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
              {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
              {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
              {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
              {"stack", RLIMIT_STACK}};

int decode_rlimit(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  struct rlimit_spec *limit = item;
  long long soft, hard;
  if (parse_number(a->words[1], &soft) < 0 || parse_number(a->words[2], &hard) < 0) return refuse_record(err, a, "a number");
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    if (strcmp(limits[i].name, a->words[0])) continue;
    limit->resource = limits[i].resource;
    limit->limit.rlim_cur = soft < 0 ? RLIM_INFINITY : (rlim_t) soft;
    limit->limit.rlim_max = hard < 0 ? RLIM_INFINITY : (rlim_t) hard;
    return 0;
  }
  return fail(err, "launch", EINVAL, "rlimit record: unknown limit %s", a->words[0]);
}

int decode_oom_score(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  long long score;
  if (parse_number(a->words[0], &score) < 0) return refuse_record(err, a, "a number");
  spec->oom_score_adj = a->words[0];
  return 0;
}

int decode_caps(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  struct caps *caps = &spec->caps;
  uint64_t *sets[] = {&caps->bounding, &caps->effective, &caps->permitted, &caps->inheritable, &caps->ambient};
  for (int i = 0; i < 5; i++) {
    char *end;
    *sets[i] = strtoull(a->words[i], &end, 16);
    if (*end || end == a->words[i]) return refuse_record(err, a, "a mask");
  }
  return 0;
}

int decode_groups_policy(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  spec->groups_merge = !strcmp(a->words[0], "merge");
  spec->groups_strict = !strcmp(a->words[0], "strict");
  return spec->groups_merge || spec->groups_strict ? 0 : refuse_record(err, a, "unknown policy");
}

int decode_seccomp(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  spec->seccomp = a->words[0];
  for (int i = 1; i < a->count; i++) {
    if (!strcmp(a->words[i], "log"))
      spec->seccomp_flags |= SECCOMP_FILTER_FLAG_LOG;
    else if (!strcmp(a->words[i], "spec-allow"))
      spec->seccomp_flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    else
      return fail(err, "launch", EINVAL, "seccomp record: unknown flag %s", a->words[i]);
  }
  return 0;
}

int decode_cwd(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  spec->cwd = a->words[0];
  spec->create_cwd = a->count == 2;
  return spec->create_cwd && strcmp(a->words[1], "create") ? refuse_record(err, a, "unknown option") : 0;
}

static int add_words(struct words_spec *list, const struct arguments *a) {
  for (int i = 0; i < a->count; i++) list->words[list->count++] = (char *) a->words[i];
  return 0;
}

int decode_env(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  return add_words(&spec->env, a);
}

int decode_arg(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  return add_words(&spec->args, a);
}

int decode_runtime(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  for (int i = 0; i < 3; i++) {
    if (a->words[i][0] != '/') return refuse_record(err, a, "not an absolute path");
  }
  spec->runtime = (const char *const *) a->words;
  return 0;
}

int decode_restore(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  if (a->words[0][0] != '/' || a->words[1][0] != '/') return refuse_record(err, a, "not an absolute path");
  spec->restore_image = a->words[0];
  spec->restore_work = a->words[1];
  return 0;
}

int decode_config(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  spec->config_head = a->words[0];
  spec->config_tail = a->words[1];
  return 0;
}

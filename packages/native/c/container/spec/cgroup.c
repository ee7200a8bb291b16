/* Records of a container's cgroups. */
#include <limits.h>
#include <linux/bpf.h>
#include <string.h>

#include "container/cgroup/cgroup.h"
#include "container/spec/records.h"

int decode_cgroup(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  struct cgroup_spec *cgroup = item;
  long long version;
  if (parse_number(a->words[0], &version) < 0 || (version != 1 && version != 2))
    return refuse_record(err, a, "unknown version");
  if (spec->cgroups.count > CGROUP_MAX) return refuse_record(err, a, "too many");
  if (strlen(a->words[1]) >= CGROUP_NAME_MAX) return refuse_record(err, a, "name too long");
  *cgroup = (struct cgroup_spec){.version = (int) version, .name = a->words[1], .path = a->words[2]};
  return 0;
}

int decode_cgroup_write(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  if (strchr(a->words[1], '/')) return refuse_record(err, a, "a path in the place of a file");
  *(struct cgroup_write_spec *) item = (struct cgroup_write_spec){
      .name = a->words[0], .file = a->words[1], .value = a->words[2]};
  return 0;
}

static int device_number(const char *text, long *out) {
  long long n;
  *out = -1;
  if (!strcmp(text, "*")) return 0;
  if (parse_number(text, &n) < 0 || n < 0 || n > INT_MAX) return -1;
  *out = (long) n;
  return 0;
}

int decode_device_rule(struct container_spec *spec, void *item, const struct arguments *a, struct error *err) {
  enum { TYPE, MAJOR, MINOR, ACCESS };
  struct device_rule *rule = item;
  if (strlen(a->words[TYPE]) != 1 || !strchr("abc", a->words[TYPE][0])) return refuse_record(err, a, "unknown type");
  if (device_number(a->words[MAJOR], &rule->major) < 0 || device_number(a->words[MINOR], &rule->minor) < 0)
    return refuse_record(err, a, "a number");
  rule->type = a->words[TYPE][0];
  for (const char *c = a->words[ACCESS]; *c; c++) {
    if (*c == 'r')
      rule->access |= BPF_DEVCG_ACC_READ;
    else if (*c == 'w')
      rule->access |= BPF_DEVCG_ACC_WRITE;
    else if (*c == 'm')
      rule->access |= BPF_DEVCG_ACC_MKNOD;
    else
      return refuse_record(err, a, "unknown access");
  }
  return 0;
}

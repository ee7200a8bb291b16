/* The device rules of a container: devices.allow in v1, a BPF program of our own in v2. */
#include <limits.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "container/cgroup/cgroup.h"
#include "container/internal.h"

static int write_v1(int dir, const char *file, const char *text, struct error *err) {
  cleanup_close int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) return fail(err, "cgroup", errno, "write \"%s\" to %s", text, file);
  return 0;
}

static int apply_v1(int dir, const struct device_rule *rules, size_t count, struct error *err) {
  if (write_v1(dir, "devices.deny", "a", err) < 0) return -1;
  cleanup_close int allow = openat(dir, "devices.allow", O_WRONLY | O_CLOEXEC);
  if (allow < 0) return fail(err, "cgroup", errno, "devices.allow");
  for (size_t i = 0; i < count; i++) {
    char text[96], major[24] = "*", minor[24] = "*";
    if (rules[i].major >= 0) snprintf(major, sizeof major, "%ld", rules[i].major);
    if (rules[i].minor >= 0) snprintf(minor, sizeof minor, "%ld", rules[i].minor);
    int n = snprintf(text, sizeof text, "%c %s:%s %s%s%s", rules[i].type, major, minor,
                     rules[i].access & BPF_DEVCG_ACC_READ ? "r" : "", rules[i].access & BPF_DEVCG_ACC_WRITE ? "w" : "",
                     rules[i].access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
    if (write(allow, text, (size_t) n) < 0) return fail(err, "cgroup", errno, "allow device %s", text);
  }
  return 0;
}

#define INSN(c, d, s, o, i) ((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})

/* r2 type, r3 access, r4 major, r5 minor of the request; a rule that covers it wholly lets it through. */
static size_t emit(const struct device_rule *rules, size_t count, struct bpf_insn *out) {
  size_t n = 0;
  out[n++] = INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
  out[n++] = INSN(BPF_ALU | BPF_MOV | BPF_X, 3, 2, 0, 0);
  out[n++] = INSN(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
  out[n++] = INSN(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16);
  out[n++] = INSN(BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0);
  out[n++] = INSN(BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0);
  for (size_t i = 0; i < count; i++) {
    const struct device_rule *r = &rules[i];
    size_t jumps[4], jump_count = 0;
    if (r->type != 'a') {
      jumps[jump_count++] = n;
      out[n++] = INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 0, r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    }
    out[n++] = INSN(BPF_ALU | BPF_MOV | BPF_X, 1, 3, 0, 0);
    out[n++] = INSN(BPF_ALU | BPF_AND | BPF_K, 1, 0, 0, (int) (~r->access & 7));
    jumps[jump_count++] = n;
    out[n++] = INSN(BPF_JMP | BPF_JNE | BPF_K, 1, 0, 0, 0);
    if (r->major >= 0) {
      jumps[jump_count++] = n;
      out[n++] = INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 0, (int) r->major);
    }
    if (r->minor >= 0) {
      jumps[jump_count++] = n;
      out[n++] = INSN(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 0, (int) r->minor);
    }
    out[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
    out[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    for (size_t j = 0; j < jump_count; j++) out[jumps[j]].off = (short) (n - jumps[j] - 1);
  }
  out[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
  out[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  return n;
}

static int apply_v2(int dir, const struct device_rule *rules, size_t count, struct error *err) {
  cleanup_free struct bpf_insn *code = calloc(8 + count * 10, sizeof *code);
  if (!code) return fail(err, "cgroup", ENOMEM, "device program");
  static const char license[] = "Apache-2.0";
  union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                         .insns = (uint64_t) (uintptr_t) code,
                         .insn_cnt = (unsigned) emit(rules, count, code),
                         .license = (uint64_t) (uintptr_t) license};
  cleanup_close int program = (int) syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
  if (program < 0) return fail(err, "cgroup", errno, "load the device program");
  /* bpf(2) wants a real fd of the directory, not one opened with O_PATH. */
  cleanup_close int directory = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  union bpf_attr attach = {.target_fd = (unsigned) directory,
                           .attach_bpf_fd = (unsigned) program,
                           .attach_type = BPF_CGROUP_DEVICE,
                           .attach_flags = BPF_F_ALLOW_MULTI};
  if (directory < 0 || syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) < 0)
    return fail(err, "cgroup", errno, "attach the device program");
  return 0;
}

int cgroup_devices_prepare(const struct container_spec *spec, const struct cgroup *cgroup, struct error *err) {
  const struct device_rule *rules = spec->device_rules.items;
  size_t count = spec->device_rules.count;
  if (!count) return 0;
  const struct cgroup_directory *directory = cgroup_controller(cgroup, "devices");
  if (!directory) return fail(err, "launch", EINVAL, "device-rule record: no devices cgroup");
  return cgroup->version == 2 ? apply_v2(directory->dir, rules, count, err) : apply_v1(directory->dir, rules, count, err);
}

/* Loading of a filter that the daemon compiled. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "container/late_clone.h"
#include "container/process/process.h"

int seccomp_read(const struct container_spec *spec, struct child *child, struct error *err) {
  child->seccomp = NULL;
  child->seccomp_size = 0;
  if (!spec->seccomp) return 0;
  cleanup_close int fd = open(spec->seccomp, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) return fail(err, "seccomp", errno, "%s", spec->seccomp);
  if (st.st_size <= 0 || st.st_size % (off_t) sizeof(struct sock_filter) ||
      st.st_size > BPF_MAXINSNS * (off_t) sizeof(struct sock_filter))
    return fail(err, "seccomp", EINVAL, "%s is not a filter", spec->seccomp);
  cleanup_free void *filter = malloc((size_t) st.st_size);
  if (!filter || read(fd, filter, (size_t) st.st_size) != st.st_size)
    return fail(err, "seccomp", errno ? errno : EIO, "%s", spec->seccomp);
  child->seccomp_size = (int) (st.st_size / (off_t) sizeof(struct sock_filter));
  child->seccomp = filter;
  filter = NULL;
  return 0;
}

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#else
#error "name the audit architecture of this machine here"
#endif

#define LOAD(offset) ((struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t) (offset)))
#define EQUAL(value, yes, no) \
  ((struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) (value), (uint8_t) (yes), (uint8_t) (no)))
#define ARGUMENT(i) (offsetof(struct seccomp_data, args) + 8 * (size_t) (i) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))
#define ARGUMENT_HIGH(i) (ARGUMENT(i) ^ 4)

/* Instructions before the filter: calls of late_clone.c that have the key pass. The number is looked at before any argument, so
   that the kernel still finds that the filter always allows the others. Returns how many there are. */
static size_t put_passes(struct sock_filter *at, uint64_t key) {
  size_t checks = 0, n = 0;
  for (int i = 0; i < late_clone_pass_count; i++) checks += late_clone_passes[i].argument < 0 ? 1 : 3;
  size_t check_key = 3 + checks, end = check_key + 5;
  at[n++] = LOAD(offsetof(struct seccomp_data, arch));
  at[n] = EQUAL(NATIVE_ARCH, 0, end - n - 1), n++;
  at[n++] = LOAD(offsetof(struct seccomp_data, nr));
  for (int i = 0; i < late_clone_pass_count; i++) {
    const struct late_clone_pass *pass = &late_clone_passes[i];
    if (pass->argument < 0) {
      at[n] = EQUAL(pass->number, check_key - n - 1, 0), n++;
      continue;
    }
    at[n++] = EQUAL(pass->number, 0, 2);
    at[n++] = LOAD(ARGUMENT(pass->argument));
    at[n] = EQUAL(pass->value, check_key - n - 1, end - n - 1), n++;
  }
  at[n++] = LOAD(ARGUMENT(5));
  at[n] = EQUAL((uint32_t) key, 0, end - n - 1), n++;
  at[n++] = LOAD(ARGUMENT_HIGH(5));
  at[n] = EQUAL((uint32_t) (key >> 32), 0, end - n - 1), n++;
  at[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  return n;
}

int seccomp_load(const struct child *child, uint64_t key, struct error *err) {
  if (!child->seccomp_size) return 0;
  enum { room = 64 };
  size_t own = (size_t) child->seccomp_size;
  cleanup_free struct sock_filter *filter = malloc((own + room) * sizeof *filter);
  if (!filter) return fail(err, "seccomp", ENOMEM, "filter");
  size_t before = key ? put_passes(filter, key) : 0;
  memcpy(filter + before, child->seccomp, own * sizeof *filter);
  if (own + before > BPF_MAXINSNS) return fail(err, "seccomp", E2BIG, "a filter of %zu instructions", own);
  struct sock_fprog program = {.len = (unsigned short) (own + before), .filter = filter};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, child->spec->seccomp_flags, &program) < 0)
    return fail(err, "seccomp", errno, "load the filter");
  return 0;
}

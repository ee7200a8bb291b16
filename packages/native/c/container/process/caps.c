#include "container/process/caps.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int caps_bound(const struct caps *caps, struct error *err) {
  for (int cap = 0; cap < 64; cap++) {
    if (caps->bounding & (1ULL << cap)) continue;
    if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
      if (errno == EINVAL) return 0; /* past the last one that the kernel knows */
      return fail(err, "caps", errno, "bounding set");
    }
  }
  return 0;
}

int caps_limit(const struct caps *caps, uint64_t key, struct error *err) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++) {
    data[i].effective = (uint32_t) (caps->effective >> (32 * i));
    data[i].permitted = (uint32_t) (caps->permitted >> (32 * i));
    data[i].inheritable = (uint32_t) (caps->inheritable >> (32 * i));
  }
  if (syscall(SYS_capset, &header, data, 0, 0, 0, key) < 0) return fail(err, "caps", errno, "capset");
  return 0;
}

int caps_set(const struct caps *caps, struct error *err) {
  if (caps_limit(caps, 0, err) < 0) return -1;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return fail(err, "caps", errno, "ambient set");
  for (int cap = 0; cap < 64; cap++) {
    if ((caps->ambient & (1ULL << cap)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
      return fail(err, "caps", errno, "ambient capability %d", cap);
  }
  return 0;
}

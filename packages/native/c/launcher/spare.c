#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/namespaces/namespaces.h"
#include "launcher/launcher.h"

/* Milliseconds between a fork and the making of the next spare namespace. A short container is through by then; its messages
   would wait for the making. */
enum { pause_ms = 25 };

/* Not namespaces_own(): what that remembers would be stale in a forked supervisor, where this descriptor is closed. */
static int own_netns = -1;
static int timer;

static void make(void *data) {
  timer = 0;
  if (namespaces_spare_net >= 0) return;
  if (own_netns < 0 && (own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) < 0) return;
  if (unshare(CLONE_NEWNET) < 0) return; /* the next start makes its own and tells the reason */
  struct error err;
  int made = loopback_up(&err) == 0 ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -1;
  if (setns(own_netns, CLONE_NEWNET) < 0) abort(); /* never go on in a namespace that is a container's */
  namespaces_spare_net = made;
}

void spare_schedule(void) {
  if (!timer) timer = loop_timer(launcher.loop, pause_ms, make, NULL);
}

int spare_wanted(const struct launch *launch) {
  const struct launch_record *record;
  int wanted = 0;
  for (size_t at = 0; (record = launch_next(launch, "namespace", &at));) {
    struct namespace_request asked;
    struct error err;
    if (namespace_decode(record, &asked, &err) < 0 || asked.kind == NS_USER) return 0;
    wanted |= asked.kind == NS_NET && !asked.path;
  }
  return wanted;
}

void spare_taken(void) {
  if (namespaces_spare_net >= 0) close(namespaces_spare_net);
  namespaces_spare_net = -1;
  spare_schedule();
}

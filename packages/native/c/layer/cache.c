#include "layer/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/passfd.h"
#include "base/sys.h"

enum {
  kept_max = 256,
  kept_fd = 512, /* kept mounts have fds from here up: a supervisor closes what lies below in one call */
  key_max = 8192,
};

struct kept {
  char *key;
  int fd, watch;
  unsigned used; /* by `clock` */
};

static struct kept kept[kept_max];
static int count;
static unsigned clock_;

/* Supervisors send at one end, the launcher receives at the other. */
static int offers = -1;
static struct source offered = {.fd = -1}, changed = {.fd = -1};

int overlay_takes_detached(void) {
  static int known; /* 1 no, 2 yes */
  struct utsname system;
  int major, minor;
  if (!known && getenv("BERTH_STAGED_OVERLAY")) /* a test's switch: as an older kernel */
    known = 1;
  if (!known)
    known = 1 + (uname(&system) < 0 || sscanf(system.release, "%d.%d", &major, &minor) != 2 || major > 6 ||
                 (major == 6 && minor >= 15));
  return known == 2;
}

/* The image's path, then those of its blobs. Returns its length, or 0 when it is too long to be kept. */
static size_t make_key(char key[key_max], const char *image, const char *const *blobs) {
  size_t length = (size_t) snprintf(key, key_max, "%s", image);
  for (; *blobs && length < key_max; blobs++) length += (size_t) snprintf(key + length, key_max - length, "\n%s", *blobs);
  return length < key_max ? length : 0;
}

static struct kept *find(const char *key) {
  for (int i = 0; i < count; i++) {
    if (!strcmp(kept[i].key, key)) return &kept[i];
  }
  return NULL;
}

static void drop(struct kept *entry) {
  inotify_rm_watch(changed.fd, entry->watch);
  close(entry->fd);
  free(entry->key);
  *entry = kept[--count];
}

static void make_room(void) {
  if (count < kept_max) return;
  struct kept *oldest = kept;
  for (int i = 1; i < count; i++) {
    if (kept[i].used < oldest->used) oldest = &kept[i];
  }
  drop(oldest);
}

/* Keeps a mount until its image's file is unlinked: a layer that is removed gives its disk space back. */
static void insert(const char *key, int mount) {
  cleanup_free char *image = strndup(key, strcspn(key, "\n"));
  if (!image || find(key)) return;
  make_room();
  struct kept entry = {.key = strdup(key), .fd = fcntl(mount, F_DUPFD_CLOEXEC, kept_fd), .used = ++clock_};
  entry.watch = inotify_add_watch(changed.fd, image, IN_ATTRIB | IN_DELETE_SELF);
  if (entry.key && entry.fd >= 0 && entry.watch >= 0) {
    kept[count++] = entry;
    return;
  }
  free(entry.key);
  if (entry.fd >= 0) close(entry.fd);
  if (entry.watch >= 0) inotify_rm_watch(changed.fd, entry.watch);
}

static void offered_ready(struct source *source, uint32_t events) {
  char key[key_max];
  int mount;
  ssize_t n;
  while ((n = receive_fd(offered.fd, key, key_max - 1, &mount, MSG_DONTWAIT)) > 0) {
    if (mount < 0) continue;
    key[n] = 0;
    insert(key, mount);
    close(mount);
  }
}

static void changed_ready(struct source *source, uint32_t events) {
  _Alignas(struct inotify_event) char bytes[4096];
  ssize_t n;
  while ((n = read(source->fd, bytes, sizeof bytes)) > 0) {
    for (char *at = bytes; at < bytes + n;) {
      const struct inotify_event *event = (const struct inotify_event *) at;
      at += sizeof *event + event->len;
      for (int i = count - 1; i >= 0; i--) {
        if (kept[i].watch == event->wd || (event->mask & IN_Q_OVERFLOW)) drop(&kept[i]);
      }
    }
  }
}

void layer_cache_serve(struct loop *loop) {
  int pair[2];
  if (!overlay_takes_detached() || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return;
  offers = pair[1];
  offered = (struct source){.fd = pair[0], .ready = offered_ready};
  changed = (struct source){.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .ready = changed_ready};
  if (changed.fd < 0 || loop_add(loop, &offered, EPOLLIN) < 0 || loop_add(loop, &changed, EPOLLIN) < 0) {
    close(pair[0]);
    close(steal_fd(&offers));
  }
}

void layer_cache_inherit(unsigned first) {
  int to = offers < 0 ? -1 : fcntl(offers, F_DUPFD_CLOEXEC, kept_fd);
  sys_close_range(first, kept_fd - 1, 0);
  offers = to;
  if (to < 0) layer_cache_leave();
}

int layer_cache_take(const char *image, const char *const *blobs) {
  char key[key_max];
  if (offers < 0 || !make_key(key, image, blobs)) return -1;
  struct kept *entry = find(key);
  return entry ? steal_fd(&entry->fd) : -1;
}

void layer_cache_offer(const char *image, const char *const *blobs, int mount) {
  char key[key_max];
  size_t length = offers < 0 ? 0 : make_key(key, image, blobs);
  /* A socket whose buffer is full is no failure: the next start makes the same offer. */
  if (length) pass_fd(offers, key, length, mount, MSG_DONTWAIT);
}

void layer_cache_leave(void) {
  offers = -1;
  count = 0;
  sys_close_range(kept_fd, ~0U, 0);
}

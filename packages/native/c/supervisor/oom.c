/* The record `oom-watch`: watches the container's memory cgroup, so that the daemon hears of the OOM killer while the
   container lives on: often it takes a child, not the first process. Without the record, only the end is looked at. */
#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "supervisor/core.h"

enum {
  first_ms = 20, /* v1 tells before the kill, so the counter is looked at again, after twice the time each time */
  last_ms = 640,
};

static struct {
  struct supervisor *supervisor;
  struct source source;
  int timer, wait; /* the next look, and how long it was put off */
} watch;

static void end_watch(struct supervisor *supervisor) {
  if (!watch.supervisor) return;
  if (watch.timer) loop_cancel(supervisor->loop, watch.timer);
  loop_remove(supervisor->loop, &watch.source);
  close(watch.source.fd);
  watch.supervisor = NULL;
  watch.timer = 0;
}

static void look(void *data);

static void look_in(struct supervisor *supervisor, int ms) {
  if (watch.timer) loop_cancel(supervisor->loop, watch.timer);
  watch.wait = ms;
  watch.timer = loop_timer(supervisor->loop, ms, look, supervisor);
}

static void look(void *data) {
  struct supervisor *supervisor = data;
  watch.timer = 0;
  supervisor_oom(supervisor);
  if (watch.wait < last_ms) look_in(supervisor, watch.wait * 2);
}

static void notified(struct source *source, uint32_t events) {
  char text[512];
  /* Reading resets the notification. The file of a cgroup that is gone would be ready for ever. */
  ssize_t n = source->events & EPOLLPRI ? pread(source->fd, text, sizeof text, 0) : read(source->fd, text, sizeof(uint64_t));
  if (n < 0 && errno != EAGAIN) {
    end_watch(watch.supervisor);
    return;
  }
  container_oom_told(watch.supervisor->container);
  /* Not more often than this: a container in which something is killed all the time is no load. */
  if (!watch.timer) supervisor_oom(watch.supervisor);
  if (!watch.timer || watch.wait > first_ms) look_in(watch.supervisor, first_ms);
}

/* Without a memory controller there is nothing to watch, and nothing wrong. */
static int begin_watch(struct supervisor *supervisor, const struct launch_record *record, struct error *err) {
  int counter;
  if (watch.supervisor) return 0;
  int fd = container_oom_fd(supervisor->container, &counter);
  if (fd < 0) return 0;
  watch.source = (struct source){.fd = fd, .ready = notified};
  if (loop_add(supervisor->loop, &watch.source, counter ? EPOLLPRI : EPOLLIN) < 0) {
    close(fd);
    return 0;
  }
  watch.supervisor = supervisor;
  return 0;
}

static struct supervisor_plugin plugin = {
    .record = "oom-watch", .launch = begin_watch, .control = begin_watch, .stop = end_watch};

__attribute__((constructor)) static void register_plugin(void) {
  supervisor_register(&plugin);
}

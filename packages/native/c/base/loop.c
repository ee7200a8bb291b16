#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { batch = 16 };

struct timer {
  struct timer *next;
  int id;
  int64_t due; /* milliseconds of CLOCK_MONOTONIC */
  void (*fn)(void *);
  void *data;
};

struct loop {
  int epoll, stopped, last_id;
  struct timer *timers; /* sorted by due */
  struct epoll_event ready[batch];
  int ready_count, ready_at;
};

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct loop *loop_new(void) {
  struct loop *loop = calloc(1, sizeof *loop);
  if (!loop) return NULL;
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (loop->epoll < 0) {
    free(loop);
    return NULL;
  }
  return loop;
}

int loop_add(struct loop *loop, struct source *source, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0) return -1;
  source->events = events;
  return 0;
}

int loop_change(struct loop *loop, struct source *source, uint32_t events) {
  if (source->events == events) return 0;
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event) < 0) return -1;
  source->events = events;
  return 0;
}

void loop_remove(struct loop *loop, struct source *source) {
  epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
  /* The batch being worked through may still name the source, whose owner is about to free it. */
  for (int i = loop->ready_at; i < loop->ready_count; i++) {
    if (loop->ready[i].data.ptr == source) loop->ready[i].data.ptr = NULL;
  }
}

int loop_timer(struct loop *loop, int ms, void (*fn)(void *), void *data) {
  struct timer *timer = malloc(sizeof *timer);
  if (!timer) return -1;
  *timer = (struct timer){.id = ++loop->last_id, .due = now_ms() + ms, .fn = fn, .data = data};
  struct timer **at = &loop->timers;
  while (*at && (*at)->due <= timer->due) at = &(*at)->next;
  timer->next = *at;
  *at = timer;
  return timer->id;
}

void loop_cancel(struct loop *loop, int id) {
  for (struct timer **at = &loop->timers; *at; at = &(*at)->next) {
    if ((*at)->id != id) continue;
    struct timer *gone = *at;
    *at = gone->next;
    free(gone);
    return;
  }
}

/* Runs what is due; returns the milliseconds until the next timer, or -1. */
static int run_timers(struct loop *loop) {
  while (loop->timers && !loop->stopped) {
    struct timer *timer = loop->timers;
    int64_t wait = timer->due - now_ms();
    if (wait > 0) return wait > 60000 ? 60000 : (int) wait;
    loop->timers = timer->next;
    void (*fn)(void *) = timer->fn;
    void *data = timer->data;
    free(timer);
    fn(data);
  }
  return -1;
}

int loop_run(struct loop *loop) {
  loop->stopped = 0;
  for (;;) {
    int wait = run_timers(loop);
    if (loop->stopped) return 0;
    int count = epoll_wait(loop->epoll, loop->ready, batch, wait);
    if (count < 0 && errno != EINTR) return -1;
    loop->ready_count = count < 0 ? 0 : count;
    for (loop->ready_at = 0; loop->ready_at < loop->ready_count && !loop->stopped;) {
      struct epoll_event *event = &loop->ready[loop->ready_at++];
      struct source *source = event->data.ptr;
      if (source) source->ready(source, event->events);
    }
    loop->ready_count = 0;
    if (loop->stopped) return 0;
  }
}

void loop_stop(struct loop *loop) {
  loop->stopped = 1;
}

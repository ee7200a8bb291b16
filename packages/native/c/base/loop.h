/* The supervisor's event loop: epoll with callbacks. One thread, nothing blocks. */
#ifndef BERTH_LOOP_H
#define BERTH_LOOP_H

#include <stdint.h>

struct loop;
struct source;
typedef void (*source_fn)(struct source *source, uint32_t events);

/* Embedded in whatever waits for an fd; the owner frees it after loop_remove. */
struct source {
  int fd;
  source_fn ready;
  uint32_t events; /* EPOLLIN, EPOLLOUT ... as last set */
};

/* A loop that watches nothing yet; it lives as long as its process. NULL with errno. */
struct loop *loop_new(void);
/* Calls `source->ready` whenever its descriptor is ready for `events` (level-triggered). Returns 0, or -1 with errno. */
int loop_add(struct loop *loop, struct source *source, uint32_t events);
/* Other events for a source that is in the loop; 0 still tells of errors and hang-ups (epoll_ctl(2)). Returns 0, or -1 with
   errno. */
int loop_change(struct loop *loop, struct source *source, uint32_t events);
void loop_remove(struct loop *loop, struct source *source); /* does not close the fd; safe inside callbacks */
/* Calls `fn(data)` once, `ms` milliseconds from now. Returns an id for loop_cancel. */
int loop_timer(struct loop *loop, int ms, void (*fn)(void *), void *data);
/* Forgets a timer; nothing for one that has run. */
void loop_cancel(struct loop *loop, int timer);
/* Runs until loop_stop. */
int loop_run(struct loop *loop);
/* Has loop_run() return after the callback that runs. */
void loop_stop(struct loop *loop);

#endif

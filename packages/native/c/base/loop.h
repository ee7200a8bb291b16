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

struct loop *loop_new(void);
int loop_add(struct loop *loop, struct source *source, uint32_t events);
int loop_change(struct loop *loop, struct source *source, uint32_t events);
void loop_remove(struct loop *loop, struct source *source); /* does not close the fd; safe inside callbacks */
/* Calls `fn(data)` once, `ms` milliseconds from now. Returns an id for loop_cancel. */
int loop_timer(struct loop *loop, int ms, void (*fn)(void *), void *data);
void loop_cancel(struct loop *loop, int timer);
/* Runs until loop_stop. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif

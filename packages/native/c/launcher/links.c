#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "launcher/launcher.h"

static void link_free(struct supervisor_link *link) {
  for (struct supervisor_link **at = &launcher.links; *at; at = &(*at)->next) {
    if (*at == link) {
      *at = link->next;
      break;
    }
  }
  loop_remove(launcher.loop, &link->source);
  channel_close(&link->channel);
  free(link);
}

void link_flush(struct supervisor_link *link) {
  /* One that is gone is told of by its source. */
  if (channel_flush(&link->channel) < 0 || buffer_size(&link->channel.out) == 0) buffer_free(&link->channel.out);
  loop_change(launcher.loop, &link->source, EPOLLIN | (buffer_size(&link->channel.out) ? EPOLLOUT : 0));
}

/* Passes frames to the daemon under the handle by which it knows the supervisor. */
static void relay(struct supervisor_link *link) {
  uint32_t handle;
  const char *records;
  size_t size;
  while (frame_next(&link->channel.in, &handle, &records, &size) > 0) {
    size_t mark = frame_begin(&launcher.daemon.out, link->handle);
    buffer_append(&launcher.daemon.out, records, size);
    frame_end(&launcher.daemon.out, mark);
    buffer_consume(&link->channel.in, size + frame_head);
  }
  /* Most supervisors say nothing for hours, and what is kept for them is in the memory of all that are forked later. */
  if (buffer_size(&link->channel.in) == 0) buffer_free(&link->channel.in);
}

static void link_ready(struct source *source, uint32_t events) {
  struct supervisor_link *link = (struct supervisor_link *) source;
  if (events & EPOLLOUT) link_flush(link);
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  int status = channel_read(&link->channel);
  if (status > 0) {
    relay(link);
  } else if (status < 0) {
    launcher_tell(link->handle, "lost");
    link_free(link);
  }
  launcher_flush();
}

struct supervisor_link *link_new(uint32_t handle, int fd) {
  struct supervisor_link *link = calloc(1, sizeof *link);
  if (!link) return NULL;
  link->source = (struct source){.fd = fd, .ready = link_ready};
  link->channel = (struct channel){.fd = fd, .in.wiped = 1, .out.wiped = 1};
  link->handle = handle;
  if (loop_add(launcher.loop, &link->source, EPOLLIN) < 0) {
    free(link);
    return NULL;
  }
  link->next = launcher.links;
  launcher.links = link;
  return link;
}

void links_pass(uint32_t handle, const char *records, size_t size) {
  struct supervisor_link *link = launcher.links;
  while (link && link->handle != handle) link = link->next;
  if (!link) return;
  size_t mark = frame_begin(&link->channel.out, 0);
  buffer_append(&link->channel.out, records, size);
  frame_end(&link->channel.out, mark);
  link_flush(link);
}

void links_tell_process(uint32_t handle) {
  char pid[16];
  for (const struct supervisor_link *link = launcher.links; link; link = link->next) {
    if (link->handle != handle || link->pid == 0) continue;
    snprintf(pid, sizeof pid, "%d", link->pid);
    launcher_tell(handle, "process", pid);
  }
}

void links_forget(void) {
  channel_close(&launcher.daemon);
  for (struct supervisor_link *link = launcher.links; link; link = link->next) channel_close(&link->channel);
}

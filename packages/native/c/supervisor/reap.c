#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervisor/core.h"

/* A child that is to be gone one day. */
struct orphan {
  struct source source; /* its pidfd */
  struct orphan *next;
  struct loop *loop;
  pid_t pid;
};

static struct orphan *orphans;

static void orphan_free(struct orphan *orphan) {
  for (struct orphan **at = &orphans; *at; at = &(*at)->next) {
    if (*at == orphan) {
      *at = orphan->next;
      break;
    }
  }
  if (orphan->source.fd >= 0) close(orphan->source.fd);
  free(orphan);
}

static void gone(struct source *source, uint32_t events) {
  struct orphan *orphan = (struct orphan *) source;
  if (waitpid(orphan->pid, NULL, WNOHANG) == 0) return;
  loop_remove(orphan->loop, source);
  orphan_free(orphan);
}

void reap_later(struct loop *loop, pid_t pid) {
  if (pid <= 0 || waitpid(pid, NULL, WNOHANG) != 0) return;
  struct orphan *orphan = malloc(sizeof *orphan);
  if (!orphan) return;
  *orphan = (struct orphan){.source = {.fd = process_fd(pid), .ready = gone}, .next = orphans, .loop = loop, .pid = pid};
  orphans = orphan;
  if (orphan->source.fd < 0 || loop_add(loop, &orphan->source, EPOLLIN) < 0) orphan_free(orphan);
}

static int is_orphan(pid_t pid) {
  for (const struct orphan *orphan = orphans; orphan; orphan = orphan->next) {
    if (orphan->pid == pid) return 1;
  }
  return 0;
}

void reap_adopted(struct supervisor *supervisor) {
  char path[64];
  int pid;
  if (!container_is_foreign(supervisor->container)) return;
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  cleanup_file FILE *children = fopen(path, "re");
  while (children && fscanf(children, "%d", &pid) == 1) {
    if (pid != supervisor->pid && !exec_of(supervisor, pid) && !is_orphan(pid)) reap_later(supervisor->loop, pid);
  }
}

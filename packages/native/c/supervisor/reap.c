#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/core.h"

/* A child that is about to be gone. */
struct orphan {
  struct source source; /* its pidfd */
  struct loop *loop;
  pid_t pid;
};

static void orphan_free(struct orphan *orphan)
{
  if (orphan->source.fd >= 0)
    close(orphan->source.fd);
  free(orphan);
}

static void gone(struct source *source, uint32_t events)
{
  struct orphan *orphan = (struct orphan *) source;
  if (waitpid(orphan->pid, NULL, WNOHANG) == 0)
    return;
  loop_remove(orphan->loop, source);
  orphan_free(orphan);
}

void reap_later(struct loop *loop, pid_t pid)
{
  if (pid <= 0 || waitpid(pid, NULL, WNOHANG) != 0)
    return;
  struct orphan *orphan = malloc(sizeof *orphan);
  if (!orphan)
    return;
  *orphan = (struct orphan){.source = {.fd = process_fd(pid), .ready = gone}, .loop = loop, .pid = pid};
  if (orphan->source.fd < 0 || loop_add(loop, &orphan->source, EPOLLIN) < 0)
    orphan_free(orphan);
}

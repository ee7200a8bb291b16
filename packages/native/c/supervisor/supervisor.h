/* Plugins of a container's supervisor, which other rooms register: each takes in records of its names, at the start and while
   the container runs. */
#ifndef BERTH_SUPERVISOR_H
#define BERTH_SUPERVISOR_H

#include "base/error.h"
#include "base/records/launch.h"
#include "base/loop.h"
#include "container/container.h"

struct supervisor;

/* A plugin that handles records of one name. All members but `record` may be NULL. */
struct supervisor_plugin {
  const char *record;
  /* Each such record of the launch, in its order: after container_prepare, before the program runs. An error fails
     the start. */
  int (*launch)(struct supervisor *supervisor, const struct launch_record *record, struct error *err);
  /* Each such record sent by Supervisor.control() while the container runs; an error is told to the caller. */
  int (*control)(struct supervisor *supervisor, const struct launch_record *record, struct error *err);
  /* Once, when the first process has ended (or the start failed after `launch` was called). */
  void (*stop)(struct supervisor *supervisor);
  struct supervisor_plugin *next; /* the registry's */
};

/* Adds a plugin; called by `__attribute__((constructor))` functions, so before main. The plugin is static memory. */
void supervisor_register(struct supervisor_plugin *plugin);

/* The supervisor's event loop. */
struct loop *supervisor_loop(struct supervisor *supervisor);
/* The container, or NULL before it is prepared. */
struct container *supervisor_container(struct supervisor *supervisor);
/* The container's network namespace, or -1 before there is one (see container_netns). */
int supervisor_netns(struct supervisor *supervisor);

#endif

/* A program of others that sets up or takes down a pod's network (CNI): run here, as the daemon would hold up all else for the
 * milliseconds that a process of its size takes to be copied.
 *
 * Records, of which the first is `plugin`:
 *
 *   plugin PATH MILLISECONDS     the program, and how long it may take
 *   env NAME=VALUE               its whole environment
 *   input TEXT                   what it reads
 */
#ifndef BERTH_PLUGIN_H
#define BERTH_PLUGIN_H

#include <sys/types.h>

#include "base/records/launch.h"

/* The launcher's child runs the plugin with these rights for new files, and answers on `control`: with `plugin-done HOW NUMBER
   OUTPUT ERRORS`, where HOW is `exit` or `signal` with its number, `long` for an output without end or `late`; or with `failed`
   as a pod's maker does. A plugin that is too long or too late is killed with its process group; a process that it leaves
   running may hold its streams, which is waited for a moment only. One whose daemon ends goes on. Does not return. */
_Noreturn void plugin_run(int control, const struct launch *request, mode_t mask);

#endif

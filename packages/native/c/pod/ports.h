/* The process that holds a pod's published ports, as a container's supervisor holds those of a container. */
#ifndef BERTH_POD_PORTS_H
#define BERTH_POD_PORTS_H

#include <sys/types.h>

#include "base/error.h"
#include "base/records/launch.h"

/* Starts it for the `port` records (portproxy.h). Returns its number once it holds all of them, 0 without such a record, or -1
   with the error of the first that it could not have. */
pid_t hold_ports(const struct launch *request, struct error *err);

#endif

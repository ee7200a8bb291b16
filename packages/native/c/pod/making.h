/* A pod while it is made. Internal to this room. */
#ifndef BERTH_POD_MAKING_H
#define BERTH_POD_MAKING_H

#include <limits.h>
#include <sys/types.h>

#include "base/namespaces/namespaces.h"
#include "base/records/fields.h"
#include "base/records/launch.h"

struct pod {
  const struct launch *request;
  const char *directory;
  struct namespaces namespaces;
  struct id_maps maps;
  pid_t first; /* the process that is in the new namespaces, or 0 */
  pid_t stays; /* the process that goes on when all is made, or 0 */
  int pidfd;
};

/* A record of one word. */
struct word_request {
  const char *value;
};
extern const struct field pod_word[];

/* Decodes a pod's record by its fields. Returns 0, or -1 with stage "launch". */
int pod_decode(const struct launch_record *record, const struct field *fields, void *request, struct error *err);
/* The path of a namespace or mount in the pod's directory. Returns 0, or -1 with stage "pod" for one that is too long. */
int pod_place(const struct pod *pod, const char *name, char path[PATH_MAX], struct error *err);
/* Raises the loopback of a network namespace that was made here, which this process enters. Returns 0 or -1. */
int pod_raise_loopback(const struct pod *pod, struct error *err);
/* Sets the host name of the request, where it has one, in the pod's UTS namespace, which this process enters. Returns 0 or
   -1. */
int pod_set_hostname(const struct pod *pod, struct error *err);
/* Sets the sysctls of the request in the pod's own namespaces, which this process enters; those of the host are refused.
   Returns 0 or -1. */
int pod_set_sysctls(const struct pod *pod, struct error *err);

#endif

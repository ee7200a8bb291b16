/* Finding and running the program, with the words that Docker has for what goes wrong. */
#ifndef BERTH_EXECVE_H
#define BERTH_EXECVE_H

#include <stddef.h>

#include "base/error.h"

/* Finds args[0] as Go's exec.LookPath does, in the PATH of `env`. Writes the path to `out` of `size` bytes. */
int execve_find(const char *name, char *const *env, char *out, size_t size, struct error *err);
/* The last NAME=VALUE of an environment, or NULL. */
const char *env_get(char *const *env, const char *name);

#endif

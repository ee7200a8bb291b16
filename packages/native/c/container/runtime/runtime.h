/* A container under another OCI runtime than ours (runc, crun, runsc), as its supervisor sees it.
 *
 * The supervisor makes the bundle: config.json, as the daemon wrote it, in the container's run directory, and below a
 * directory FS the root and the sources of mounts that no path of the host leads to. FS is the bundle's `fs`, or with a user
 * namespace, whose root may not enter the run directory, one that everybody may. It is mounted only in the mount
 * namespace of the call that creates the container: the host's mount table never has it, and it is gone with the container.
 * The runtime is called for each step of the life (create, start, exec, kill, delete); its processes become the supervisor's
 * children (PR_SET_CHILD_SUBREAPER), which reads their outputs and takes their exits as of its own. */
#ifndef BERTH_CONTAINER_RUNTIME_H
#define BERTH_CONTAINER_RUNTIME_H

#include "container/container.h"
#include "container/internal.h"

/* A container's runtime, kept by its supervisor while the container lives. */
struct runtime {
  char *id, *program, *bundle, *fs;
  char **args;     /* before the command, NULL-terminated */
  int directory;   /* the bundle's */
  int remapped;    /* the container has a user namespace */
  int user_ns;     /* that the layers are mapped to; -1. Until the start */
  int kernel_root; /* the processes have the container's root as the kernel's; a sandbox's have another */
  int calls;       /* numbers the files of each call */
  int hides_v2;    /* on a hybrid host: see hide_unused_hierarchy() of call.c */
};

/* bundle.c. Takes the spec's program and bundle over; the bundle's directory has to be there. NULL with an error. */
struct runtime *runtime_new(const struct container_spec *spec, int cgroup_version, struct error *err);
/* Frees it, and closes what is open; NULL is allowed. */
void runtime_free(struct runtime *runtime);
/* Writes config.json. */
int bundle_write(const struct container *container, struct error *err);
/* In the process that becomes the runtime, in a mount namespace of its own: attaches root and sources below FS. */
int bundle_attach(const struct container *container, struct error *err);
/* The same for later calls: there is a directory where the root was. runc 1.1 enters it for every exec, whatever it is
   outside the container's mount namespace. */
int bundle_stand_in(const struct runtime *runtime, struct error *err);
/* Removes what is ours in the bundle's directory, but not the directory. */
void bundle_remove(const struct runtime *runtime);
/* The process's user, looked up in the container's root, as the specification writes it. The caller frees it; NULL with an
   error. */
char *bundle_user(const struct container_spec *spec, int root, struct error *err);

/* lifecycle.c: create and start. Returns the first process's pid; -1, and nothing is left of the container. */
pid_t runtime_start(struct container *container, const struct process_io *io, struct error *err);
/* Sends a signal to the first process. */
int runtime_kill(const struct runtime *runtime, int signal, struct error *err);
/* The first process has ended: the runtime forgets the container. */
void runtime_delete(const struct runtime *runtime);

/* exec.c: what joining.c passes on to, where the process's joining is a call of the runtime. */
struct runtime_exec;
/* Begins an exec of the spec's process, with `io` as its streams. NULL with an error. */
struct runtime_exec *runtime_exec_begin(struct container *container, const struct container_spec *spec,
                                        const struct process_io *io, struct error *err);
/* As joining_fd(). */
int runtime_exec_fd(const struct runtime_exec *exec);
/* As joining_step(). */
int runtime_exec_step(struct runtime_exec *exec, pid_t *program, struct error *err);
/* As joining_kill(). */
void runtime_exec_kill(const struct runtime_exec *exec);
/* Frees it, and removes its file from the bundle; NULL is allowed. */
void runtime_exec_free(struct runtime_exec *exec);

#endif

/* The launcher's files to each other. It forks a supervisor for each container and passes frames between them and the daemon;
 * it decides nothing. */
#ifndef BERTH_LAUNCHER_H
#define BERTH_LAUNCHER_H

#include <sys/types.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/records/frame.h"
#include "base/records/launch.h"

/* One supervisor, forked here or adopted by its socket. */
struct supervisor_link {
  struct source source;
  struct channel channel;
  struct supervisor_link *next;
  uint32_t handle; /* by which the daemon knows it */
  pid_t pid;       /* 0: adopted; it says its own */
};

/* The process's state. */
struct launcher {
  struct loop *loop;
  struct source daemon_source;
  struct channel daemon;
  struct supervisor_link *links;
  int lock;    /* the file that only one launcher at a time has locked, or -1 */
  mode_t mask; /* the daemon's, for programs of others (umask(2)) */
};
extern struct launcher launcher;

/* Appends a frame of one record for the daemon, about the supervisor of `handle`; it is sent by launcher_flush(). */
#define launcher_tell(handle, ...)                            \
  do {                                                        \
    size_t mark_ = frame_begin(&launcher.daemon.out, handle); \
    frame_record(&launcher.daemon.out, __VA_ARGS__, NULL);    \
    frame_end(&launcher.daemon.out, mark_);                   \
  } while (0)
/* Sends the daemon as much as its socket takes; the rest follows when it takes more. Ends the loop when the daemon is gone. */
void launcher_flush(void);
/* Whether the daemon's end of the socket is closed, which may not have been read yet. */
int launcher_daemon_gone(void);

/* links.c. Watches a supervisor's socket, which the link owns from then on. NULL without memory: the socket is the caller's. */
struct supervisor_link *link_new(uint32_t handle, int fd);
/* Sends a supervisor as much as its socket takes. */
void link_flush(struct supervisor_link *link);
/* Passes the records of a frame of the daemon's on. One for a supervisor that is gone is dropped: the daemon is being told. */
void links_pass(uint32_t handle, const char *records, size_t size);
/* Tells the daemon which process a supervisor is that says nothing of its own. */
void links_tell_process(uint32_t handle);
/* In a forked child: closes and wipes what is on its way to and from other containers. Processes that its execs become are
   looked into by those that are there. */
void links_forget(void);

/* adopt.c: connects to the supervisor whose run directory this is, which an earlier launcher forked; or tells that it is
   lost. */
void adopt_supervisor(uint32_t handle, const char *directory);

/* fork.c: forks the process that carries out a message, which the daemon then knows by the handle. It tells `lost` where there
   is none. */
void fork_supervisor(uint32_t handle, const struct launch *message);
void fork_pod_maker(uint32_t handle, const struct launch *message);
void fork_plugin_runner(uint32_t handle, const struct launch *message);

/* spare.c. A new network namespace costs half a millisecond: one is kept ready for the next container that wants one without
   anything in it. Has one made when the loop is idle for a moment. */
void spare_schedule(void);
/* Whether a launch is to get it: it asks for a new network namespace that the machine's users own, not its user namespace. */
int spare_wanted(const struct launch *launch);
/* The spare one was given away with a fork: the launcher's descriptor is closed, and another one made soon. */
void spare_taken(void);

/* seal.c. Makes sure that this program runs from a sealed copy in memory: execs itself from one when it does not. Whatever a
   container does to /proc/PID/exe of ours, no file of the host changes (CVE-2019-5736). Returns 0 when sealed, or -1. */
int seal_self(char **argv, struct error *err);

#endif

/* Internal to the supervisor; other rooms see supervisor.h. */
#ifndef BERTH_CORE_H
#define BERTH_CORE_H

#include <stdint.h>

#include "base/process.h"
#include "base/records/frame.h"
#include "supervisor/messages.h"
#include "supervisor/streams.h"
#include "supervisor/supervisor.h"

/* A connection that speaks in frames: the daemon's control, or one whose first frame will tell what it is. */
struct peer {
  struct source source;
  struct channel channel;
  struct supervisor *supervisor;
  int control;
};

/* A client that the start waits for. */
struct early {
  struct client_message client;
  int connected;
};

struct exec;
struct ended;

struct supervisor {
  struct loop *loop;
  int launcher_lock;            /* held until `listener` is there, so that the next launcher waits for it; -1 afterwards */
  int directory;                /* the container's run directory; locked (flock) by who makes or removes what is in it */
  uint64_t socket;              /* the inode of our socket there: by then another run's supervisor may have its own */
  const struct launch *request; /* all records of the start */
  struct start_message start;   /* borrows from `request`, as the next */
  struct launch launch;         /* the records for the container */
  struct container *container;
  struct streams streams;
  struct source process; /* a pidfd of the first process */
  pid_t pid;
  struct source listener;
  struct peer *control;
  struct early *early;
  size_t early_count, early_missing;
  struct exec *execs;
  struct ended *ended; /* execs whose end the daemon has not said yet that it knows */
  int attachable, started, exited, reporting, reported, released, recorded;
  int exit_code;
  long oom_kills; /* as the daemon was told */
  int64_t finished_at;
  int timer;
};

/* start.c. What the launcher's child becomes: supervises the container that the records of `request` describe (messages.h),
   which stay in memory as long as it runs. `control`: a socket to the launcher; `lock`: a descriptor of the launcher's lock
   file, or -1. Does not return. */
_Noreturn void supervise(int control, int lock, const struct launch *request);

/* Messages to the daemon, if one is connected; the record's strings are a NULL-terminated list. */
#define supervisor_tell(supervisor, ...)                         \
  do {                                                           \
    if ((supervisor)->control) {                                 \
      struct buffer *out_ = &(supervisor)->control->channel.out; \
      size_t mark_ = frame_begin(out_, 0);                       \
      frame_record(out_, __VA_ARGS__, NULL);                     \
      frame_end(out_, mark_);                                    \
      peer_flush((supervisor)->control);                         \
    }                                                            \
  } while (0)

/* directory.c. Opens the run directory and locks it until the socket is there: the supervisor of the run before may be about to
   remove it. */
int directory_open(struct supervisor *supervisor, const char *path, struct error *err);
/* Leaves the exit in the run directory for a daemon to come, unless the directory was cleared or is another run's by now. */
void directory_leave_exit(struct supervisor *supervisor);
/* Removes what is ours in the run directory, and the directory. It may be another run's by now. */
void directory_remove(struct supervisor *supervisor);

/* peer.c. Binds supervisor.sock in the run directory, which it unlocks, and accepts connections from then on. Returns 0, or -1
   with stage "socket". */
int listen_at(struct supervisor *supervisor, struct error *err);
/* A connection whose first frame will say what it is for. Owns `fd`, unless it is NULL: without memory. */
struct peer *peer_new(struct supervisor *supervisor, int fd);
/* Sends as much as the socket takes; the rest follows when it takes more. */
void peer_flush(struct peer *peer);
/* Whether the other end is closed, which may not have been read yet. */
int peer_gone(const struct peer *peer);
/* Closes the connection. Without its control the supervisor may end. */
void peer_free(struct peer *peer);
/* Sends one record, whose strings end with NULL or are five: the first thing on a new connection, which has room for it. */
void peer_reply(int fd, const char *const strings[5]);
/* Takes the socket out of the loop: it is about to be somebody else's. */
void peer_stop(struct peer *peer);
/* peer_exec.c. Takes over the peer. */
void peer_exec(struct peer *peer, const struct launch *message);

/* control.c: carries out one message of the daemon's on the control connection, and answers it. */
void control_message(struct supervisor *supervisor, const struct launch *message);

/* exec.c */
struct exec_request {
  struct exec_message asked;
  struct launch launch; /* the process's records */
};
/* Decodes a message whose first record is `exec`; the request borrows its strings. Returns 0, or -1 with stage "launch". */
int exec_parse(const struct launch *message, struct exec_request *request, struct error *err);
/* Called once: when the program runs, with the exec; or when it never will, with NULL and the error. */
typedef void (*exec_done)(struct exec *exec, const struct error *err, void *data);
/* Puts a process on its way into the container. Returns 0: `done` will be called, not before this has returned; or -1: it
   won't. */
int exec_start(struct supervisor *supervisor, const struct exec_request *request, exec_done done, void *data,
               struct error *err);
/* The exec of that id, or NULL. */
struct exec *exec_find(struct supervisor *supervisor, const char *id);
/* The exec's process, as the host numbers it; 0 while it is being started. */
pid_t exec_pid(const struct exec *exec);
/* The exec's streams. */
struct streams *exec_streams(struct exec *exec);
/* Sends a signal. Returns 0, or -1 with errno; ESRCH: it does not run. */
int exec_kill(struct exec *exec, int signal);
/* Kills and forgets an exec whose end or output nobody can follow; nothing is told of it. */
void exec_abandon(struct exec *exec);
/* Tells a daemon that has just connected which execs run, and which have ended that it may not have heard of. */
void exec_announce(struct supervisor *supervisor);
/* The container has ended, and these with it: kills them and ends their outputs. Returns how many still have to be reaped,
   which their ends tell supervisor_check(). */
int exec_end_all(struct supervisor *supervisor);
/* Whether a child may be an exec's: it is one, or one is on its way. */
int exec_of(const struct supervisor *supervisor, pid_t pid);
/* How many execs have clients still. */
int exec_clients(const struct supervisor *supervisor);

/* plugins.c: the plugin that has registered for records of that name, or NULL. */
const struct supervisor_plugin *plugin_find(const char *record);
/* Has each record of the launch taken in by its plugin. Returns 0, or -1 with the plugin's error. */
int plugins_launch(struct supervisor *supervisor, const struct launch *launch, struct error *err);
/* Stops all plugins. */
void plugins_stop(struct supervisor *supervisor);

/* ended.c: ends of execs that the daemon has not said yet that it knows. Tells the daemon of one, and keeps it until then. */
void ended_add(struct supervisor *supervisor, const char *id, int code);
/* The daemon knows of this end: it is forgotten. */
void ended_seen(struct supervisor *supervisor, const char *id);
/* Tells all of them again. */
void ended_announce(struct supervisor *supervisor);

/* reap.c: reaps a child that has ended or was killed, when it is gone: a frozen one dies only when it is thawed. */
void reap_later(struct loop *loop, pid_t pid);
/* Another runtime has left processes in the supervisor's care: those that nothing else here waits for are reaped when they
   end. */
void reap_adopted(struct supervisor *supervisor);

/* supervisor.c. Tells the daemon how often the container has run out of memory, when that is news. */
void supervisor_oom(struct supervisor *supervisor);
/* Tells a daemon that has just connected of all that was before. */
void supervisor_oom_again(struct supervisor *supervisor);
/* Something that the supervisor may have waited for has happened: looks what is to be done next. */
void supervisor_check(struct supervisor *supervisor);
/* The client of a process that streams_attach() has made gets its streams. `typed`: input that came with the request. */
void begin_client(struct client *client, const struct client_message *asked, const char *typed, size_t typed_size);
/* Has the supervisor called for what happens to the container's streams. */
void supervisor_follow_streams(struct supervisor *supervisor);
/* The `ready` of the first process's pidfd: its end begins the supervisor's. */
void supervisor_process_ended(struct source *source, uint32_t events);

#endif

/* The daemon's messages to a supervisor, each a record decoded by a table (base/records/fields.h).
 *
 * By key are those that only the launcher of the daemon's own version hears. By place are those that a supervisor hears while it
 * runs: it may be of an earlier version than the daemon, so their arguments keep their order, and new ones come last.
 *
 *   start id=ID folder=PATH    [open-stdin=1] [stdin-once=1] [terminal=1]
 *   early CLIENT                       the start waits until it has connected
 *   log DRIVER PATH MAX-SIZE MAX-FILE COMPRESS ATTRS POSITION LIMIT   (supervisor/log/log.h); while it runs: another log
 *   launch                             behind it come the container's records (container/spec/spec.h) and the plugins' (supervisor.h)
 *
 *   control                            this connection is the daemon's from now on
 *   attach CLIENT [BEHIND-LOG]         this connection is a client's. BEHIND-LOG: it has read the log so far
 *   exec ID TERMINAL CLIENT            likewise, of a process more, whose records follow
 *
 *   release, exec-seen ID              on the control connection, without an answer
 *   kill, resize, exec-kill, exec-resize, control, log-reopen
 *                                      with SEQUENCE first, which the answer `reply` repeats
 *
 * CLIENT is TOKEN IN OUT ERR KEYS: a name, three flags, and the keys to detach with as hexadecimal digits. */
#ifndef BERTH_MESSAGES_H
#define BERTH_MESSAGES_H

#include "base/records/fields.h"

struct start_message {
  const char *id, *directory;
  long open_stdin, stdin_once, terminal;
};

/* A client that wants a process's streams. */
struct client_message {
  const char *token;
  long in, out, err;
  const char *keys;
  long behind_log; /* of `attach`: it gets the lines that are being read, and so not in the log */
};

struct exec_message {
  const char *id;
  long terminal;
  struct client_message client;
};

struct log_message {
  const char *driver, *path;
  long max_size, max_file, compress;
  const char *attrs, *position;
  long limit;
};

/* Messages of the control connection. The sequence of those that are answered is their first member. */
union control_message {
  struct plain_message {
    const char *sequence;
  } plain;
  struct seen_message {
    const char *exec;
  } exec_seen;
  struct signal_message {
    const char *sequence;
    long signal;
  } kill;
  struct resize_message {
    const char *sequence;
    long rows, columns;
  } resize;
  struct exec_signal_message {
    const char *sequence, *exec;
    long signal;
  } exec_kill;
  struct exec_resize_message {
    const char *sequence, *exec;
    long rows, columns;
  } exec_resize;
};

/* Their fields, for fields_decode() with stage "launch" or "control". */
extern const struct field start_fields[], client_fields[], exec_fields[], log_fields[], plain_fields[], seen_fields[],
    signal_fields[], resize_fields[], exec_signal_fields[], exec_resize_fields[];

#endif

/* The stdio of one process: pipes or a pty on one side, a log and any number of clients on the other. */
#ifndef BERTH_STREAMS_H
#define BERTH_STREAMS_H

#include "base/records/frame.h"
#include "base/loop.h"
#include "container/container.h"
#include "supervisor/detach.h"
#include "supervisor/log/log.h"

struct streams;

/* A client that is connected to a process's streams by one socket. Output is in Docker's frames, or raw from a terminal. */
struct client {
  struct source source;
  struct streams *streams;
  struct client *next;
  int in, out, err; /* which streams it takes part in */
  int in_ended;     /* it has closed its sending side */
  int ended;        /* it gets no more output: what is queued is sent, then its socket is shut */
  int shut;
  int owed[2];         /* of stdout, stderr: it has not got the head of the line that is being read (see seam_begin) */
  int gone;            /* its socket is closed; it stays until the process took its input */
  struct buffer queue; /* output that its socket did not take yet */
  struct buffer typed; /* input that the process did not take yet */
  struct detach detach;
  char *token; /* names it in `detached` */
};

struct output {
  struct source source; /* fd -1: closed */
  struct streams *streams;
  int number;       /* 1 stdout, 2 stderr */
  int64_t read_at;  /* when something was read last, in nanoseconds since the epoch */
  size_t read_size; /* and how much that was */
};

struct streams {
  struct loop *loop;
  struct output outputs[2];
  struct source input; /* fd -1: closed, or there is none */
  int terminal;
  int close_input; /* a client's end of input is the process's (stdinOnce) */
  int console;     /* the pty's master, for its size; -1 */
  int started;
  int paused;   /* outputs are not read: a client, or the log's delivery, is too far behind */
  int finished; /* the process has ended: outputs are read to their end whatever the clients do */
  int idle_timer;
  int delivery_timer;
  struct client *clients;
  struct log *log;
  uint64_t lost; /* entries that the log could not take, as was last told */
  /* Called once, when all outputs have ended (perhaps inside streams_start or streams_drain). */
  void (*ended)(struct streams *streams, void *data);
  void (*detached)(struct client *client, void *data);
  /* Called when the log begins to lose entries, and when it has room again: how many and why (errno). */
  void (*log_lost)(struct streams *streams, uint64_t lost, int reason, int over, void *data);
  /* Called when the last client has gone (see streams_waiting). */
  void (*deserted)(struct streams *streams, void *data);
  void *data;
};

struct streams_options {
  int in, out, err, terminal;
};

/* Makes the pipes. `io` gets the process's ends, which the caller closes after the start with streams_close_ends. With
   a terminal, container_* puts the pty's master into streams->console. */
int streams_open(struct streams *streams, const struct streams_options *options, struct process_io *io, struct error *err);
/* Closes the process's ends. */
void streams_close_ends(struct process_io *io);
/* The process runs: begins to read and write. */
int streams_start(struct streams *streams, struct loop *loop);
/* Makes a socket a client of the process and takes it over; NULL with errno when it cannot be watched: the socket is the
   caller's still. */
struct client *streams_attach(struct streams *streams, struct loop *loop, int fd, const char *token);
/* The process has ended: reads what is there now; `ended` is called if that was all. */
void streams_drain(struct streams *streams);
/* Ends the outputs where they are, though something else may still hold them. */
void streams_cut(struct streams *streams);
/* Sets the size of the terminal, in characters; nothing without one. Returns 0, or -1 with errno. */
int streams_resize(struct streams *streams, int rows, int columns);
/* Whether a client is there still: one that was sent all of its output closes its socket when it has read that. */
int streams_waiting(const struct streams *streams);
/* Closes all descriptors and clients. `ended` and `deserted` are called no more. */
void streams_close(struct streams *streams);

/* seam.c: the log holds whole lines, and the stream of a client that has read the log begins where the log ends. The head of a
   line that has been read in part is in neither. The client gets it where the line is being written; what the program has left
   unfinished is nobody's but the earlier clients', as with dockerd. */

/* Sends a new client the heads of lines whose rest is there to be read, or was cut off by the end of a program's buffer; of others
   it is not known yet which they are. */
void seam_begin(struct client *client);
/* Before output is logged: sends the heads that clients lack, if `data` soon brings the line's end. Without data the output has
   ended, and with it the line. */
void seam_output(const struct output *output, const char *data, size_t size, int64_t now);

/* Sends output to one client. */
void client_output(struct client *client, int number, const char *data, size_t size);
/* No more output comes. */
void client_end(struct client *client);
/* Input for the process, as the client sent it. */
void client_typed(struct client *client, const char *data, size_t size);
/* The process takes input again. May free the client. */
void client_feed(struct client *client);
/* Closes the connection and forgets the client. */
void client_free(struct client *client);
/* Whether a client is so far behind that outputs should not be read. */
int client_behind(const struct client *client);

/* streams.c, for client.c: a buffer of 256 KiB that nobody keeps data in beyond a callback; NULL without memory. */
char *streams_scratch(void);
/* Writes input to the process. Returns how many bytes need not be written again: what a process that reads no more loses
   is counted. */
size_t streams_input(struct streams *streams, const char *data, size_t size);
/* Closes the process's input. */
void streams_input_end(struct streams *streams);
/* Looks whether outputs are to be read, now that a client or the log is behind, or no longer. */
void streams_update(struct streams *streams);

#endif

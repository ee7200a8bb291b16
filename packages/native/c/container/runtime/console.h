/* The terminal of a process under another runtime, which sends its master over a socket (--console-socket). */
#ifndef BERTH_CONTAINER_RUNTIME_CONSOLE_H
#define BERTH_CONTAINER_RUNTIME_CONSOLE_H

#include "base/error.h"

struct console {
  int listener, connection, master; /* -1: none */
  char name[32];                    /* the socket's, in the bundle's directory */
};
#define CONSOLE_NONE ((struct console){.listener = -1, .connection = -1, .master = -1})

/* Listens in `directory`, at a name with this number. */
int console_listen(struct console *console, int directory, int number, struct error *err);
/* Takes what is there: a connection, which is put into the epoll `events`, and the master. Returns 0, or -1 with errno. */
int console_take(struct console *console, int events);
/* Closes all, and removes the socket from `directory`. */
void console_close(struct console *console, int directory);

#endif

// The front of the client: runs its hottest command lines itself, and hands every other one over to Node.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A text that grows. */
struct text {
  char *bytes;
  size_t length, room;
};

void text_add(struct text *text, const char *bytes, size_t length);
void text_puts(struct text *text, const char *string);
/** Adds a string as JSON has it, with its quotes. */
void text_json(struct text *text, const char *string);

/** Whether it is UTF-8, which JSON and JavaScript's strings are made of. */
bool is_utf8(const char *string);

/** Passes a JSON value at `at`; NULL when there is none. */
const char *json_skip(const char *at);
/** The value of a member of the object at `at`; NULL when it is no object or has no such member. */
const char *json_member(const char *at, const char *name);
/** The first item of the array at `at`, and the one after `item`; NULL at the end. */
const char *json_first(const char *at);
const char *json_next(const char *item);
/** The text of the JSON string at `at`, to be freed; NULL when it is none. */
char *json_string(const char *at);

/** A connection to the daemon, and an answer's state on it. */
struct connection {
  int fd;
  int status;
  bool chunked, close;
  /** Bytes of the body that are still to come; -1 until the end of the connection. */
  long left;
  char buffer[16384];
  size_t start, end;
};

/** Connects to the daemon's socket; false when nobody is there. */
bool dial(struct connection *connection, const char *path);
/** Sends a request. `upgrade` asks for the connection itself. */
bool send_request(struct connection *connection, const char *method, const char *target, const char *body, bool upgrade);
/** Reads an answer's status and headers; false when the connection ends. */
bool read_head(struct connection *connection);
/** Reads the rest of an answer's body; false when it is cut short. */
bool read_body(struct connection *connection, struct text *body);
/** Fills the buffer once it is empty; 0 at the end of the connection, -1 for an error. */
long fill(struct connection *connection);

/** A command line, without the flags before the command's name. */
struct invocation {
  const char *socket;
  int count;
  char **words;
};

/**
 * The commands. They return the exit code, or HAND_OVER for what they leave to Node, which then finds everything as it
 * was: nothing has been printed or made.
 */
enum { HAND_OVER = -1 };
int front_ps(const struct invocation *invocation);
int front_run(const struct invocation *invocation);

/** Writes all of it; false when the reader has gone away. */
bool write_all(int fd, const char *bytes, size_t length);
/** Writes to standard error; a terminal does not obey what is in the text. */
void warn_text(const char *string);
/** All that warn_text() has written so far, or its beginning. */
const char *warned_text(void);

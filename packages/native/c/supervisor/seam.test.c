/* The seam of a log and a client's stream: of a line that was read in part, the client gets the head with its end, once. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "supervisor/streams.h"

static struct streams streams;
static struct process_io io;
static struct loop *loop;
static char *log_file;

/* Reads what the program has written, as the loop does. */
static void read_out(void) {
  streams.outputs[0].source.ready(&streams.outputs[0].source, 1);
}

static void program(const char *text) {
  CHECK(write(io.out, text, strlen(text)) == (ssize_t) strlen(text));
}

static void begin(void) {
  struct error err;
  const struct streams_options options = {.out = 1};
  CHECK(streams_open(&streams, &options, &io, &err) == 0);
  streams.log = log_open(&(struct log_options){.driver = "json-file", .path = log_file}, &err);
  CHECK(streams.log && streams_start(&streams, loop) == 0);
  streams.terminal = 1; /* so that the client's bytes have no headers */
  program("whole\nhe");
  read_out();
}

static int attach(void) {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  struct client *client = streams_attach(&streams, streams.loop, ends[1], "t");
  CHECK(client);
  client->out = 1;
  seam_begin(client);
  return ends[0];
}

static void check_got(int client, const char *expected) {
  char text[64];
  ssize_t n = read(client, text, sizeof text - 1);
  text[n > 0 ? n : 0] = 0;
  CHECK(!strcmp(text, expected));
}

static void end(int client) {
  close(client);
  close(io.out);
  log_close(streams.log);
  streams.log = NULL;
  streams_close(&streams);
  unlink(log_file);
}

int main(void) {
  char path[] = "/tmp/berth-seam-XXXXXX";
  close(mkstemp(path));
  log_file = path;
  loop = loop_new();

  begin();
  int client = attach();
  check_got(client, "");
  program("ad\nnext\n");
  read_out();
  check_got(client, "head\nnext\n");
  end(client);

  begin();
  program("ad\n");
  client = attach();
  check_got(client, "he");
  read_out();
  check_got(client, "ad\n");
  end(client);

  /* It goes on without an end: a prompt, at which somebody types. */
  begin();
  client = attach();
  program("ad");
  read_out();
  program("er\n");
  read_out();
  check_got(client, "ader\n");
  end(client);

  /* It was left for long. */
  begin();
  client = attach();
  poll(NULL, 0, 150);
  program("ad\n");
  read_out();
  check_got(client, "ad\n");
  end(client);

  /* It was left where a buffer ended: it goes on, however late. */
  begin();
  char rest[1024 + 1];
  snprintf(rest, sizeof rest, "%1019s\nhalf", "ad");
  program(rest);
  read_out();
  client = attach();
  check_got(client, "half");
  poll(NULL, 0, 150);
  program("\n");
  read_out();
  check_got(client, "\n");
  end(client);

  /* The end of the output is the line's too. */
  begin();
  client = attach();
  close(io.out);
  io.out = -1;
  read_out();
  check_got(client, "he");
  end(client);
  return 0;
}

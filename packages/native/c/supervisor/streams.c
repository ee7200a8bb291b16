#include "supervisor/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/namespaces/namespaces.h"

enum {
  read_size = 256 * 1024, /* at a time, and what a pipe holds: fewer wake-ups, larger writes of the log */
  burst = 16 * 1024,      /* more than this at once is a burst, after which memory is given back */
  idle_ms = 1000,
  delivery_ms = 20, /* how soon a program that waits for its log's delivery goes on */
};

char *streams_scratch(void) {
  static char *buffer;
  if (!buffer) {
    void *map = mmap(NULL, read_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map != MAP_FAILED) buffer = map;
  }
  return buffer;
}

static int pipe_pair(int *ours, int *theirs, int output, struct error *err) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return fail(err, "stdio", errno, "pipe");
  *ours = fds[output ? 0 : 1];
  *theirs = fds[output ? 1 : 0];
  if (output) fcntl(*ours, F_SETPIPE_SZ, read_size); /* an optimisation: the default size does too */
  fcntl(*ours, F_SETFL, O_NONBLOCK);
  return 0;
}

static void output_ready(struct source *source, uint32_t events);
static void input_ready(struct source *source, uint32_t events);

int streams_open(struct streams *streams, const struct streams_options *options, struct process_io *io, struct error *err) {
  *streams = (struct streams){.terminal = options->terminal, .console = -1};
  for (int i = 0; i < 2; i++)
    streams->outputs[i] = (struct output){.source = {.fd = -1, .ready = output_ready}, .streams = streams, .number = i + 1};
  streams->input = (struct source){.fd = -1, .ready = input_ready};
  io->in = io->out = io->err = -1;
  io->terminal = options->terminal;
  io->console = &streams->console;
  if (options->terminal) return 0;

  int wanted[3] = {options->in, options->out, options->err};
  int *theirs[3] = {&io->in, &io->out, &io->err};
  int *ours[3] = {&streams->input.fd, &streams->outputs[0].source.fd, &streams->outputs[1].source.fd};
  for (int i = 0; i < 3; i++) {
    if (wanted[i] && pipe_pair(ours[i], theirs[i], i > 0, err) < 0) return -1;
    if (!wanted[i] && (*theirs[i] = namespaces_null_open(i ? O_WRONLY : O_RDONLY, err)) < 0) return -1;
  }
  return 0;
}

void streams_close_ends(struct process_io *io) {
  int *ends[3] = {&io->in, &io->out, &io->err};
  for (int i = 0; i < 3; i++) {
    if (*ends[i] >= 0) close(*ends[i]);
    *ends[i] = -1;
  }
}

static void give_memory_back(void *data) {
  struct streams *streams = data;
  streams->idle_timer = 0;
  char *buffer = streams_scratch();
  if (buffer) madvise(buffer, read_size, MADV_DONTNEED);
  malloc_trim(0);
  if (streams->log) log_idle(streams->log);
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void close_output(struct output *output) {
  if (output->source.fd < 0) return;
  struct streams *streams = output->streams;
  seam_output(output, NULL, 0, now_ns());
  loop_remove(streams->loop, &output->source);
  if (output->source.fd != streams->console) close(output->source.fd);
  output->source.fd = -1;
  if (streams->log) log_end(streams->log, output->number);
  if (streams->outputs[0].source.fd >= 0 || streams->outputs[1].source.fd >= 0) return;
  for (struct client *client = streams->clients; client; client = client->next) client_end(client);
  if (streams->ended) streams->ended(streams, streams->data);
}

static void watch_losses(struct streams *streams) {
  int reason;
  uint64_t lost = log_lost(streams->log, &reason);
  if ((lost > 0) != (streams->lost > 0) && streams->log_lost)
    streams->log_lost(streams, lost ? lost : streams->lost, reason, lost == 0, streams->data);
  streams->lost = lost;
}

/* Reads once. Returns the bytes, 0 when there is nothing now, -1 when the output was closed. */
static ssize_t read_output(struct output *output) {
  struct streams *streams = output->streams;
  char *data = streams_scratch();
  ssize_t n = data ? read(output->source.fd, data, read_size) : -1;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n <= 0) {
    close_output(output); /* a pty's master fails with EIO when its other side is closed */
    return -1;
  }
  int64_t now = now_ns();
  seam_output(output, data, (size_t) n, now);
  output->read_at = now;
  output->read_size = (size_t) n;
  if (streams->log) {
    log_write(streams->log, output->number, data, (size_t) n, now);
    watch_losses(streams);
  }
  for (struct client *client = streams->clients; client; client = client->next)
    client_output(client, output->number, data, (size_t) n);
  if (n > burst && !streams->idle_timer) streams->idle_timer = loop_timer(streams->loop, idle_ms, give_memory_back, streams);
  return n;
}

static void output_ready(struct source *source, uint32_t events) {
  struct output *output = (struct output *) source;
  if (read_output(output) > 0) streams_update(output->streams);
}

static void look_again(void *data) {
  struct streams *streams = data;
  streams->delivery_timer = 0;
  streams_update(streams);
}

/* Nothing tells when the deliverer, another process, has caught up: that is looked for. */
static int delivery_behind(struct streams *streams) {
  if (streams->finished || !streams->log || !log_behind(streams->log)) return 0;
  if (!streams->delivery_timer) streams->delivery_timer = loop_timer(streams->loop, delivery_ms, look_again, streams);
  return 1;
}

void streams_update(struct streams *streams) {
  int behind = delivery_behind(streams);
  for (struct client *client = streams->clients; client && !streams->finished; client = client->next)
    behind |= client_behind(client);
  if (behind == streams->paused) return;
  streams->paused = behind;
  for (int i = 0; i < 2; i++) {
    struct output *output = &streams->outputs[i];
    if (output->source.fd < 0) continue;
    /* Taken out, not masked: a hang-up would be told (and told again) whatever the mask. */
    if (behind)
      loop_remove(streams->loop, &output->source);
    else
      loop_add(streams->loop, &output->source, EPOLLIN);
  }
}

static void input_ready(struct source *source, uint32_t events) {
  struct streams *streams = (struct streams *) ((char *) source - offsetof(struct streams, input));
  loop_change(streams->loop, source, 0);
  if (events & (EPOLLERR | EPOLLHUP)) {
    streams_input_end(streams);
    return;
  }
  for (struct client *client = streams->clients, *next; client; client = next) {
    next = client->next;
    client_feed(client);
  }
}

size_t streams_input(struct streams *streams, const char *data, size_t size) {
  size_t done = 0;
  if (!streams->started && streams->terminal) return 0; /* the pty is still to come */
  while (done < size && streams->input.fd >= 0) {
    ssize_t n = write(streams->input.fd, data + done, size - done);
    if (n > 0) {
      done += (size_t) n;
    } else if (n < 0 && errno == EAGAIN) {
      loop_change(streams->loop, &streams->input, EPOLLOUT);
      return done;
    } else if (n < 0 && errno != EINTR) {
      streams_input_end(streams);
    }
  }
  return size; /* a process that no longer reads loses its input */
}

void streams_input_end(struct streams *streams) {
  if (streams->input.fd < 0) return;
  loop_remove(streams->loop, &streams->input);
  close(streams->input.fd);
  streams->input.fd = -1;
  /* Input that waited to be taken is dropped; clients go on reading so as to see their end. */
  for (struct client *client = streams->clients, *next; client; client = next) {
    next = client->next;
    client_feed(client);
  }
}

int streams_start(struct streams *streams, struct loop *loop) {
  streams->loop = loop;
  streams->started = 1;
  if (streams->terminal) {
    if (streams->console < 0) return -1;
    fcntl(streams->console, F_SETFL, O_NONBLOCK | O_RDWR);
    streams->outputs[0].source.fd = streams->console;
    /* A description of its own in epoll: reading and writing wait apart. */
    streams->input.fd = fcntl(streams->console, F_DUPFD_CLOEXEC, 3);
  }
  for (int i = 0; i < 2; i++) {
    if (streams->outputs[i].source.fd >= 0 && loop_add(loop, &streams->outputs[i].source, EPOLLIN) < 0) return -1;
  }
  /* Clients may have typed already, more than the pipe could take. */
  if (streams->input.fd >= 0 && loop_add(loop, &streams->input, streams->clients ? EPOLLOUT : 0) < 0) return -1;
  return 0;
}

void streams_drain(struct streams *streams) {
  streams->finished = 1;
  streams_update(streams);
  for (int i = 0; i < 2; i++) {
    /* Bounded: something that still lives may write for ever. */
    size_t most = 4 * 1024 * 1024;
    struct output *output = &streams->outputs[i];
    while (output->source.fd >= 0 && most) {
      ssize_t n = read_output(output);
      if (n <= 0) break;
      most -= (size_t) n < most ? (size_t) n : most;
    }
  }
}

void streams_cut(struct streams *streams) {
  streams->finished = 1;
  streams_drain(streams);
  for (int i = 0; i < 2; i++) close_output(&streams->outputs[i]);
}

int streams_resize(struct streams *streams, int rows, int columns) {
  struct winsize size = {.ws_row = (unsigned short) rows, .ws_col = (unsigned short) columns};
  /* Without a terminal there is nothing to do, which is no error to any client. */
  if (streams->console < 0) return 0;
  return ioctl(streams->console, TIOCSWINSZ, &size);
}

int streams_waiting(const struct streams *streams) {
  const struct client *client = streams->clients;
  while (client && client->gone) client = client->next;
  return client != NULL;
}

void streams_close(struct streams *streams) {
  streams->ended = NULL;
  streams->deserted = NULL;
  for (int i = 0; i < 2; i++) {
    struct source *source = &streams->outputs[i].source;
    if (source->fd < 0) continue;
    if (streams->loop) loop_remove(streams->loop, source);
    if (source->fd != streams->console) close(source->fd);
    source->fd = -1;
  }
  if (streams->input.fd >= 0) {
    if (streams->loop) loop_remove(streams->loop, &streams->input);
    close(streams->input.fd);
    streams->input.fd = -1;
  }
  while (streams->clients) client_free(streams->clients);
  if (streams->idle_timer) {
    loop_cancel(streams->loop, streams->idle_timer);
    give_memory_back(streams);
  }
  if (streams->delivery_timer) loop_cancel(streams->loop, streams->delivery_timer);
  streams->delivery_timer = 0;
  if (streams->console >= 0) close(streams->console);
  streams->console = -1;
}

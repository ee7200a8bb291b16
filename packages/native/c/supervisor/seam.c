#include <poll.h>
#include <string.h>

#include "supervisor/streams.h"

/* A line whose rest comes later than this was left unfinished by its program: a prompt, say. */
enum { halves_ns = 100 * 1000 * 1000 };

/* Programs whose output is no terminal write whole blocks of a power of two, the smallest (musl's) of this size, wherever a line
   ends. One that stands still between two blocks is in the midst of a line all the same; a prompt is as long as it happens to be. */
enum { block = 1024 };

/* Whether the program has written more than was read. FIONREAD does not know of what a pty has still on its way to its
   master; poll() waits for that. */
static int more_waits(const struct output *output) {
  struct pollfd fd = {.fd = output->source.fd, .events = POLLIN};
  return poll(&fd, 1, 0) > 0 && fd.revents & POLLIN;
}

void seam_begin(struct client *client) {
  const struct streams *streams = client->streams;
  if (!streams->log) return;
  for (int i = 0; i < 2; i++) {
    size_t size;
    const char *head = log_partial(streams->log, i + 1, &size);
    if (!head) continue;
    const struct output *output = &streams->outputs[i];
    if (more_waits(output) || output->read_size % block == 0)
      client_output(client, i + 1, head, size);
    else
      client->owed[i] = 1;
  }
}

void seam_output(const struct output *output, const char *data, size_t size, int64_t now) {
  const struct streams *streams = output->streams;
  for (struct client *client = streams->clients; client; client = client->next) {
    int *owed = &client->owed[output->number - 1];
    if (!*owed) continue;
    *owed = 0;
    if (!streams->log || now - output->read_at >= halves_ns || (data && !memchr(data, '\n', size))) continue;
    size_t head_size;
    const char *head = log_partial(streams->log, output->number, &head_size);
    if (head) client_output(client, output->number, head, head_size);
  }
}

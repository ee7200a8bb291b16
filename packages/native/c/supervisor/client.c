#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "supervisor/streams.h"

/* From where on a client's backlog stops the process's output, and how much of its input is read at a time. */
enum { queue_max = 512 * 1024, read_max = 32 * 1024 };

int client_behind(const struct client *client) {
  return buffer_size(&client->queue) > queue_max;
}

static void update(struct client *client) {
  if (client->gone) return;
  uint32_t events = buffer_size(&client->queue) ? EPOLLOUT : 0;
  /* After the output's end, input is read only to see the client go. */
  if (!client->in_ended && !buffer_size(&client->typed)) events |= EPOLLIN;
  loop_change(client->streams->loop, &client->source, events);
}

static void tell_deserted(struct streams *streams) {
  if (streams->deserted && !streams_waiting(streams)) streams->deserted(streams, streams->data);
}

/* Unread input would make the client's last read an error instead of the end. Bounded, for it may go on typing. */
static void discard_input(struct client *client) {
  char *data = streams_scratch();
  for (int i = 0; data && i < 64; i++) {
    if (recv(client->source.fd, data, read_max, MSG_DONTWAIT) <= 0) break;
  }
}

void client_free(struct client *client) {
  struct streams *streams = client->streams;
  for (struct client **at = &streams->clients; *at; at = &(*at)->next) {
    if (*at == client) {
      *at = client->next;
      break;
    }
  }
  loop_remove(streams->loop, &client->source);
  discard_input(client);
  close(client->source.fd);
  buffer_free(&client->queue);
  buffer_free(&client->typed);
  free(client->token);
  free(client);
  streams_update(streams);
  tell_deserted(streams);
}

static void shut_when_sent(struct client *client) {
  if (client->ended && !client->shut && !buffer_size(&client->queue)) {
    /* Not closed: what is still typed would then make the client's last read an error instead of the end. */
    shutdown(client->source.fd, SHUT_WR);
    client->shut = 1;
  }
}

void client_end(struct client *client) {
  client->ended = 1;
  buffer_free(&client->typed);
  shut_when_sent(client);
  update(client);
}

/* Sends header and data; returns how much the socket took, or -1 when the client is gone. */
static ssize_t send_vector(int fd, struct iovec *parts, int count) {
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t) count};
  ssize_t n;
  do n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 && errno == EAGAIN ? 0 : n;
}

void client_output(struct client *client, int number, const char *data, size_t size) {
  if (client->ended || !(number == 1 ? client->out : client->err)) return;
  unsigned char head[8] = {
      (unsigned char) number, 0, 0, 0, (unsigned char) (size >> 24), (unsigned char) (size >> 16), (unsigned char) (size >> 8),
      (unsigned char) size};
  size_t head_size = client->streams->terminal ? 0 : sizeof head, sent = 0;
  if (!buffer_size(&client->queue)) {
    struct iovec parts[2] = {{head, head_size}, {(void *) data, size}};
    ssize_t n = send_vector(client->source.fd, parts, 2);
    if (n < 0) {
      /* Its end is told by the socket too; freeing it here would pull it from under whoever walks the list. */
      client->ended = client->shut = 1;
      return;
    }
    sent = (size_t) n;
  }
  if (sent == head_size + size) return;
  int status = 0;
  if (sent < head_size) status = buffer_append(&client->queue, head + sent, head_size - sent);
  size_t from = sent > head_size ? sent - head_size : 0;
  if (status < 0 || buffer_append(&client->queue, data + from, size - from) < 0) {
    shutdown(client->source.fd, SHUT_RDWR); /* without memory there is no way to keep the stream whole */
    client->ended = client->shut = 1;
  }
  update(client);
}

static void detach_now(struct client *client) {
  struct streams *streams = client->streams;
  if (streams->detached) streams->detached(client, streams->data);
  client_end(client);
}

/* The client will send no more. What that means is dockerd's: the end of the process's input where one client's end
   is meant to be that, else the end of this client. */
static void input_ended(struct client *client) {
  struct streams *streams = client->streams;
  client->in_ended = 1;
  if (client->ended || !client->in) {
    update(client);
    return;
  }
  if (streams->close_input && !streams->terminal) {
    streams_input_end(streams);
    update(client);
  } else {
    client_end(client);
  }
}

void client_typed(struct client *client, const char *data, size_t size) {
  char *filtered = NULL;
  int detached = 0;
  if (client->detach.count) {
    filtered = malloc(size + detach_max);
    if (!filtered) return;
    detached = detach_filter(&client->detach, data, size, filtered, &size);
    data = filtered;
  }
  size_t taken = streams_input(client->streams, data, size);
  if (taken < size) buffer_append(&client->typed, data + taken, size - taken);
  free(filtered);
  if (detached)
    detach_now(client);
  else
    update(client);
}

/* Reads once; returns 0 when there is nothing more to read now. */
static int read_input(struct client *client) {
  char *data = streams_scratch();
  ssize_t n = data ? recv(client->source.fd, data, read_max, MSG_DONTWAIT) : 0;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n <= 0) {
    if (!client->in_ended) input_ended(client);
    return 0;
  }
  if (client->in && !client->ended) client_typed(client, data, (size_t) n);
  return 1;
}

static void flush(struct client *client) {
  while (buffer_size(&client->queue)) {
    struct iovec part = {buffer_head(&client->queue), buffer_size(&client->queue)};
    ssize_t n = send_vector(client->source.fd, &part, 1);
    if (n < 0) {
      client_free(client);
      return;
    }
    if (n == 0) break;
    buffer_consume(&client->queue, (size_t) n);
  }
  shut_when_sent(client);
  update(client);
  streams_update(client->streams);
}

/* Both directions of the socket are closed. What was typed before counts: the process gets it as it takes it. */
static void gone(struct client *client) {
  client->gone = 1;
  while (client->in && !client->in_ended && !client->ended && !buffer_size(&client->typed) && read_input(client))
    ;
  if (client->in && !client->ended && buffer_size(&client->typed)) {
    loop_remove(client->streams->loop, &client->source);
    tell_deserted(client->streams);
  } else {
    client_free(client);
  }
}

void client_feed(struct client *client) {
  if (!buffer_size(&client->typed)) return;
  size_t taken = streams_input(client->streams, buffer_head(&client->typed), buffer_size(&client->typed));
  buffer_consume(&client->typed, taken);
  if (!client->gone)
    update(client);
  else if (!buffer_size(&client->typed))
    gone(client);
}

static void ready(struct source *source, uint32_t events) {
  struct client *client = (struct client *) source;
  if (events & (EPOLLHUP | EPOLLERR))
    gone(client);
  else if (events & EPOLLOUT)
    flush(client);
  else if (events & EPOLLIN)
    read_input(client);
}

struct client *streams_attach(struct streams *streams, struct loop *loop, int fd, const char *token) {
  struct client *client = calloc(1, sizeof *client);
  if (!client) return NULL;
  client->source = (struct source){.fd = fd, .ready = ready};
  client->streams = streams;
  client->token = strdup(token);
  streams->loop = loop;
  if (!client->token || loop_add(loop, &client->source, EPOLLIN) < 0) {
    free(client->token);
    free(client);
    return NULL;
  }
  struct client **at = &streams->clients;
  while (*at) at = &(*at)->next;
  *at = client;
  return client;
}

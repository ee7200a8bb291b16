/* A connection that asks for an exec: it is answered when the program runs, and then carries its streams. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/core.h"

/* A connection whose exec is on its way. */
struct asked {
  struct peer *peer;
  struct client_message client; /* with strings of its own */
};

static void asked_free(struct asked *asked) {
  free((char *) asked->client.token);
  free((char *) asked->client.keys);
  peer_free(asked->peer);
  free(asked);
}

static void send_failed(int fd, const struct error *err) {
  char number[16];
  snprintf(number, sizeof number, "%d", err->status);
  peer_reply(fd, (const char *[5]){"failed", err->stage, number, err->message, err->step});
}

/* The program runs: it is answered, and its streams are the connection's. A client that wants none of them has its answer, and
   its connection ends. */
static int give_streams(struct exec *exec, struct peer *peer, const struct client_message *asked) {
  struct channel *channel = &peer->channel;
  struct client *client = NULL;
  if ((asked->in || asked->out || asked->err) &&
      !(client = streams_attach(exec_streams(exec), peer->supervisor->loop, channel->fd, asked->token)))
    return -1;
  char number[16];
  snprintf(number, sizeof number, "%d", exec_pid(exec));
  peer_reply(channel->fd, (const char *[5]){"started", number});
  if (!client) return 0;
  channel->fd = -1;
  begin_client(client, asked, buffer_head(&channel->in), buffer_size(&channel->in));
  return 0;
}

static void exec_runs(struct exec *exec, const struct error *err, void *data) {
  struct asked *asked = data;
  if (!exec) {
    send_failed(asked->peer->channel.fd, err);
  } else if (give_streams(exec, asked->peer, &asked->client) < 0) {
    struct error unwatched;
    fail(&unwatched, "exec", errno, "watch the client");
    exec_abandon(exec);
    send_failed(asked->peer->channel.fd, &unwatched);
  }
  asked_free(asked);
}

static struct asked *asked_new(struct peer *peer, const struct client_message *client) {
  struct asked *asked = calloc(1, sizeof *asked);
  char *token = strdup(client->token), *keys = strdup(client->keys);
  if (!asked || !token || !keys) {
    free(asked);
    free(token);
    free(keys);
    return NULL;
  }
  asked->peer = peer;
  asked->client = *client;
  asked->client.token = token;
  asked->client.keys = keys;
  return asked;
}

/* A supervisor that was stopped for a while may find that who asked has given up: nobody would know of the exec. */
static int gave_up(const struct peer *peer) {
  struct pollfd polled = {.fd = peer->channel.fd};
  return poll(&polled, 1, 0) == 1 && polled.revents & (POLLHUP | POLLERR);
}

void peer_exec(struct peer *peer, const struct launch *message) {
  struct exec_request request;
  struct error err;
  struct asked *asked = NULL;
  peer_stop(peer);
  if (gave_up(peer)) {
    peer_free(peer);
    return;
  }
  int status = exec_parse(message, &request, &err);
  if (status == 0 && !(asked = asked_new(peer, &request.asked.client))) status = fail(&err, "exec", ENOMEM, "exec");
  if (status == 0) status = exec_start(peer->supervisor, &request, exec_runs, asked, &err);
  if (status == 0) return;
  send_failed(peer->channel.fd, &err);
  if (asked)
    asked_free(asked);
  else
    peer_free(peer);
}

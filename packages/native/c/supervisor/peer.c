#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor/core.h"

void peer_free(struct peer *peer) {
  struct supervisor *supervisor = peer->supervisor;
  if (peer->source.fd >= 0) loop_remove(supervisor->loop, &peer->source);
  channel_close(&peer->channel);
  int control = supervisor->control == peer;
  if (control) supervisor->control = NULL;
  free(peer);
  if (control) supervisor_check(supervisor);
}

void peer_flush(struct peer *peer) {
  /* A peer that is gone is noticed by its source, not here, where its caller still holds it. */
  if (channel_flush(&peer->channel) < 0) buffer_free(&peer->channel.out);
  loop_change(peer->supervisor->loop, &peer->source, EPOLLIN | (buffer_size(&peer->channel.out) ? EPOLLOUT : 0));
}

void peer_reply(int fd, const char *const strings[5]) {
  struct buffer out = {0};
  size_t mark = frame_begin(&out, 0);
  frame_record(&out, strings[0], strings[1], strings[2], strings[3], strings[4], NULL);
  frame_end(&out, mark);
  /* After an answer that was not sent whole, later bytes would be taken for its rest: the connection ends instead. */
  if (frame_send(fd, buffer_head(&out), buffer_size(&out)) != (ssize_t) buffer_size(&out)) shutdown(fd, SHUT_RDWR);
  buffer_free(&out);
}

/* `ok`, and where the log ends at which the client's stream begins: all that was read before is there, or is what
   seam_begin() and seam_output() send of unfinished lines. */
static void send_position(int fd, const struct log *log) {
  uint64_t device, inode, size;
  char file[48], length[24];
  if (!log || log_position(log, &device, &inode, &size) < 0) {
    peer_reply(fd, (const char *[5]){"ok"});
    return;
  }
  snprintf(file, sizeof file, "%llu:%llu", (unsigned long long) device, (unsigned long long) inode);
  snprintf(length, sizeof length, "%llu", (unsigned long long) size);
  peer_reply(fd, (const char *[5]){"ok", file, length});
}

/* The daemon (a new one, perhaps) takes control. */
static void become_control(struct peer *peer) {
  struct supervisor *supervisor = peer->supervisor;
  struct peer *former = supervisor->control;
  supervisor->control = peer;
  peer->control = 1;
  if (former) peer_free(former);
  char pid[16], own[16], code[16], finished[24];
  snprintf(pid, sizeof pid, "%d", supervisor->pid);
  snprintf(own, sizeof own, "%d", getpid());
  const char *foreign = supervisor->container && container_is_foreign(supervisor->container) ? "1" : "0";
  supervisor_tell(supervisor, "state", supervisor->start.id, pid, own, foreign);
  supervisor_oom_again(supervisor);
  exec_announce(supervisor);
  if (supervisor->reported) {
    snprintf(code, sizeof code, "%d", supervisor->exit_code);
    snprintf(finished, sizeof finished, "%lld", (long long) supervisor->finished_at);
    supervisor_tell(supervisor, "exited", code, supervisor->oom_kills ? "1" : "0", finished);
  }
  /* The clients that the start waits for were the former one's: they come no more. */
  if (!supervisor->started && supervisor->early_missing) loop_stop(supervisor->loop);
}

/* The socket is about to be somebody else's, who puts it into the loop anew. */
void peer_stop(struct peer *peer) {
  loop_remove(peer->supervisor->loop, &peer->source);
  peer->source.fd = -1;
}

static void become_attached(struct peer *peer, const struct client_message *asked) {
  struct supervisor *supervisor = peer->supervisor;
  struct channel *channel = &peer->channel;
  peer_stop(peer);
  /* Without an answer the daemon knows that the connection has no streams. */
  struct client *client = streams_attach(&supervisor->streams, supervisor->loop, channel->fd, asked->token);
  if (client) {
    send_position(channel->fd, asked->behind_log ? supervisor->streams.log : NULL);
    channel->fd = -1;
    begin_client(client, asked, buffer_head(&channel->in), buffer_size(&channel->in));
  }
  for (size_t i = 0; i < supervisor->early_count; i++) {
    struct early *early = &supervisor->early[i];
    if (!early->connected && !strcmp(early->client.token, asked->token)) {
      early->connected = 1;
      supervisor->early_missing--;
    }
  }
  peer_free(peer);
  supervisor_check(supervisor);
}

/* The first frame of a connection says what it is for. Returns 1 when the peer lives on as the control. */
static int introduce(struct peer *peer, const struct launch *message) {
  const struct launch_record *first = &message->records[0];
  struct client_message client = {0};
  struct error err;
  if (!strcmp(first->argv[0], "control")) {
    become_control(peer);
    return 1;
  }
  if (!strcmp(first->argv[0], "attach") && peer->supervisor->attachable &&
      fields_decode("attach", client_fields, first, &client, NULL, &err) == 0)
    become_attached(peer, &client);
  else if (!strcmp(first->argv[0], "exec") && peer->supervisor->started)
    peer_exec(peer, message);
  else
    peer_free(peer);
  return 0;
}

/* Takes one frame off the channel; 0 when there is none (or the peer is gone). */
static int take_frame(struct peer *peer) {
  uint32_t handle;
  const char *records;
  size_t size;
  int status = frame_next(&peer->channel.in, &handle, &records, &size);
  if (status == 0) return 0;
  struct launch message;
  struct error err;
  if (status < 0 || launch_parse(records, size, &message, &err) < 0 || message.count == 0) {
    peer_free(peer);
    return 0;
  }
  buffer_consume(&peer->channel.in, size + frame_head);
  int more = 1;
  if (peer->control)
    control_message(peer->supervisor, &message);
  else
    more = introduce(peer, &message);
  launch_free(&message);
  return more;
}

static void ready(struct source *source, uint32_t events) {
  struct peer *peer = (struct peer *) source;
  if (events & EPOLLOUT) peer_flush(peer);
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  int status = channel_read(&peer->channel);
  if (status < 0)
    peer_free(peer);
  else if (status > 0)
    while (take_frame(peer))
      ;
}

struct peer *peer_new(struct supervisor *supervisor, int fd) {
  struct peer *peer = calloc(1, sizeof *peer);
  if (!peer) return NULL;
  peer->source = (struct source){.fd = fd, .ready = ready};
  peer->channel.fd = fd;
  peer->supervisor = supervisor;
  if (loop_add(supervisor->loop, &peer->source, EPOLLIN) < 0) {
    free(peer);
    return NULL;
  }
  return peer;
}

static void connected(struct source *source, uint32_t events) {
  struct supervisor *supervisor = (struct supervisor *) ((char *) source - offsetof(struct supervisor, listener));
  int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || (peer.uid != 0 && peer.uid != geteuid()) ||
      !peer_new(supervisor, fd))
    close(fd);
}

int peer_gone(const struct peer *peer) {
  struct pollfd fd = {.fd = peer->source.fd};
  return poll(&fd, 1, 0) > 0 && fd.revents & (POLLHUP | POLLERR);
}

int listen_at(struct supervisor *supervisor, struct error *err) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "supervisor.sock"};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(err, "socket", errno, "socket");
  supervisor->listener = (struct source){.fd = fd, .ready = connected};
  /* Relative to the directory, whose path may be longer than an address can be. The mode comes from the umask. */
  if (fchdir(supervisor->directory) < 0) return fail(err, "socket", errno, "chdir");
  unlink(address.sun_path);
  int status = bind(fd, (struct sockaddr *) &address, sizeof address);
  struct stat st;
  if (status == 0 && (status = lstat(address.sun_path, &st)) == 0) supervisor->socket = st.st_ino;
  flock(supervisor->directory, LOCK_UN);
  if (chdir("/") < 0 || status < 0 || listen(fd, 64) < 0) return fail(err, "socket", errno, "listen on supervisor.sock");
  if (loop_add(supervisor->loop, &supervisor->listener, EPOLLIN) < 0) return fail(err, "socket", errno, "epoll");
  return 0;
}

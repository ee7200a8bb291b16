#include "container/runtime/console.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"

int console_listen(struct console *console, int directory, int number, struct error *err) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(console->name, sizeof console->name, "console.%d", number);
  /* The directory's own path may be longer than a socket's can be. */
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory, console->name);
  console->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (console->listener < 0 || bind(console->listener, (struct sockaddr *) &address, sizeof address) < 0 ||
      listen(console->listener, 1) < 0)
    return fail(err, "terminal", errno, "the socket for the terminal");
  return 0;
}

/* Receives one descriptor. Returns it; -1 with EAGAIN where it has not come yet. */
static int receive(int connection) {
  char name[512], space[CMSG_SPACE(sizeof(int))];
  struct iovec data = {.iov_base = name, .iov_len = sizeof name};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  int fd = -1;
  if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof fd))
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
  if (fd < 0) errno = EPROTO;
  return fd;
}

int console_take(struct console *console, int events) {
  if (console->listener >= 0 && console->connection < 0 && console->master < 0) {
    console->connection = accept4(console->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (console->connection < 0) return errno == EAGAIN ? 0 : -1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = console->connection};
    epoll_ctl(events, EPOLL_CTL_DEL, console->listener, NULL);
    if (epoll_ctl(events, EPOLL_CTL_ADD, console->connection, &event) < 0) return -1;
  }
  if (console->connection < 0) return 0;
  console->master = receive(console->connection);
  if (console->master < 0) return errno == EAGAIN ? 0 : -1;
  close(steal_fd(&console->connection));
  return 0;
}

void console_close(struct console *console, int directory) {
  if (console->listener >= 0) {
    close(console->listener);
    unlinkat(directory, console->name, 0);
  }
  if (console->connection >= 0) close(console->connection);
  if (console->master >= 0) close(console->master);
}

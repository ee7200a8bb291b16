/* Watches the packet filter: changes that others make to the daemon's table are told to the daemon. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/net.h"

static struct {
  char table[NFT_TABLE_MAXNAMELEN];
  int touched; /* the transaction being told of changes our table */
} watch;

int nftwatch_open(const char *table) {
  snprintf(watch.table, sizeof watch.table, "%s", table);
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
  if (fd < 0) return -1;
  int group = NFNLGRP_NFTABLES, room = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (bind(fd, (struct sockaddr *) &address, sizeof address) == 0 &&
      setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0)
    return fd;
  close(fd);
  return -1;
}

static const struct nlattr *attribute(const struct nlmsghdr *message, uint16_t type) {
  size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
  if (message->nlmsg_len < skip) return NULL;
  return netlink_find((const char *) message + skip, message->nlmsg_len - skip, type);
}

/* Whether that thread is one of ours, or of the daemon's (our parent's). */
static int is_ours(uint32_t thread) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%u", thread);
  if (access(path, F_OK) == 0) return 1;
  snprintf(path, sizeof path, "/proc/%d/task/%u", (int) getppid(), thread);
  return access(path, F_OK) == 0;
}

/* A transaction is told as its changes, then one message of the new generation that says who made it. */
static void take(const struct nlmsghdr *message) {
  int type = NFNL_MSG_TYPE(message->nlmsg_type);
  if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES) return;
  if (type == NFT_MSG_NEWGEN) {
    const struct nlattr *by = attribute(message, NFTA_GEN_PROC_PID);
    uint32_t thread = 0;
    if (by && netlink_size(by) == 4) memcpy(&thread, netlink_data(by), 4);
    if (watch.touched && !is_ours(ntohl(thread))) net_send(0, "", 0);
    watch.touched = 0;
    return;
  }
  /* The table's name is the first attribute of every kind of object. What the rules themselves put into a set is
     theirs. */
  if (type == NFT_MSG_NEWSETELEM) return;
  const struct nlattr *name = attribute(message, NFTA_TABLE_NAME);
  if (name && !strncmp(netlink_data(name), watch.table, netlink_size(name))) watch.touched = 1;
}

void nftwatch_ready(int fd) {
  static _Alignas(16) char bytes[65536];
  for (;;) {
    ssize_t size = recv(fd, bytes, sizeof bytes, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      net_send(0, "", 0); /* something was missed */
      continue;
    }
    if (size <= 0) return;
    int left = (int) size;
    for (const struct nlmsghdr *at = (void *) bytes; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) take(at);
  }
}

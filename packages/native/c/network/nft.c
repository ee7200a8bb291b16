/* Watches the packet filter: changes that others make to the daemon's table are told to the daemon. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* Whether our process ids are those that the kernel tells, which are of the machine's first PID namespace. */
static int ids_are_told(void) {
  const ino_t first = 0xeffffffc; /* PROC_PID_INIT_INO of the kernel */
  struct stat st;
  return stat("/proc/self/ns/pid", &st) < 0 || st.st_ino == first;
}

/* Whether a thread of the process at `directory` (of procfs) has that name. */
static int has_thread_named(const char *directory, const char *name) {
  char path[300], found[32];
  snprintf(path, sizeof path, "%s/task", directory);
  DIR *tasks = opendir(path);
  if (!tasks) return 0;
  int same = 0;
  for (struct dirent *task; !same && (task = readdir(tasks));) {
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/task/%s/comm", directory, task->d_name);
    FILE *file = fopen(path, "re");
    if (!file) continue;
    if (fgets(found, sizeof found, file)) {
      found[strcspn(found, "\n")] = 0;
      same = !strcmp(found, name);
    }
    fclose(file);
  }
  closedir(tasks);
  return same;
}

/* Whether that thread is one of ours, or of the daemon's (our parent's). In another PID namespace than the machine's first
   the kernel's ids mean nothing to us: there the thread's name has to do, so that a change by another program of the
   daemon's name goes unseen. Without that each change of our own would be taken for somebody else's, and be mended by
   the next one, for ever. */
static int is_ours(uint32_t thread, const char *name) {
  char parent[64], path[96];
  snprintf(parent, sizeof parent, "/proc/%d", (int) getppid());
  if (!ids_are_told()) return has_thread_named("/proc/self", name) || has_thread_named(parent, name);
  snprintf(path, sizeof path, "/proc/self/task/%u", thread);
  if (access(path, F_OK) == 0) return 1;
  snprintf(path, sizeof path, "%s/task/%u", parent, thread);
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
    const struct nlattr *named = attribute(message, NFTA_GEN_PROC_NAME);
    char name[32] = "";
    if (named) snprintf(name, sizeof name, "%.*s", (int) netlink_size(named), (const char *) netlink_data(named));
    if (watch.touched && !is_ours(ntohl(thread), name)) net_send(0, "", 0);
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

/* Netlink messages: a builder of batches and their exchange with the kernel. */
#ifndef BERTH_NETLINK_H
#define BERTH_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct netlink {
  int fd; /* -1: closed */
  uint32_t sequence;
};

/* Messages that go to the kernel in one write. A message that would not fit marks the batch as full. */
struct netlink_batch {
  size_t size;
  struct nlmsghdr *open; /* the message being built */
  int count;
  int full;
  int trailer;       /* 1: the last message gets no answer (an nftables batch's end) */
  char what[64][40]; /* of each message, for the error: "address 172.17.0.2 on eth0" */
  _Alignas(16) char bytes[32768];
};

/* A socket of that protocol in the calling thread's network namespace. */
int netlink_open(struct netlink *netlink, int protocol, struct error *err);
/* Closes the socket; nothing for one that is closed. */
void netlink_close(struct netlink *netlink);

/* Begins a batch anew; the first thing with one. */
void netlink_reset(struct netlink_batch *batch);
/* Begins a message; `header` (of `size` bytes) follows the netlink header. Returns a pointer to it inside the batch. */
void *netlink_message(struct netlink_batch *batch, uint16_t type, uint16_t flags, const void *header, size_t size);
/* Names the message just begun, for errors. */
void netlink_about(struct netlink_batch *batch, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Append an attribute to the open message: bytes, a number in the order of bytes of the host (be32: of the network), a string with
   its NUL. One that finds no room marks the batch as full, which netlink_commit() and netlink_query() refuse. */
void netlink_put(struct netlink_batch *batch, uint16_t type, const void *data, size_t size);
void netlink_put_u8(struct netlink_batch *batch, uint16_t type, uint8_t value);
void netlink_put_u16(struct netlink_batch *batch, uint16_t type, uint16_t value);
void netlink_put_u32(struct netlink_batch *batch, uint16_t type, uint32_t value);
void netlink_put_be32(struct netlink_batch *batch, uint16_t type, uint32_t value);
void netlink_put_string(struct netlink_batch *batch, uint16_t type, const char *value);
/* Appends `size` raw bytes to the open message, padded (the peer's ifinfomsg of a veth). */
void *netlink_raw(struct netlink_batch *batch, const void *data, size_t size);
/* Opens an attribute that holds those put from here on, up to netlink_nest_end(). NULL in a full batch, which is taken there. */
struct nlattr *netlink_nest(struct netlink_batch *batch, uint16_t type);
/* Closes it. */
void netlink_nest_end(struct netlink_batch *batch, struct nlattr *nest);

/* Sends the batch and takes in every answer. The kernel works off all messages before it returns, also after one that
   failed; the first failure is told, with the errno values of `ignore` (0-terminated, or NULL) counting as success. */
int netlink_commit(struct netlink *netlink, struct netlink_batch *batch, const int *ignore, struct error *err);

/* Called for every answer of a query; returns -1 to skip the rest. */
typedef int (*netlink_each)(const struct nlmsghdr *message, void *data);
/* Sends one dump or get request and calls `each` for every answer of it. Returns 0, or -1 with the kernel's words. */
int netlink_query(struct netlink *netlink, struct netlink_batch *batch, netlink_each each, void *data, struct error *err);

/* The attribute of that type in a run of attributes, or NULL. */
const struct nlattr *netlink_find(const void *attributes, size_t size, uint16_t type);
static inline const void *netlink_data(const struct nlattr *attribute) {
  return (const char *) attribute + NLA_HDRLEN;
}
static inline size_t netlink_size(const struct nlattr *attribute) {
  return attribute->nla_len - (size_t) NLA_HDRLEN;
}

#endif

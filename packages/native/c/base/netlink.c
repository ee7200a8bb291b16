#include "base/netlink.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <unistd.h>

int netlink_open(struct netlink *netlink, int protocol, struct error *err) {
  netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  netlink->sequence = 0;
  if (netlink->fd < 0) return fail(err, "netlink", errno, "open a netlink socket");
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (bind(netlink->fd, (struct sockaddr *) &address, sizeof address) < 0) {
    fail(err, "netlink", errno, "bind a netlink socket");
    netlink_close(netlink);
    return -1;
  }
  int one = 1;
  setsockopt(netlink->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
  setsockopt(netlink->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  return 0;
}

void netlink_close(struct netlink *netlink) {
  if (netlink->fd >= 0) close(netlink->fd);
  netlink->fd = -1;
}

void netlink_reset(struct netlink_batch *batch) {
  batch->size = 0;
  batch->open = NULL;
  batch->count = 0;
  batch->full = 0;
  batch->trailer = 0;
}

/* Room of `size` bytes (aligned) at the end of the batch, zeroed; NULL when it is full. */
static void *extend(struct netlink_batch *batch, size_t size) {
  size = NLMSG_ALIGN(size);
  if (batch->full || batch->size + size > sizeof batch->bytes) {
    batch->full = 1;
    return NULL;
  }
  void *at = batch->bytes + batch->size;
  memset(at, 0, size);
  batch->size += size;
  if (batch->open) batch->open->nlmsg_len = (uint32_t) (batch->bytes + batch->size - (char *) batch->open);
  return at;
}

void *netlink_message(struct netlink_batch *batch, uint16_t type, uint16_t flags, const void *header, size_t size) {
  batch->open = NULL;
  if (batch->count >= (int) (sizeof batch->what / sizeof batch->what[0])) batch->full = 1;
  struct nlmsghdr *message = extend(batch, NLMSG_HDRLEN + size);
  if (!message) return NULL;
  message->nlmsg_type = type;
  message->nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags);
  message->nlmsg_len = (uint32_t) NLMSG_ALIGN(NLMSG_HDRLEN + size);
  if (size) memcpy((char *) message + NLMSG_HDRLEN, header, size);
  batch->open = message;
  batch->what[batch->count++][0] = 0;
  return (char *) message + NLMSG_HDRLEN;
}

void netlink_about(struct netlink_batch *batch, const char *format, ...) {
  if (batch->full || batch->count == 0) return;
  va_list args;
  va_start(args, format);
  vsnprintf(batch->what[batch->count - 1], sizeof batch->what[0], format, args);
  va_end(args);
}

void netlink_put(struct netlink_batch *batch, uint16_t type, const void *data, size_t size) {
  struct nlattr *attribute = extend(batch, NLA_HDRLEN + size);
  if (!attribute) return;
  attribute->nla_type = type;
  attribute->nla_len = (uint16_t) (NLA_HDRLEN + size);
  if (size) memcpy((char *) attribute + NLA_HDRLEN, data, size);
}

void netlink_put_u8(struct netlink_batch *batch, uint16_t type, uint8_t value) {
  netlink_put(batch, type, &value, sizeof value);
}

void netlink_put_u16(struct netlink_batch *batch, uint16_t type, uint16_t value) {
  netlink_put(batch, type, &value, sizeof value);
}

void netlink_put_u32(struct netlink_batch *batch, uint16_t type, uint32_t value) {
  netlink_put(batch, type, &value, sizeof value);
}

void netlink_put_be32(struct netlink_batch *batch, uint16_t type, uint32_t value) {
  netlink_put_u32(batch, type, htonl(value));
}

void netlink_put_string(struct netlink_batch *batch, uint16_t type, const char *value) {
  netlink_put(batch, type, value, strlen(value) + 1);
}

void *netlink_raw(struct netlink_batch *batch, const void *data, size_t size) {
  void *at = extend(batch, size);
  if (at) memcpy(at, data, size);
  return at;
}

struct nlattr *netlink_nest(struct netlink_batch *batch, uint16_t type) {
  struct nlattr *nest = extend(batch, NLA_HDRLEN);
  if (nest) nest->nla_type = (uint16_t) (type | NLA_F_NESTED);
  return nest;
}

void netlink_nest_end(struct netlink_batch *batch, struct nlattr *nest) {
  if (nest) nest->nla_len = (uint16_t) (batch->bytes + batch->size - (char *) nest);
}

/* The kernel's own words for a failure, where it gave any. */
static const char *explanation(const struct nlmsghdr *message) {
  const struct nlmsgerr *error = NLMSG_DATA(message);
  if (!(message->nlmsg_flags & NLM_F_ACK_TLVS)) return NULL;
  size_t skip = sizeof *error;
  if (!(message->nlmsg_flags & NLM_F_CAPPED) && error->msg.nlmsg_len > sizeof error->msg)
    skip += NLMSG_ALIGN(error->msg.nlmsg_len - sizeof error->msg);
  size_t size = message->nlmsg_len - NLMSG_HDRLEN;
  if (skip >= size) return NULL;
  const struct nlattr *text = netlink_find((const char *) error + skip, size - skip, NLMSGERR_ATTR_MSG);
  return text && netlink_size(text) > 0 ? netlink_data(text) : NULL;
}

static int ignored(int status, const int *ignore) {
  for (; ignore && *ignore; ignore++) {
    if (*ignore == status) return 1;
  }
  return 0;
}

int netlink_commit(struct netlink *netlink, struct netlink_batch *batch, const int *ignore, struct error *err) {
  if (batch->full) return fail(err, "netlink", EMSGSIZE, "too many network changes at once");
  if (batch->count == 0) return 0;
  uint32_t first = netlink->sequence + 1;
  size_t at = 0;
  struct nlmsghdr *last = NULL;
  for (int i = 0; i < batch->count; i++) {
    struct nlmsghdr *message = (struct nlmsghdr *) (batch->bytes + at);
    message->nlmsg_seq = ++netlink->sequence;
    at += NLMSG_ALIGN(message->nlmsg_len);
    if (i < batch->count - batch->trailer) last = message;
  }
  if (!last) return fail(err, "netlink", EINVAL, "nothing but the edges of a batch");
  last->nlmsg_flags |= NLM_F_ACK;
  if (send(netlink->fd, batch->bytes, batch->size, 0) < 0) return fail(err, "netlink", errno, "send to the kernel");

  int failed = 0;
  char answer[8192];
  for (;;) {
    ssize_t size = recv(netlink->fd, answer, sizeof answer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(err, "netlink", errno, "receive from the kernel");
    int left = (int) size;
    for (struct nlmsghdr *message = (struct nlmsghdr *) answer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_seq < first) continue;
      const struct nlmsgerr *error = NLMSG_DATA(message);
      uint32_t index = message->nlmsg_seq - first;
      if (error->error && !ignored(-error->error, ignore) && !failed && index < (uint32_t) batch->count) {
        const char *words = explanation(message);
        failed = 1;
        fail(err, "netlink", -error->error, "%s%s%s%s", batch->what[index], words ? " (" : "", words ? words : "",
             words ? ")" : "");
      }
      if (message->nlmsg_seq == last->nlmsg_seq) return failed ? -1 : 0;
    }
  }
}

int netlink_query(struct netlink *netlink, struct netlink_batch *batch, netlink_each each, void *data, struct error *err) {
  if (batch->full || !batch->open) return fail(err, "netlink", EMSGSIZE, "network query");
  batch->open->nlmsg_seq = ++netlink->sequence;
  int dump = (batch->open->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (send(netlink->fd, batch->bytes, batch->size, 0) < 0) return fail(err, "netlink", errno, "send to the kernel");
  int skip = 0;
  _Alignas(16) char answer[32768];
  for (;;) {
    ssize_t size = recv(netlink->fd, answer, sizeof answer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(err, "netlink", errno, "receive from the kernel");
    int left = (int) size;
    for (struct nlmsghdr *message = (struct nlmsghdr *) answer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_seq != netlink->sequence) continue;
      if (message->nlmsg_type == NLMSG_DONE) return 0;
      if (message->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(message);
        if (error->error == 0) return 0;
        return fail(err, "netlink", -error->error, "%s", batch->what[batch->count - 1]);
      }
      if (!skip && each(message, data) < 0) skip = 1;
      if (!dump) return 0;
    }
  }
}

const struct nlattr *netlink_find(const void *attributes, size_t size, uint16_t type) {
  const char *at = attributes;
  while (size >= (size_t) NLA_HDRLEN) {
    const struct nlattr *attribute = (const struct nlattr *) at;
    if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > size) return NULL;
    if ((attribute->nla_type & NLA_TYPE_MASK) == type) return attribute;
    size_t step = (size_t) NLA_ALIGN(attribute->nla_len);
    if (step >= size) return NULL;
    at += step;
    size -= step;
  }
  return NULL;
}

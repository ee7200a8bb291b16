/* Queries to the kernel: links of ours, addresses in use, counters. And the sockets of published ports. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "network/net.h"

static const void *link_attribute(const struct nlmsghdr *message, uint16_t type, size_t *size) {
  const struct ifinfomsg *header = NLMSG_DATA(message);
  size_t skip = NLMSG_ALIGN(sizeof *header);
  const struct nlattr *found = netlink_find((const char *) header + skip, message->nlmsg_len - NLMSG_HDRLEN - skip, type);
  if (found && size) *size = netlink_size(found);
  return found ? netlink_data(found) : NULL;
}

struct walk {
  struct net *net;
  struct reply *reply;
  int family;
};

static int each_link(const struct nlmsghdr *message, void *data) {
  struct walk *walk = data;
  if (message->nlmsg_type != RTM_NEWLINK) return 0;
  size_t size = 0;
  const uint32_t *group = link_attribute(message, IFLA_GROUP, &size);
  const char *name = link_attribute(message, IFLA_IFNAME, NULL);
  if (name && group && size == 4 && *group == walk->net->group) reply_put(walk->reply, "link", name);
  return 0;
}

static int dump(struct net *net, struct netlink *netlink, uint16_t type, const void *header, size_t size, netlink_each each,
                void *data, struct error *err) {
  netlink_reset(&net->batch);
  netlink_message(&net->batch, type, NLM_F_DUMP, header, size);
  netlink_about(&net->batch, "list what is there");
  return netlink_query(netlink, &net->batch, each, data, err);
}

/* links: a row `link NAME` for every link of this daemon's group. */
int net_op_links(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  (void) asked;
  struct walk walk = {.net = net, .reply = reply};
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
  if (dump(net, &net->host, RTM_GETLINK, &header, sizeof header, each_link, &walk, err) < 0) return -1;
  reply_put(reply, "ok");
  return 0;
}

static int each_route(const struct nlmsghdr *message, void *data) {
  struct walk *walk = data;
  const struct rtmsg *route = NLMSG_DATA(message);
  if (message->nlmsg_type != RTM_NEWROUTE || route->rtm_type != RTN_UNICAST || route->rtm_dst_len == 0) return 0;
  size_t skip = NLMSG_ALIGN(sizeof *route), size = message->nlmsg_len - NLMSG_HDRLEN - skip;
  const struct nlattr *destination = netlink_find((const char *) route + skip, size, RTA_DST);
  const struct nlattr *device = netlink_find((const char *) route + skip, size, RTA_OIF);
  if (!destination) return 0;
  char text[INET6_ADDRSTRLEN], row[INET6_ADDRSTRLEN + 8], name[IFNAMSIZ] = "";
  if (!inet_ntop(route->rtm_family, netlink_data(destination), text, sizeof text)) return 0;
  snprintf(row, sizeof row, "%s/%d", text, route->rtm_dst_len);
  if (device) if_indextoname(*(const unsigned *) netlink_data(device), name);
  reply_put(walk->reply, "route", row, name);
  return 0;
}

/* taken: a row `route CIDR DEVICE` for every route of the host but the default ones. */
int net_op_taken(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  (void) asked;
  struct walk walk = {.net = net, .reply = reply};
  static const unsigned char families[] = {AF_INET, AF_INET6};
  for (int i = 0; i < 2; i++) {
    struct rtmsg header = {.rtm_family = families[i]};
    struct error ignored = {0};
    if (dump(net, &net->host, RTM_GETROUTE, &header, sizeof header, each_route, &walk, i ? &ignored : err) < 0 && i == 0)
      return -1;
  }
  reply_put(reply, "ok");
  return 0;
}

struct address_walk {
  struct reply *reply;
  unsigned index;
};

static int each_address(const struct nlmsghdr *message, void *data) {
  struct address_walk *walk = data;
  const struct ifaddrmsg *address = NLMSG_DATA(message);
  if (message->nlmsg_type != RTM_NEWADDR || address->ifa_index != walk->index) return 0;
  size_t skip = NLMSG_ALIGN(sizeof *address), size = message->nlmsg_len - NLMSG_HDRLEN - skip;
  const struct nlattr *value = netlink_find((const char *) address + skip, size, IFA_LOCAL);
  if (!value) value = netlink_find((const char *) address + skip, size, IFA_ADDRESS);
  char text[INET6_ADDRSTRLEN], row[INET6_ADDRSTRLEN + 8];
  if (!value || !inet_ntop(address->ifa_family, netlink_data(value), text, sizeof text)) return 0;
  snprintf(row, sizeof row, "%s/%d", text, address->ifa_prefixlen);
  reply_put(walk->reply, "address", row);
  return 0;
}

/* addresses NAME: a row `address CIDR` for every address of a link of the host. */
int net_op_addresses(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct addresses_request *request = &asked->addresses;
  struct address_walk walk = {.reply = reply, .index = if_nametoindex(request->name)};
  if (!walk.index) return fail(err, "net", ENODEV, "link %s", request->name);
  struct ifaddrmsg header = {.ifa_family = AF_UNSPEC};
  if (dump(net, &net->host, RTM_GETADDR, &header, sizeof header, each_address, &walk, err) < 0) return -1;
  reply_put(reply, "ok");
  return 0;
}

static int each_counter(const struct nlmsghdr *message, void *data) {
  struct walk *walk = data;
  size_t size = 0;
  const struct rtnl_link_stats64 *stats = link_attribute(message, IFLA_STATS64, &size);
  const char *name = link_attribute(message, IFLA_IFNAME, NULL);
  if (message->nlmsg_type != RTM_NEWLINK || !stats || !name || size < offsetof(struct rtnl_link_stats64, multicast)) return 0;
  struct rtnl_link_stats64 copy;
  memset(&copy, 0, sizeof copy);
  memcpy(&copy, stats, size < sizeof copy ? size : sizeof copy);
  char number[8][24];
  const uint64_t values[] = {copy.rx_bytes, copy.rx_packets, copy.rx_errors, copy.rx_dropped,
                             copy.tx_bytes, copy.tx_packets, copy.tx_errors, copy.tx_dropped};
  for (int i = 0; i < 8; i++) snprintf(number[i], sizeof number[i], "%llu", (unsigned long long) values[i]);
  reply_put(walk->reply, "interface", name, number[0], number[1], number[2], number[3], number[4], number[5], number[6],
            number[7]);
  return 0;
}

/* stats SANDBOX: a row per interface: received bytes, packets, errors, dropped; sent likewise. */
int net_op_stats(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct stats_request *request = &asked->stats;
  struct sandbox *sandbox = sandbox_get(net, request->sandbox, err);
  if (!sandbox) return -1;
  struct walk walk = {.net = net, .reply = reply};
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
  int result = dump(net, &sandbox->netlink, RTM_GETLINK, &header, sizeof header, each_counter, &walk, err);
  sandbox_put(sandbox);
  if (result == 0) reply_put(reply, "ok");
  return result;
}

/* listen PROTOCOL ADDRESS PORT: a bound (tcp: listening) socket of the host, kept until `close`; its number is the reply.
   The supervisor of the container takes a copy (pidfd_getfd). */
int net_op_listen(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct listen_request *request = &asked->listen;
  const char *protocol = request->protocol, *text = request->address;
  int tcp = !strcmp(protocol, "tcp"), port = (int) request->port, one = 1;
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t) port)};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
  int family = strchr(text, ':') ? AF_INET6 : AF_INET;
  void *bytes = family == AF_INET ? (void *) &four.sin_addr : (void *) &six.sin6_addr;
  if (inet_pton(family, text, bytes) != 1) return fail(err, "listen", EINVAL, "address %s", text);
  cleanup_close int fd = socket(family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(err, "socket", errno, "socket for %s", protocol);
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  if (tcp) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const struct sockaddr *address = family == AF_INET ? (struct sockaddr *) &four : (struct sockaddr *) &six;
  if (bind(fd, address, family == AF_INET ? sizeof four : sizeof six) < 0)
    return fail(err, "bind", errno, "bind %s:%d", text, port);
  if (tcp && listen(fd, 4096) < 0) return fail(err, "listen", errno, "listen on %s:%d", text, port);
  char number[12];
  snprintf(number, sizeof number, "%d", fd);
  (void) steal_fd(&fd);
  reply_put(reply, "ok", number);
  return 0;
}

/* close FD...: sockets that `listen` gave. */
int net_op_close(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct close_request *request = &asked->close;
  for (size_t i = 0; i < request->sockets.count; i++) close(atoi(request->sockets.items[i]));
  reply_put(reply, "ok");
  return 0;
}

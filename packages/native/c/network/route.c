/* Routes of a container, and the end of links. */
#include <linux/rtnetlink.h>
#include <string.h>

#include "network/link.h"

/* One default route, replaced; or deleted when neither gateway nor device is given. */
static int default_route(struct net *net, struct sandbox *sandbox, const char *gateway, const char *device, int family,
                         struct error *err) {
  /* A namespace that never had a route of IPv6 lacks the table (ENOENT). */
  static const int absent[] = {ESRCH, ENOENT, ENETUNREACH, EAFNOSUPPORT, EOPNOTSUPP, 0};
  struct netlink_batch *batch = &net->batch;
  int remove = !device || !*device, index = 0;
  if (!remove && (index = net_link_index(&sandbox->netlink, batch, device, err)) < 0) return -1;
  struct rtmsg header = {.rtm_family = (unsigned char) family,
                         .rtm_table = RT_TABLE_MAIN,
                         .rtm_protocol = remove ? RTPROT_UNSPEC : RTPROT_BOOT,
                         .rtm_scope = remove                ? RT_SCOPE_NOWHERE
                                      : gateway && *gateway ? RT_SCOPE_UNIVERSE
                                                            : RT_SCOPE_LINK,
                         .rtm_type = remove ? RTN_UNSPEC : RTN_UNICAST};
  netlink_reset(batch);
  if (remove)
    netlink_message(batch, RTM_DELROUTE, 0, &header, sizeof header);
  else
    netlink_message(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
  netlink_about(batch, "default route %s", gateway ? gateway : "");
  if (index) netlink_put_u32(batch, RTA_OIF, (uint32_t) index);
  if (!remove && gateway && *gateway) {
    struct net_address address;
    if (net_address(gateway, &address, err) < 0) return -1;
    netlink_put(batch, RTA_GATEWAY, address.bytes, (size_t) address.size);
  }
  return netlink_commit(&sandbox->netlink, batch, remove ? absent : NULL, err);
}

/* routes SANDBOX gateway4= device4= gateway6= device6=: the default routes as they shall be; only those families that
   have a `device` argument are touched ("": no route). */
int net_op_routes(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct routes_request *request = &asked->routes;
  struct sandbox *sandbox = sandbox_get(net, request->sandbox, err);
  if (!sandbox) return -1;
  int result = 0;
  if (request->device4) result = default_route(net, sandbox, request->gateway4, request->device4, AF_INET, err);
  if (result == 0 && request->device6) result = default_route(net, sandbox, request->gateway6, request->device6, AF_INET6, err);
  sandbox_put(sandbox);
  if (result == 0) reply_put(reply, "ok");
  return result;
}

static void put_delete(struct netlink_batch *batch, const char *name) {
  struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
  netlink_message(batch, RTM_DELLINK, 0, &header, sizeof header);
  netlink_about(batch, "delete %s", name);
  netlink_put_string(batch, IFLA_IFNAME, name);
}

static const int no_device[] = {ENODEV, 0};

/* unplug SANDBOX NAME: deletes an interface of a container. */
int net_op_unplug(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct unplug_request *request = &asked->unplug;
  struct sandbox *sandbox = sandbox_get(net, request->sandbox, err);
  if (!sandbox) return -1;
  netlink_reset(&net->batch);
  put_delete(&net->batch, request->name);
  int result = netlink_commit(&sandbox->netlink, &net->batch, no_device, err);
  if (result == 0 && sandbox->spare[0] && !strcmp(request->name, "eth0")) sandbox->spare[0] = 0;
  sandbox_put(sandbox);
  if (result == 0) reply_put(reply, "ok");
  return result;
}

/* unlink NAME: deletes a link of the host (a bridge). */
int net_op_unlink(struct net *net, const union net_request *asked, struct reply *reply, struct error *err) {
  const struct unlink_request *request = &asked->unlink;
  netlink_reset(&net->batch);
  put_delete(&net->batch, request->name);
  if (netlink_commit(&net->host, &net->batch, no_device, err) < 0) return -1;
  reply_put(reply, "ok");
  return 0;
}

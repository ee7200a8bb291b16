/* The arguments of network operations: what is meant by them, and what is refused. */
#include <string.h>

#include "base/check.h"
#include "network/requests.h"

static union net_request request;
static const char *words[16];
static struct error err;

static int decode(const struct field *fields, int argc, const char *const *argv) {
  struct launch_record record = {.argc = argc, .argv = (const char **) argv};
  err = (struct error){0};
  return net_decode(fields, &record, &request, words, &err);
}
#define DECODE(fields, ...) \
  decode(fields, (int) (sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})

static void check_refused(const char *reason) {
  char whole[256];
  snprintf(whole, sizeof whole, "%s: Invalid argument", reason);
  CHECK(err.status == EINVAL && !strcmp(err.stage, "net") && !strcmp(err.message, whole));
}

int main(void) {
  CHECK(DECODE(bridge_fields, "bridge", "br0", "address=10.0.0.1/8", "mtu=9000", "stale=a", "address=fd00::1/64") == 0);
  CHECK(!strcmp(request.bridge.name, "br0") && request.bridge.mtu == 9000 && request.bridge.mac == NULL);
  CHECK(request.bridge.addresses.count == 2 && !strcmp(request.bridge.addresses.items[1], "fd00::1/64"));
  CHECK(request.bridge.stale.count == 1 && !strcmp(request.bridge.stale.items[0], "a"));

  /* Numbers that are not given, or given as nothing, are the usual ones. */
  CHECK(DECODE(bridge_fields, "bridge", "br0", "mtu=") == 0);
  CHECK(request.bridge.mtu == 1500 && request.bridge.addresses.count == 0);
  CHECK(DECODE(endpoint_fields, "endpoint", "box", "name=eth0", "sysctl=net/a=b=c") == 0);
  CHECK(request.endpoint.mode == -1 && !strcmp(request.endpoint.sysctls.items[0], "net/a=b=c"));

  /* "" is a word like any other: no route. */
  CHECK(DECODE(routes_fields, "routes", "box", "device4=", "gateway4=") == 0);
  CHECK(request.routes.device4 && !*request.routes.device4 && request.routes.device6 == NULL);

  /* Words without a key take all that is left, whatever it looks like. */
  CHECK(DECODE(sandbox_fields, "sandbox", "box", "uid-map", "0", "1000", "a=b") == 0);
  CHECK(request.sandbox.maps.count == 4 && !strcmp(request.sandbox.maps.items[3], "a=b"));
  CHECK(DECODE(close_fields, "close") == 0 && request.close.sockets.count == 0);

  CHECK(DECODE(release_fields, "release", "box", "veth1", "veth2") == 0);
  CHECK(!strcmp(request.release.id, "box") && request.release.links.count == 2);
  CHECK(!strcmp(request.release.links.items[1], "veth2"));
  CHECK(DECODE(release_fields, "release") < 0);
  check_refused("release: id is missing");

  CHECK(DECODE(listen_fields, "listen", "tcp", "0.0.0.0", "80") == 0 && request.listen.port == 80);
  CHECK(DECODE(listen_fields, "listen", "tcp", "0.0.0.0") < 0);
  check_refused("listen: port is missing");
  CHECK(DECODE(listen_fields, "listen", "tcp", "0.0.0.0", "http") < 0);
  check_refused("listen: port is no number: http");
  CHECK(DECODE(bridge_fields, "bridge", "br0", "mtu=big") < 0);
  check_refused("bridge: mtu is no number: big");
  CHECK(DECODE(bridge_fields, "bridge", "br0", "colour=red") < 0);
  check_refused("bridge: unknown argument colour=red");
  CHECK(DECODE(unlink_fields, "unlink", "br0", "br1") < 0);
  check_refused("unlink: unknown argument br1");
  CHECK(DECODE(no_fields, "taken", "all") < 0);
  check_refused("taken: unknown argument all");
  return 0;
}

/* The name service as a plugin of a container's supervisor: the record `dns NETNS FILE` (dns.h). */
#include <fcntl.h>
#include <unistd.h>

#include "base/records/fields.h"
#include "dns/dns.h"
#include "supervisor/supervisor.h"

static struct dns *service;

struct dns_request {
  const char *netns, *file;
};
static const struct field record_fields[] = {
    PLACED(FIELD_WORD, dns_request, netns),
    PLACED(FIELD_WORD, dns_request, file),
    FIELDS_END,
};

static int take_record(struct supervisor *supervisor, const struct launch_record *record, struct error *err) {
  struct dns_request asked = {0};
  if (fields_decode("dns", record_fields, record, &asked, NULL, err) < 0) return -1;
  int netns = open(asked.netns, O_RDONLY | O_CLOEXEC);
  if (netns < 0) return fail(err, "dns", errno, "open %s", asked.netns);
  if (service) dns_stop(service);
  service = dns_start(supervisor_loop(supervisor), netns, asked.file, err);
  close(netns);
  return service ? 0 : -1;
}

static void stop(struct supervisor *supervisor) {
  if (service) dns_stop(service);
  service = NULL;
}

static struct supervisor_plugin plugin = {.record = "dns", .launch = take_record, .control = take_record, .stop = stop};

__attribute__((constructor)) static void register_plugin(void) {
  supervisor_register(&plugin);
}

#include "network/requests.h"

#include <string.h>

#define PLACED(type, request, name) \
  { NULL, type, offsetof(struct request, name), 0 }
#define KEYED(key, type, request, name) \
  { key, type, offsetof(struct request, name), 0 }
#define NUMBER(key, request, name, otherwise) \
  { key, NET_NUMBER, offsetof(struct request, name), otherwise }
#define END \
  { NULL, NET_WORD, (size_t) -1, 0 }

const struct net_field no_fields[] = {END};
const struct net_field sandbox_fields[] = {
    PLACED(NET_WORD, sandbox_request, id),
    PLACED(NET_WORDS, sandbox_request, maps),
    END,
};
const struct net_field bridge_fields[] = {
    PLACED(NET_WORD, bridge_request, name),
    KEYED("mac", NET_WORD, bridge_request, mac),
    NUMBER("mtu", bridge_request, mtu, 1500),
    NUMBER("ipv6", bridge_request, ipv6, 0),
    NUMBER("private", bridge_request, private_ports, 0),
    KEYED("stale", NET_WORDS, bridge_request, stale),
    KEYED("address", NET_WORDS, bridge_request, addresses),
    END,
};
const struct net_field link_fields[] = {
    PLACED(NET_WORD, link_request, name),
    KEYED("kind", NET_WORD, link_request, kind),
    KEYED("parent", NET_WORD, link_request, parent),
    NUMBER("vlan", link_request, vlan, 0),
    END,
};
const struct net_field endpoint_fields[] = {
    PLACED(NET_WORD, endpoint_request, sandbox),
    KEYED("name", NET_WORD, endpoint_request, name),
    KEYED("kind", NET_WORD, endpoint_request, kind),
    KEYED("host", NET_WORD, endpoint_request, host),
    KEYED("bridge", NET_WORD, endpoint_request, bridge),
    KEYED("parent", NET_WORD, endpoint_request, parent),
    KEYED("mac", NET_WORD, endpoint_request, mac),
    NUMBER("mtu", endpoint_request, mtu, 0),
    NUMBER("ipv6", endpoint_request, ipv6, 0),
    NUMBER("isolated", endpoint_request, isolated, 0),
    NUMBER("hairpin", endpoint_request, hairpin, 0),
    NUMBER("mode", endpoint_request, mode, -1),
    NUMBER("flags", endpoint_request, flags, 0),
    KEYED("address", NET_WORDS, endpoint_request, addresses),
    KEYED("sysctl", NET_WORDS, endpoint_request, sysctls),
    END,
};
const struct net_field routes_fields[] = {
    PLACED(NET_WORD, routes_request, sandbox),           KEYED("gateway4", NET_WORD, routes_request, gateway4),
    KEYED("device4", NET_WORD, routes_request, device4), KEYED("gateway6", NET_WORD, routes_request, gateway6),
    KEYED("device6", NET_WORD, routes_request, device6), END,
};
const struct net_field unplug_fields[] = {
    PLACED(NET_WORD, unplug_request, sandbox),
    PLACED(NET_WORD, unplug_request, name),
    END,
};
const struct net_field unlink_fields[] = {PLACED(NET_WORD, unlink_request, name), END};
const struct net_field addresses_fields[] = {PLACED(NET_WORD, addresses_request, name), END};
const struct net_field stats_fields[] = {PLACED(NET_WORD, stats_request, sandbox), END};
const struct net_field listen_fields[] = {
    PLACED(NET_WORD, listen_request, protocol),
    PLACED(NET_WORD, listen_request, address),
    PLACED(NET_NUMBER, listen_request, port),
    END,
};
const struct net_field close_fields[] = {PLACED(NET_WORDS, close_request, sockets), END};
const struct net_field forget_fields[] = {
    KEYED("address", NET_WORDS, forget_request, addresses),
    KEYED("udp", NET_WORDS, forget_request, udp_ports),
    END,
};
const struct net_field elements_fields[] = {
    PLACED(NET_WORD, elements_request, table),
    KEYED("delete", NET_WORDS, elements_request, removed),
    KEYED("add", NET_WORDS, elements_request, added),
    END,
};

static int is_end(const struct net_field *field) {
  return field->member == (size_t) -1;
}

static int set(const struct net_field *field, const char *operation, const char *value, void *request, struct error *err) {
  void *member = (char *) request + field->member;
  if (field->kind == NET_WORD) {
    *(const char **) member = value;
    return 0;
  }
  long long number = field->otherwise;
  if ((*value || !field->key) && parse_number(value, &number) < 0)
    return fail(err, "net", EINVAL, "%s: %s is no number: %s", operation, field->key ? field->key : "an argument", value);
  *(long *) member = (long) number;
  return 0;
}

/* The value of `KEY=VALUE` where the key is the field's, or NULL. */
static const char *value_of(const struct net_field *field, const char *argument) {
  size_t size = strlen(field->key);
  return !strncmp(argument, field->key, size) && argument[size] == '=' ? argument + size + 1 : NULL;
}

/* Collects a field's values from `from` on. Returns where the next field's go. */
static const char **collect(const struct net_field *field, const struct launch_record *record, int from, void *request,
                            const char **words) {
  struct net_words *list = (struct net_words *) ((char *) request + field->member);
  list->items = words;
  for (int i = from; i < record->argc; i++) {
    const char *value = field->key ? value_of(field, record->argv[i]) : record->argv[i];
    if (value) *words++ = value;
  }
  list->count = (size_t) (words - list->items);
  return words;
}

/* One `KEY=VALUE` that is no list's. */
static int take_keyed(const struct net_field *fields, const struct launch_record *record, const char *argument, void *request,
                      struct error *err) {
  for (const struct net_field *field = fields; !is_end(field); field++) {
    const char *value = field->key ? value_of(field, argument) : NULL;
    if (value) return field->kind == NET_WORDS ? 0 : set(field, record->argv[0], value, request, err);
  }
  return fail(err, "net", EINVAL, "%s: unknown argument %s", record->argv[0], argument);
}

int net_decode(const struct net_field *fields, const struct launch_record *record, union net_request *request,
               const char **words, struct error *err) {
  int at = 1, rest = 0;
  *request = (union net_request){0};
  for (const struct net_field *field = fields; !is_end(field); field++) {
    if (field->kind == NET_NUMBER) *(long *) ((char *) request + field->member) = field->otherwise;
    if (field->kind == NET_WORDS) {
      words = collect(field, record, at, request, words);
      rest = rest || !field->key;
    } else if (!field->key) {
      if (at >= record->argc) return fail(err, "net", EINVAL, "%s: argument %d is missing", record->argv[0], at);
      if (set(field, record->argv[0], record->argv[at++], request, err) < 0) return -1;
    }
  }
  for (; !rest && at < record->argc; at++)
    if (take_keyed(fields, record, record->argv[at], request, err) < 0) return -1;
  return 0;
}

#include "network/requests.h"

const struct field no_fields[] = {FIELDS_END};
const struct field sandbox_fields[] = {
    PLACED(FIELD_WORD, sandbox_request, id),
    PLACED(FIELD_WORDS, sandbox_request, maps),
    FIELDS_END,
};
const struct field release_fields[] = {
    PLACED(FIELD_WORD, release_request, id),
    PLACED(FIELD_WORDS, release_request, links),
    FIELDS_END,
};
const struct field net_argument_fields[] = {
    OPTIONAL(FIELD_NUMBER, net_arguments, group, 0),
    OPTIONAL(FIELD_WORD, net_arguments, table, 0),
    FIELDS_END,
};
const struct field bridge_fields[] = {
    PLACED(FIELD_WORD, bridge_request, name),
    KEYED("mac", FIELD_WORD, bridge_request, mac),
    KEYED_NUMBER("mtu", bridge_request, mtu, 1500),
    KEYED_NUMBER("ipv6", bridge_request, ipv6, 0),
    KEYED_NUMBER("private", bridge_request, private_ports, 0),
    KEYED("stale", FIELD_WORDS, bridge_request, stale),
    KEYED("address", FIELD_WORDS, bridge_request, addresses),
    FIELDS_END,
};
const struct field link_fields[] = {
    PLACED(FIELD_WORD, link_request, name),
    KEYED("kind", FIELD_WORD, link_request, kind),
    KEYED("parent", FIELD_WORD, link_request, parent),
    KEYED_NUMBER("vlan", link_request, vlan, 0),
    FIELDS_END,
};
const struct field endpoint_fields[] = {
    PLACED(FIELD_WORD, endpoint_request, sandbox),           KEYED("name", FIELD_WORD, endpoint_request, name),
    KEYED("kind", FIELD_WORD, endpoint_request, kind),       KEYED("host", FIELD_WORD, endpoint_request, host),
    KEYED("bridge", FIELD_WORD, endpoint_request, bridge),   KEYED("parent", FIELD_WORD, endpoint_request, parent),
    KEYED("mac", FIELD_WORD, endpoint_request, mac),         KEYED_NUMBER("mtu", endpoint_request, mtu, 0),
    KEYED_NUMBER("ipv6", endpoint_request, ipv6, 0),         KEYED_NUMBER("isolated", endpoint_request, isolated, 0),
    KEYED_NUMBER("hairpin", endpoint_request, hairpin, 0),   KEYED_NUMBER("mode", endpoint_request, mode, -1),
    KEYED_NUMBER("flags", endpoint_request, flags, 0),       KEYED("address", FIELD_WORDS, endpoint_request, addresses),
    KEYED("sysctl", FIELD_WORDS, endpoint_request, sysctls), FIELDS_END,
};
const struct field routes_fields[] = {
    PLACED(FIELD_WORD, routes_request, sandbox),           KEYED("gateway4", FIELD_WORD, routes_request, gateway4),
    KEYED("device4", FIELD_WORD, routes_request, device4), KEYED("gateway6", FIELD_WORD, routes_request, gateway6),
    KEYED("device6", FIELD_WORD, routes_request, device6), FIELDS_END,
};
const struct field unplug_fields[] = {
    PLACED(FIELD_WORD, unplug_request, sandbox),
    PLACED(FIELD_WORD, unplug_request, name),
    FIELDS_END,
};
const struct field unlink_fields[] = {PLACED(FIELD_WORD, unlink_request, name), FIELDS_END};
const struct field addresses_fields[] = {PLACED(FIELD_WORD, addresses_request, name), FIELDS_END};
const struct field stats_fields[] = {PLACED(FIELD_WORD, stats_request, sandbox), FIELDS_END};
const struct field listen_fields[] = {
    PLACED(FIELD_WORD, listen_request, protocol),
    PLACED(FIELD_WORD, listen_request, address),
    PLACED(FIELD_NUMBER, listen_request, port),
    FIELDS_END,
};
const struct field close_fields[] = {PLACED(FIELD_WORDS, close_request, sockets), FIELDS_END};
const struct field forget_fields[] = {
    KEYED("address", FIELD_WORDS, forget_request, addresses),
    KEYED("udp", FIELD_WORDS, forget_request, udp_ports),
    FIELDS_END,
};
const struct field elements_fields[] = {
    PLACED(FIELD_WORD, elements_request, table),
    KEYED("delete", FIELD_WORDS, elements_request, removed),
    KEYED("add", FIELD_WORDS, elements_request, added),
    FIELDS_END,
};

int net_decode(const struct field *fields, const struct launch_record *record, union net_request *request, const char **words,
               struct error *err) {
  *request = (union net_request){0};
  return fields_decode("net", fields, record, request, words, err);
}

#include "dns/table.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { FILE_MAX = 16 << 20, DNS_PORT = 53 };

static void file_forget(struct dns_file *file) {
  if (file->text) munmap((void *) file->text, file->size);
  file->text = NULL;
  file->size = 0;
}

static void file_close(struct dns_file *file) {
  file_forget(file);
  free(file->path);
  *file = (struct dns_file){0};
}

static struct dns_stamp stamp_of(const struct stat *st) {
  return (struct dns_stamp){st->st_dev, st->st_ino, (uint64_t) st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec};
}

/* Maps the file again if it is another one. The host's resolv.conf may be written in place, so it is copied (`copy`): what
   is mapped must not shrink. Returns 1 when it changed. */
static int file_refresh(struct dns_file *file, int copy) {
  struct stat st;
  if (stat(file->path, &st) < 0) {
    int changed = file->seen.inode != 0;
    file->seen = (struct dns_stamp){0};
    file_forget(file);
    return changed;
  }
  struct dns_stamp stamp = stamp_of(&st);
  if (!memcmp(&stamp, &file->seen, sizeof stamp)) return 0;
  file_forget(file);
  file->seen = stamp;
  cleanup_close int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_MAX) return 1;
  file->seen = stamp_of(&st);
  void *text = mmap(NULL, (size_t) st.st_size, PROT_READ | (copy ? PROT_WRITE : 0),
                    copy ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, copy ? -1 : fd, 0);
  if (text == MAP_FAILED) return 1;
  file->text = text;
  file->size = (size_t) st.st_size;
  if (copy && read(fd, text, file->size) < 0) file_forget(file);
  return 1;
}

int dns_line(const struct dns_file *file, size_t *at, struct dns_line *line) {
  while (file->text && *at < file->size) {
    const char *start = file->text + *at, *last = file->text + file->size;
    const char *end = memchr(start, '\n', (size_t) (last - start));
    if (!end) end = last;
    *at = (size_t) (end - file->text) + 1;
    line->count = 0;
    while (start < end && line->count < sizeof line->fields / sizeof line->fields[0]) {
      while (start < end && (*start == ' ' || *start == '\t' || *start == '\r')) start++;
      const char *from = start;
      while (start < end && *start != ' ' && *start != '\t' && *start != '\r') start++;
      if (start > from) line->fields[line->count++] = (struct dns_field){from, (size_t) (start - from)};
    }
    if (line->count) return 1;
  }
  return 0;
}

int dns_field_is(const struct dns_line *line, size_t number, const char *text) {
  return number < line->count && strlen(text) == line->fields[number].size &&
         !strncasecmp(line->fields[number].text, text, line->fields[number].size);
}

static char *field_copy(const struct dns_field *field) {
  return strndup(field->text, field->size);
}

/* ADDRESS[%INTERFACE][#PORT] */
static void add_server(struct dns_table *table, const struct dns_field *field, int inside) {
  char text[128];
  if (table->server_count == DNS_SERVERS || field->size >= sizeof text) return;
  memcpy(text, field->text, field->size);
  text[field->size] = 0;
  char *port = strchr(text, '#');
  if (port) *port++ = 0;
  char *scope = strchr(text, '%');
  if (scope) *scope++ = 0;
  uint16_t number = htons(port ? (uint16_t) atoi(port) : DNS_PORT);
  struct dns_server *server = &table->servers[table->server_count];
  *server = (struct dns_server){.inside = inside};
  struct sockaddr_in *four = (struct sockaddr_in *) &server->address;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *) &server->address;
  if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = number;
    server->address_size = sizeof *four;
  } else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = number;
    if (scope) six->sin6_scope_id = if_nametoindex(scope);
    server->address_size = sizeof *six;
  } else {
    return;
  }
  table->server_count++;
}

static void read_servers(struct dns_table *table) {
  struct dns_line line;
  table->server_count = 0;
  for (size_t at = 0; dns_line(&table->sandbox, &at, &line);) {
    if (line.count >= 2 && dns_field_is(&line, 0, "upstream")) add_server(table, &line.fields[1], 1);
    if (line.count >= 2 && dns_field_is(&line, 0, "hostupstream")) add_server(table, &line.fields[1], 0);
  }
  for (size_t at = 0; table->resolvconf.path && dns_line(&table->resolvconf, &at, &line);) {
    if (line.count >= 2 && dns_field_is(&line, 0, "nameserver")) add_server(table, &line.fields[1], 0);
  }
}

/* The files that the sandbox file names. */
static void read_paths(struct dns_table *table) {
  for (size_t i = 0; i < table->network_count; i++) file_close(&table->networks[i]);
  table->network_count = 0;
  file_close(&table->resolvconf);
  struct dns_line line;
  for (size_t at = 0; dns_line(&table->sandbox, &at, &line);) {
    if (line.count < 2) continue;
    if (dns_field_is(&line, 0, "names") && table->network_count < DNS_NETWORKS) {
      char *path = field_copy(&line.fields[1]);
      if (path) table->networks[table->network_count++] = (struct dns_file){.path = path};
    } else if (dns_field_is(&line, 0, "resolvconf") && !table->resolvconf.path) {
      table->resolvconf.path = field_copy(&line.fields[1]);
    }
  }
}

int dns_table_open(struct dns_table *table, const char *path) {
  *table = (struct dns_table){.sandbox.path = strdup(path)};
  if (!table->sandbox.path) return -1;
  dns_table_refresh(table);
  return 0;
}

void dns_table_close(struct dns_table *table) {
  file_close(&table->sandbox);
  file_close(&table->resolvconf);
  for (size_t i = 0; i < table->network_count; i++) file_close(&table->networks[i]);
  table->network_count = 0;
}

int dns_table_refresh(struct dns_table *table) {
  int changed = file_refresh(&table->sandbox, 0);
  if (changed) read_paths(table);
  if (table->resolvconf.path) changed |= file_refresh(&table->resolvconf, 1);
  for (size_t i = 0; i < table->network_count; i++) file_refresh(&table->networks[i], 0);
  if (changed) read_servers(table);
  return changed;
}

/* The header `network NETWORK`, and where the names begin. */
static struct dns_field network_name(const struct dns_file *network, size_t *at) {
  struct dns_line line;
  *at = 0;
  if (dns_line(network, at, &line) && line.count == 2 && dns_field_is(&line, 0, "network")) return line.fields[1];
  *at = 0;
  return (struct dns_field){NULL, 0};
}

/* The address of that family in a line of names. */
static int address_of(const struct dns_line *line, int family, uint8_t out[16]) {
  size_t number = family == AF_INET ? 1 : 2;
  char text[INET6_ADDRSTRLEN];
  if (number >= line->count || line->fields[number].size >= sizeof text) return 0;
  memcpy(text, line->fields[number].text, line->fields[number].size);
  text[line->fields[number].size] = 0;
  return inet_pton(family, text, out) == 1;
}

static void add_address(struct dns_addresses *out, const uint8_t *address, size_t size) {
  if (out->count == DNS_ADDRESSES) return;
  for (size_t i = 0; i < out->count; i++) {
    if (!memcmp(out->list[i], address, size)) return;
  }
  memcpy(out->list[out->count++], address, size);
}

static int find_in(const struct dns_file *network, const char *name, size_t length, int family, struct dns_addresses *out) {
  size_t at;
  network_name(network, &at);
  struct dns_line line;
  int known = 0;
  while (dns_line(network, &at, &line)) {
    if (line.fields[0].size != length || strncasecmp(line.fields[0].text, name, length)) continue;
    uint8_t address[16];
    known = 1;
    if (address_of(&line, family, address)) add_address(out, address, family == AF_INET ? 4 : 16);
  }
  return known;
}

static void rotate(struct dns_addresses *out, unsigned turn) {
  if (out->count < 2) return;
  uint8_t first[16];
  for (size_t i = turn % out->count; i > 0; i--) {
    memcpy(first, out->list[0], sizeof first);
    memmove(out->list[0], out->list[1], (out->count - 1) * sizeof out->list[0]);
    memcpy(out->list[out->count - 1], first, sizeof first);
  }
}

/* As NAME on any of the networks, then as NAME.NETWORK. */
static int find(const struct dns_table *table, const char *name, int family, struct dns_addresses *out) {
  size_t length = strlen(name);
  for (size_t i = 0; i < table->network_count; i++) {
    if (find_in(&table->networks[i], name, length, family, out)) return 1;
  }
  for (size_t i = 0; i < table->network_count; i++) {
    size_t at;
    struct dns_field network = network_name(&table->networks[i], &at);
    if (!network.size || length <= network.size + 1 || name[length - network.size - 1] != '.' ||
        strncasecmp(name + length - network.size, network.text, network.size))
      continue;
    if (find_in(&table->networks[i], name, length - network.size - 1, family, out)) return 1;
  }
  return 0;
}

/* Whether a name asked for is this one of a network: NAME or NAME.NETWORK. */
static int names_field(const struct dns_file *network, const struct dns_field *field, const char *name) {
  if (strncasecmp(field->text, name, field->size)) return 0;
  if (!name[field->size]) return 1;
  size_t at;
  struct dns_field own = network_name(network, &at);
  return name[field->size] == '.' && strlen(name + field->size + 1) == own.size && own.size &&
         !strncasecmp(name + field->size + 1, own.text, own.size);
}

/* As the alias of a link. A link leads to a name of its own network alone: one that has left that is not found by it. */
static int find_link(const struct dns_table *table, const char *name, int family, struct dns_addresses *out) {
  struct dns_line line;
  size_t networks = 0;
  for (size_t at = 0; dns_line(&table->sandbox, &at, &line);) {
    if (line.count >= 2 && dns_field_is(&line, 0, "names")) networks++;
    if (line.count < 3 || !dns_field_is(&line, 0, "link") || networks == 0 || networks > table->network_count) continue;
    const struct dns_file *network = &table->networks[networks - 1];
    if (names_field(network, &line.fields[1], name) && find_in(network, line.fields[2].text, line.fields[2].size, family, out))
      return 1;
  }
  return 0;
}

int dns_table_find(struct dns_table *table, const char *name, int family, struct dns_addresses *out) {
  out->count = 0;
  if (!name[0]) return 0;
  int known = find_link(table, name, family, out) || find(table, name, family, out);
  if (known) rotate(out, table->turn++);
  return known;
}

int dns_table_reverse(struct dns_table *table, const uint8_t *address, int size, char name[512]) {
  for (size_t i = 0; i < table->network_count; i++) {
    size_t at;
    struct dns_field network = network_name(&table->networks[i], &at);
    struct dns_line line;
    while (dns_line(&table->networks[i], &at, &line)) {
      uint8_t candidate[16];
      if (!address_of(&line, size == 4 ? AF_INET : AF_INET6, candidate) || memcmp(candidate, address, (size_t) size)) continue;
      int written = snprintf(name, 512, "%.*s%s%.*s", (int) line.fields[0].size, line.fields[0].text, network.size ? "." : "",
                             (int) network.size, network.size ? network.text : "");
      return written > 0 && written < 512;
    }
  }
  return 0;
}

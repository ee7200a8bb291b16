/* The writer: headers as Go's archive/tar writes them for docker (pax where ustar can't hold a value), and file contents. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "layer/tar/tar.h"
#include "layer/tar/ustar.h"

#define COPY_LIMIT (64u << 10) /* files up to here go through the buffer; larger ones by sendfile */

int tar_writer_open(struct tar_writer *writer, int fd, struct error *err) {
  return buffered_open(&writer->out, fd, "archive", err);
}

void tar_writer_close(struct tar_writer *writer) {
  buffered_close(&writer->out);
}

static int put(struct tar_writer *w, const void *bytes, size_t size, struct error *err) {
  return buffered_put(&w->out, bytes, size, err);
}

static int pad(struct tar_writer *w, struct error *err) {
  return put(w, NULL, -w->out.position & 511, err);
}

/* Pax records, collected. */
struct records {
  char *text;
  size_t size;
};

static int add_record(struct records *records, const char *key, const void *value, size_t size, struct error *err) {
  size_t rest = strlen(key) + size + 3, length = rest; /* " key=value\n" and the length itself */
  for (size_t digits = 1;; digits++) {
    char text[24];
    length = rest + digits;
    if ((size_t) snprintf(text, sizeof text, "%zu", length) == digits) break;
  }
  char *grown = realloc(records->text, records->size + length + 1);
  if (!grown) return fail(err, "memory", ENOMEM, "pax header");
  records->text = grown;
  char *at = grown + records->size + sprintf(grown + records->size, "%zu %s=", length, key);
  memcpy(at, value, size);
  at[size] = '\n';
  records->size += length;
  return 0;
}

static int add_number(struct records *records, const char *key, uint64_t value, struct error *err) {
  char text[24];
  int size = snprintf(text, sizeof text, "%" PRIu64, value);
  return add_record(records, key, text, (size_t) size, err);
}

static int add_time(struct records *records, const struct tar_entry *entry, uint32_t ns, struct error *err) {
  /* A negative time with a fraction is written as that much nearer to zero. */
  int64_t seconds = entry->mtime;
  int negative = seconds < 0;
  if (negative && ns) seconds++, ns = 1000000000 - ns;
  char text[48];
  int n = snprintf(text, sizeof text, "%s%" PRId64, negative && !seconds ? "-" : "", seconds);
  if (ns) {
    n += snprintf(text + n, sizeof text - (size_t) n, ".%09" PRIu32, ns);
    while (text[n - 1] == '0') n--;
  }
  return add_record(records, "mtime", text, (size_t) n, err);
}

static int plain(const char *text) {
  for (; *text; text++)
    if ((unsigned char) *text >= 0x80) return 0;
  return 1;
}

/* Callers see to it that the value fits. */
static void octal(uint8_t *field, size_t size, uint64_t value) {
  for (field[--size] = 0; size; value >>= 3) field[--size] = (uint8_t) ('0' + (value & 7));
}

#define OCTAL(field, value) octal(field, sizeof(field), value)

static const uint64_t id_limit = 07777777, size_limit = 077777777777;

static void text_field(uint8_t *field, size_t size, const char *text) {
  size_t n = 0;
  for (; *text && n < size; text++)
    if ((unsigned char) *text < 0x80) field[n++] = (uint8_t) *text;
}

static int put_header(struct tar_writer *w, struct tar_block *h, struct error *err) {
  unsigned sum = 0;
  memcpy(h->magic, "ustar", sizeof h->magic);
  memcpy(h->version, "00", sizeof h->version);
  memset(h->checksum, ' ', sizeof h->checksum);
  for (size_t i = 0; i < sizeof *h; i++) sum += ((const uint8_t *) h)[i];
  snprintf((char *) h->checksum, sizeof h->checksum, "%06o", sum);
  return put(w, h, sizeof *h, err);
}

static int put_pax(struct tar_writer *w, const char *path, const struct records *records, struct error *err) {
  struct tar_block h = {0};
  char name[TAR_PATH_LIMIT + 32];
  size_t end = strlen(path);
  while (end && path[end - 1] == '/') end--;
  size_t directory = end;
  while (directory && path[directory - 1] != '/') directory--;
  snprintf(name, sizeof name, "%.*sPaxHeaders.0/%.*s", (int) directory, path, (int) (end - directory), path + directory);
  text_field(h.name, sizeof h.name, name);
  OCTAL(h.mode, 0);
  OCTAL(h.uid, 0);
  OCTAL(h.gid, 0);
  OCTAL(h.size, records->size);
  OCTAL(h.mtime, 0);
  h.type = 'x';
  return put_header(w, &h, err) || put(w, records->text, records->size, err) || pad(w, err) ? -1 : 0;
}

static int collect(struct records *records, const struct tar_entry *e, uint64_t size, uint32_t ns, struct error *err) {
  size_t path = strlen(e->path), link = e->link ? strlen(e->link) : 0;
  char key[300];
  if ((path > 100 || !plain(e->path)) && add_record(records, "path", e->path, path, err)) return -1;
  if (link && (link > 100 || !plain(e->link)) && add_record(records, "linkpath", e->link, link, err)) return -1;
  if ((size > size_limit && add_number(records, "size", size, err)) ||
      (e->uid > id_limit && add_number(records, "uid", e->uid, err)) ||
      (e->gid > id_limit && add_number(records, "gid", e->gid, err)))
    return -1;
  if ((ns || e->mtime < 0 || (uint64_t) e->mtime > size_limit) && add_time(records, e, ns, err)) return -1;
  for (size_t i = 0; i < e->xattr_count; i++) {
    snprintf(key, sizeof key, "SCHILY.xattr.%s", e->xattrs[i].name);
    if (add_record(records, key, e->xattrs[i].value, e->xattrs[i].size, err)) return -1;
  }
  return 0;
}

/* The map of a sparse file, filled up to whole blocks. The caller frees it. */
static char *sparse_map(const struct tar_entry *e, size_t *size, struct error *err) {
  char *text = calloc(1, (e->segment_count + 1) * 48 + 512);
  if (!text) {
    fail(err, "memory", ENOMEM, "sparse map");
    return NULL;
  }
  char *at = text + sprintf(text, "%zu\n", e->segment_count);
  for (size_t i = 0; i < e->segment_count; i++)
    at += sprintf(at, "%" PRIu64 "\n%" PRIu64 "\n", e->segments[i].offset, e->segments[i].size);
  *size = ((size_t) (at - text) + 511) & ~(size_t) 511;
  return text;
}

/* The bytes that follow the header of a sparse file: its map and its data. */
static uint64_t sparse_size(const struct tar_entry *e, size_t map) {
  uint64_t size = map;
  for (size_t i = 0; i < e->segment_count; i++) size += e->segments[i].size;
  return size;
}

static int collect_sparse(struct records *records, const struct tar_entry *e, struct error *err) {
  return add_record(records, "GNU.sparse.major", "1", 1, err) || add_record(records, "GNU.sparse.minor", "0", 1, err) ||
                 add_record(records, "GNU.sparse.name", e->path, strlen(e->path), err) ||
                 add_number(records, "GNU.sparse.realsize", e->size, err)
             ? -1
             : 0;
}

int tar_write_entry(struct tar_writer *w, const struct tar_entry *e, int nanoseconds, struct error *err) {
  static const char types[] = {
      [TAR_FILE] = '0',  [TAR_HARDLINK] = '1',  [TAR_SYMLINK] = '2', [TAR_CHAR] = '3',
      [TAR_BLOCK] = '4', [TAR_DIRECTORY] = '5', [TAR_FIFO] = '6',
  };
  struct tar_block h = {0};
  struct records records = {0};
  size_t map_size = 0;
  cleanup_free char *map = e->sparse ? sparse_map(e, &map_size, err) : NULL;
  if (e->sparse && !map) return -1;
  uint64_t size = e->sparse ? sparse_size(e, map_size) : e->type == TAR_FILE ? e->size : 0;
  int result = collect(&records, e, size, nanoseconds ? e->mtime_ns : 0, err);
  if (!result && e->sparse) result = collect_sparse(&records, e, err);
  if (!result && records.size) result = put_pax(w, e->path, &records, err);
  free(records.text);
  if (result) return -1;
  text_field(h.name, sizeof h.name, e->path);
  OCTAL(h.mode, e->mode & 07777);
  OCTAL(h.uid, e->uid > id_limit ? 0 : e->uid);
  OCTAL(h.gid, e->gid > id_limit ? 0 : e->gid);
  OCTAL(h.size, size > size_limit ? 0 : size);
  OCTAL(h.mtime, e->mtime < 0 || (uint64_t) e->mtime > size_limit ? 0 : (uint64_t) e->mtime);
  h.type = (uint8_t) types[e->type];
  if (e->link) text_field(h.link, sizeof h.link, e->link);
  OCTAL(h.major, e->major);
  OCTAL(h.minor, e->minor);
  return put_header(w, &h, err) || (map && put(w, map, map_size, err)) ? -1 : 0;
}

/* `size` bytes from where `from` stands, without padding. */
static int copy_bytes(struct tar_writer *w, int from, uint64_t size, struct error *err) {
  struct buffered *out = &w->out;
  uint64_t left = size;
  int by_kernel = size > COPY_LIMIT;
  if (by_kernel && buffered_flush(out, err)) return -1;
  while (left) {
    ssize_t n;
    if (by_kernel) {
      n = sendfile(out->fd, from, NULL, left < 1 << 30 ? (size_t) left : 1 << 30);
      if (n < 0 && (errno == EINVAL || errno == ENOSYS)) {
        by_kernel = 0;
        continue;
      }
      out->position += n > 0 ? (uint64_t) n : 0;
    } else {
      if (out->held == buffered_room && buffered_flush(out, err)) return -1;
      size_t room = buffered_room - out->held;
      n = read(from, out->bytes + out->held, left < room ? (size_t) left : room);
      if (n > 0) out->held += (size_t) n, out->position += (uint64_t) n;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(err, "read", errno, "archive");
    if (!n) break; /* it has become shorter */
    left -= (uint64_t) n;
  }
  while (left) {
    size_t n = left < buffered_room ? (size_t) left : buffered_room;
    if (put(w, NULL, n, err)) return -1;
    left -= n;
  }
  return 0;
}

int tar_write_file(struct tar_writer *w, int from, uint64_t size, struct error *err) {
  return copy_bytes(w, from, size, err) || pad(w, err) ? -1 : 0;
}

int tar_write_pieces(struct tar_writer *w, int from, const struct tar_entry *e, struct error *err) {
  for (size_t i = 0; i < e->segment_count; i++) {
    if (lseek(from, (off_t) e->segments[i].offset, SEEK_SET) < 0) return fail(err, "read", errno, "archive");
    if (copy_bytes(w, from, e->segments[i].size, err)) return -1;
  }
  return pad(w, err);
}

int tar_write_end(struct tar_writer *w, struct error *err) {
  return put(w, NULL, 1024, err) || buffered_flush(&w->out, err) ? -1 : 0;
}

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

#define BUFFER (1u << 20)
#define COPY_LIMIT (64u << 10) /* files up to here go through the buffer; larger ones by sendfile */

int tar_writer_open(struct tar_writer *writer, int fd, struct error *err)
{
  *writer = (struct tar_writer){.fd = fd, .buffer = malloc(BUFFER)};
  return writer->buffer ? 0 : fail(err, "memory", ENOMEM, "archive");
}

void tar_writer_close(struct tar_writer *writer)
{
  free(writer->buffer);
  writer->buffer = NULL;
}

static int flush(struct tar_writer *w, struct error *err)
{
  for (size_t done = 0; done < w->held;) {
    ssize_t n = write(w->fd, w->buffer + done, w->held - done);
    if (n < 0 && errno != EINTR)
      return fail(err, "write", errno, "archive");
    done += n > 0 ? (size_t) n : 0;
  }
  w->held = 0;
  return 0;
}

static int put(struct tar_writer *w, const void *bytes, size_t size, struct error *err)
{
  const uint8_t *p = bytes;
  w->written += size;
  while (size) {
    if (w->held == BUFFER && flush(w, err))
      return -1;
    size_t n = size < BUFFER - w->held ? size : BUFFER - w->held;
    if (p)
      memcpy(w->buffer + w->held, p, n), p += n;
    else
      memset(w->buffer + w->held, 0, n);
    w->held += n;
    size -= n;
  }
  return 0;
}

static int pad(struct tar_writer *w, struct error *err)
{
  return put(w, NULL, -w->written & 511, err);
}

/* Pax records, collected. */
struct records {
  char *text;
  size_t size;
};

static int add_record(struct records *records, const char *key, const void *value, size_t size, struct error *err)
{
  size_t rest = strlen(key) + size + 3, length = rest; /* " key=value\n" and the length itself */
  for (size_t digits = 1;; digits++) {
    char text[24];
    length = rest + digits;
    if ((size_t) snprintf(text, sizeof text, "%zu", length) == digits)
      break;
  }
  char *grown = realloc(records->text, records->size + length + 1);
  if (!grown)
    return fail(err, "memory", ENOMEM, "pax header");
  records->text = grown;
  char *at = grown + records->size + sprintf(grown + records->size, "%zu %s=", length, key);
  memcpy(at, value, size);
  at[size] = '\n';
  records->size += length;
  return 0;
}

static int add_number(struct records *records, const char *key, uint64_t value, struct error *err)
{
  char text[24];
  int size = snprintf(text, sizeof text, "%" PRIu64, value);
  return add_record(records, key, text, (size_t) size, err);
}

static int add_time(struct records *records, const struct tar_entry *entry, uint32_t ns, struct error *err)
{
  /* A negative time with a fraction is written as that much nearer to zero. */
  int64_t seconds = entry->mtime;
  int negative = seconds < 0;
  if (negative && ns)
    seconds++, ns = 1000000000 - ns;
  char text[48];
  int n = snprintf(text, sizeof text, "%s%" PRId64, negative && !seconds ? "-" : "", seconds);
  if (ns) {
    n += snprintf(text + n, sizeof text - (size_t) n, ".%09" PRIu32, ns);
    while (text[n - 1] == '0')
      n--;
  }
  return add_record(records, "mtime", text, (size_t) n, err);
}

static int plain(const char *text)
{
  for (; *text; text++)
    if ((unsigned char) *text >= 0x80)
      return 0;
  return 1;
}

/* Callers see to it that the value fits. */
static void octal(uint8_t *field, size_t size, uint64_t value)
{
  for (field[--size] = 0; size; value >>= 3)
    field[--size] = (uint8_t) ('0' + (value & 7));
}

static const uint64_t id_limit = 07777777, size_limit = 077777777777;

struct header {
  uint8_t block[512];
};

static void text_field(uint8_t *field, size_t size, const char *text)
{
  size_t n = 0;
  for (; *text && n < size; text++)
    if ((unsigned char) *text < 0x80)
      field[n++] = (uint8_t) *text;
}

static int put_header(struct tar_writer *w, struct header *h, struct error *err)
{
  unsigned sum = 0;
  memcpy(h->block + 257,
         "ustar\0"
         "00",
         8);
  memset(h->block + 148, ' ', 8);
  for (int i = 0; i < 512; i++)
    sum += h->block[i];
  snprintf((char *) h->block + 148, 8, "%06o", sum);
  return put(w, h->block, 512, err);
}

static int put_pax(struct tar_writer *w, const char *path, const struct records *records, struct error *err)
{
  struct header h = {0};
  char name[TAR_PATH_LIMIT + 32];
  size_t end = strlen(path);
  while (end && path[end - 1] == '/')
    end--;
  size_t folder = end;
  while (folder && path[folder - 1] != '/')
    folder--;
  snprintf(name, sizeof name, "%.*sPaxHeaders.0/%.*s", (int) folder, path, (int) (end - folder), path + folder);
  text_field(h.block, 100, name);
  octal(h.block + 100, 8, 0);
  octal(h.block + 108, 8, 0);
  octal(h.block + 116, 8, 0);
  octal(h.block + 124, 12, records->size);
  octal(h.block + 136, 12, 0);
  h.block[156] = 'x';
  return put_header(w, &h, err) || put(w, records->text, records->size, err) || pad(w, err) ? -1 : 0;
}

static int collect(struct records *records, const struct tar_entry *e, uint64_t size, uint32_t ns, struct error *err)
{
  size_t path = strlen(e->path), link = e->link ? strlen(e->link) : 0;
  char key[300];
  if ((path > 100 || !plain(e->path)) && add_record(records, "path", e->path, path, err))
    return -1;
  if (link && (link > 100 || !plain(e->link)) && add_record(records, "linkpath", e->link, link, err))
    return -1;
  if ((size > size_limit && add_number(records, "size", size, err))
      || (e->uid > id_limit && add_number(records, "uid", e->uid, err))
      || (e->gid > id_limit && add_number(records, "gid", e->gid, err)))
    return -1;
  if ((ns || e->mtime < 0 || (uint64_t) e->mtime > size_limit) && add_time(records, e, ns, err))
    return -1;
  for (size_t i = 0; i < e->xattr_count; i++) {
    snprintf(key, sizeof key, "SCHILY.xattr.%s", e->xattrs[i].name);
    if (add_record(records, key, e->xattrs[i].value, e->xattrs[i].size, err))
      return -1;
  }
  return 0;
}

int tar_write_entry(struct tar_writer *w, const struct tar_entry *e, int nanoseconds, struct error *err)
{
  static const char types[] = {
    [TAR_FILE] = '0',  [TAR_HARDLINK] = '1',  [TAR_SYMLINK] = '2', [TAR_CHAR] = '3',
    [TAR_BLOCK] = '4', [TAR_DIRECTORY] = '5', [TAR_FIFO] = '6',
  };
  struct header h = {0};
  struct records records = {0};
  uint64_t size = e->type == TAR_FILE ? e->size : 0;
  int result = collect(&records, e, size, nanoseconds ? e->mtime_ns : 0, err);
  if (!result && records.size)
    result = put_pax(w, e->path, &records, err);
  free(records.text);
  if (result)
    return -1;
  text_field(h.block, 100, e->path);
  octal(h.block + 100, 8, e->mode & 07777);
  octal(h.block + 108, 8, e->uid > id_limit ? 0 : e->uid);
  octal(h.block + 116, 8, e->gid > id_limit ? 0 : e->gid);
  octal(h.block + 124, 12, size > size_limit ? 0 : size);
  octal(h.block + 136, 12, e->mtime < 0 || (uint64_t) e->mtime > size_limit ? 0 : (uint64_t) e->mtime);
  h.block[156] = (uint8_t) types[e->type];
  if (e->link)
    text_field(h.block + 157, 100, e->link);
  octal(h.block + 329, 8, e->major);
  octal(h.block + 337, 8, e->minor);
  return put_header(w, &h, err);
}

int tar_write_file(struct tar_writer *w, int from, uint64_t size, struct error *err)
{
  uint64_t left = size;
  int by_kernel = size > COPY_LIMIT;
  if (by_kernel && flush(w, err))
    return -1;
  while (left) {
    ssize_t n;
    if (by_kernel) {
      n = sendfile(w->fd, from, NULL, left < 1 << 30 ? (size_t) left : 1 << 30);
      if (n < 0 && (errno == EINVAL || errno == ENOSYS)) {
        by_kernel = 0;
        continue;
      }
      w->written += n > 0 ? (uint64_t) n : 0;
    } else {
      if (w->held == BUFFER && flush(w, err))
        return -1;
      size_t room = BUFFER - w->held;
      n = read(from, w->buffer + w->held, left < room ? (size_t) left : room);
      if (n > 0)
        w->held += (size_t) n, w->written += (uint64_t) n;
    }
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail(err, "read", errno, "archive");
    if (!n)
      break; /* it has become shorter */
    left -= (uint64_t) n;
  }
  while (left) {
    size_t n = left < BUFFER ? (size_t) left : BUFFER;
    if (put(w, NULL, n, err))
      return -1;
    left -= n;
  }
  return pad(w, err);
}

int tar_write_end(struct tar_writer *w, struct error *err)
{
  return put(w, NULL, 1024, err) || flush(w, err) ? -1 : 0;
}

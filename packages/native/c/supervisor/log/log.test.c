/* The log files: entries byte for byte as Docker writes them, lines that come in pieces, and rotation. */
#include "supervisor/log/log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "supervisor/log/jsonlog.h"

static char directory[] = "/tmp/berth-log-XXXXXX";
static char path[64], first[64], second[64], third[64];

static const int64_t now = INT64_C(1700000000120000000);
#define TIME "\"time\":\"2023-11-14T22:13:20.12Z\"}\n"
/* Lines that come at once are told apart. */
#define NTH(n) "\"time\":\"2023-11-14T22:13:20.12000000" n "Z\"}\n"

static struct log *open_log(uint64_t max_size, unsigned max_file, const char *driver, const char *attrs) {
  struct error err;
  struct log_options options = {.driver = driver, .path = path, .max_size = max_size, .max_file = max_file, .attrs = attrs};
  struct log *log = log_open(&options, &err);
  CHECK(log);
  return log;
}

static void write_text(struct log *log, int stream, const char *text) {
  log_write(log, stream, text, strlen(text), now);
}

static void expect(const char *file, const char *text) {
  char *found = slurp(file);
  CHECK(found && !strcmp(found, text));
  free(found);
}

static void lines(void) {
  struct log *log = open_log(0, 1, "json-file", "{\"a\":\"b\"}");
  write_text(log, 1, "one\ntw");
  write_text(log, 2, "err\n");
  write_text(log, 1, "o\nrest");
  log_end(log, 2);
  log_close(log);
  /* Not finished and not ended: lost, as what a killed daemon's copier held would be. */
  expect(path, "{\"log\":\"one\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"b\"}," TIME
               "{\"log\":\"err\\n\",\"stream\":\"stderr\",\"attrs\":{\"a\":\"b\"}," NTH(
                   "1") "{\"log\":\"two\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"b\"}," NTH("2"));
  unlink(path);
}

static void long_lines(void) {
  struct log *log = open_log(0, 1, "json-file", "");
  size_t size = 2 * log_line_max + 3;
  char *line = malloc(size + 1);
  memset(line, 'x', size);
  line[size] = '\n';
  for (size_t at = 0; at <= size; at += 1000) log_write(log, 1, line + at, size + 1 - at < 1000 ? size + 1 - at : 1000, now);
  log_close(log);
  char *found = slurp(path), *at = found;
  for (int i = 0; i < 2; i++) {
    CHECK(!strncmp(at, "{\"log\":\"x", 9) && strspn(at + 8, "x") == log_line_max && !strncmp(at + 8 + log_line_max, "\",", 2));
    at = strchr(at, '\n') + 1;
  }
  CHECK(!strcmp(at, "{\"log\":\"xxx\\n\",\"stream\":\"stdout\"," TIME));
  free(found);
  free(line);
  unlink(path);
}

static void escapes(void) {
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"plain text of more than sixteen bytes, and then \"quoted\"",
       "plain text of more than sixteen bytes, and then \\\"quoted\\\""},
      {"a\tb\rc\x01\x1f\x7f", "a\\u0009b\\rc\\u0001\\u001f\x7f"},
      {"<a href='x'>&", "\\u003ca href='x'\\u003e\\u0026"},
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xa2", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xa2"},
      {"\xff\xc0\x80\xed\xa0\x80\xe2\x82", "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"},
      {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    size_t size = strlen(cases[i].in);
    /* Exactly as large as promised, for the sanitizer. */
    char *in = malloc(size), *out = malloc(size * json_worst + 16);
    memcpy(in, cases[i].in, size);
    size_t n = json_escape(out, in, size);
    CHECK(n == strlen(cases[i].out) && !memcmp(out, cases[i].out, n));
    free(in);
    free(out);
  }
  char time[json_time_max];
  CHECK(json_time(time, INT64_C(1700000000000000000)) == 22 && !memcmp(time, "\"2023-11-14T22:13:20Z\"", 22));
  CHECK(json_time(time, INT64_C(1700000000000000001)) == 32 && !memcmp(time, "\"2023-11-14T22:13:20.000000001Z\"", 32));
}

static void rotation(void) {
  struct log *log = open_log(100, 3, "json-file", "");
  static const char *const texts[] = {"1\n", "2\n", "3\n", "4\n", "5\n", "6\n", "7\n"};
  for (size_t i = 0; i < 7; i++) {
    write_text(log, 1, texts[i]);
  }
  log_close(log);
  char *text = slurp(path);
  CHECK(text && strstr(text, "7\\n") && !strstr(text, "6\\n"));
  free(text);
  text = slurp(first);
  CHECK(text && strstr(text, "5\\n") && strstr(text, "6\\n"));
  free(text);
  text = slurp(second);
  CHECK(text && strstr(text, "3\\n") && strstr(text, "4\\n"));
  free(text);
  CHECK(access(third, F_OK) < 0);
  unlink(first);
  unlink(second);

  /* A single file starts anew. */
  log = open_log(100, 1, "json-file", "");
  write_text(log, 1, "8\n");
  write_text(log, 1, "9\n");
  log_close(log);
  text = slurp(path);
  CHECK(text && strstr(text, "9\\n") && !strstr(text, "7\\n"));
  free(text);
  unlink(path);
}

static void driver_and_mode(void) {
  struct log *log = open_log(0, 1, "local", "");
  write_text(log, 2, "hi\n");
  log_close(log);
  expect(path, "{\"log\":\"hi\\n\",\"stream\":\"stderr\"," TIME);
  struct stat st;
  CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640);
  unlink(path);
  struct error err;
  struct log_options none = {.driver = "none", .path = path};
  CHECK(!log_open(&none, &err) && !err.stage[0] && access(path, F_OK) < 0);
}

/* The driver local gives back the bytes that were written. */
static void raw_bytes(void) {
  struct log *log = open_log(0, 1, "local", "");
  static const char text[] = "\"\\\x01<\xff\xfe\xc3\xe2\x80\xa8 and more than sixteen plain bytes \xc3\xa9\xff\n";
  log_write(log, 1, text, sizeof text - 1, now);
  log_close(log);
  expect(path, "{\"log\":\"\\\"\\\\\\u0001\\u003c\xff\xfe\xc3\xe2\x80\xa8 and more than sixteen plain bytes \xc3\xa9\xff\\n\","
               "\"stream\":\"stdout\"," TIME);
  unlink(path);
}

static void limit_files(rlim_t size) {
  struct rlimit limit = {size, RLIM_INFINITY};
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* A file that can't grow: whole entries up to its end, then a note of how many are lost in the place where they are. */
static void full(void) {
  enum { entry = 70 };
  int reason;
  struct log *log = open_log(0, 1, "json-file", "");
  signal(SIGXFSZ, SIG_IGN);
  write_text(log, 1, "0\n");
  limit_files(3 * entry + 30);
  write_text(log, 1, "1\n2\n3\n4\n5\n");
  CHECK(log_lost(log, &reason) == 3 && reason == EFBIG);
  write_text(log, 2, "6\n");
  CHECK(log_lost(log, &reason) == 4);
  char *text = slurp(path);
  CHECK(text && text[strlen(text) - 1] == '\n' && strstr(text, "\"2\\n") && !strstr(text, "\"3"));
  free(text);
  limit_files(RLIM_INFINITY);
  write_text(log, 1, "7\n");
  CHECK(log_lost(log, &reason) == 0);
  text = slurp(path);
  char *note =
      text
          ? strstr(
                text,
                "{\"log\":\"[berth] 4 lines of output are lost here: they could not be written (File too large)\\n\",\"stream\":\"stderr\"")
          : NULL;
  CHECK(note && note > strstr(text, "\"2\\n") && strstr(note, "\"7\\n"));
  free(text);
  uint64_t device, inode, size;
  struct stat st;
  CHECK(log_position(log, &device, &inode, &size) == 0 && stat(path, &st) == 0);
  CHECK(device == st.st_dev && inode == st.st_ino && size == (uint64_t) st.st_size);
  size_t unfinished;
  CHECK(!log_partial(log, 1, &unfinished));
  write_text(log, 1, "abc");
  CHECK(log_partial(log, 1, &unfinished) && unfinished == 3);
  log_close(log);
  unlink(path);
}

static void deliver(const char *file, uint64_t to) {
  int fd = open(file, O_WRONLY | O_CREAT, 0600);
  CHECK(fd >= 0 && pwrite(fd, &to, sizeof to, 2 * sizeof to) == sizeof to);
  close(fd);
}

static void delivery(void) {
  char position[64];
  snprintf(position, sizeof position, "%s/position", directory);
  struct error err;
  struct log_options options = {
      .driver = "local", .path = path, .max_size = 100, .max_file = 2, .attrs = "", .position = position, .limit = 150};
  struct log *log = log_open(&options, &err);
  CHECK(log);
  struct stat st;
  uint64_t record[3];
  int fd = open(position, O_RDONLY);
  CHECK(fd >= 0 && stat(path, &st) == 0);
  CHECK(pread(fd, record, sizeof record, 0) == sizeof record && record[0] == 0 && record[1] == st.st_ino);
  write_text(log, 1, "a\n");
  CHECK(!log_behind(log));
  write_text(log, 1, "b\nc\n");
  CHECK(log_behind(log));
  /* Reached its size, and the first rotation takes nothing away; the second would. */
  write_text(log, 1, "d\n");
  CHECK(pread(fd, record, sizeof record, 0) == sizeof record && record[0] > 100 && access(first, F_OK) == 0);
  uint64_t base = record[0];
  write_text(log, 1, "e\nf\n");
  CHECK(pread(fd, record, sizeof record, 0) == sizeof record && record[0] == base);
  deliver(position, base);
  write_text(log, 1, "g\n");
  CHECK(pread(fd, record, sizeof record, 0) == sizeof record && record[0] > base);
  CHECK(stat(path, &st) == 0 && record[1] == st.st_ino);
  uint64_t end = record[0] + (uint64_t) st.st_size;
  deliver(position, end);
  CHECK(!log_behind(log));
  log_close(log);
  /* Another run goes on where this one ended; so does one whose predecessor was killed within a rotation. */
  log = log_open(&options, &err);
  write_text(log, 1, "h\n");
  log_close(log);
  CHECK(rename(path, first) == 0 && stat(first, &st) == 0);
  log_close(log_open(&options, &err));
  uint64_t before = record[0];
  CHECK(pread(fd, record, sizeof record, 0) == sizeof record && record[0] == before + (uint64_t) st.st_size);
  close(fd);
  unlink(position);
  unlink(path);
  unlink(first);
}

int main(void) {
  umask(022);
  CHECK(mkdtemp(directory));
  snprintf(path, sizeof path, "%s/log", directory);
  snprintf(first, sizeof first, "%s/log.1", directory);
  snprintf(second, sizeof second, "%s/log.2", directory);
  snprintf(third, sizeof third, "%s/log.3", directory);
  lines();
  long_lines();
  escapes();
  rotation();
  driver_and_mode();
  raw_bytes();
  full();
  delivery();
  CHECK(rmdir(directory) == 0);
  return 0;
}

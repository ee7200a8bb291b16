#include "layer/layer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

const char *layer_option(int argc, char **argv, const char *name, const char *fallback) {
  for (int i = 1; i + 1 < argc && strcmp(argv[i], "--"); i += 2)
    if (!strncmp(argv[i], "--", 2) && !strcmp(argv[i] + 2, name)) return argv[i + 1];
  return fallback;
}

char **layer_rest(int argc, char **argv, int *count) {
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--")) {
      *count = argc - i - 1;
      return argv + i + 1;
    }
  }
  *count = 0;
  return argv + argc;
}

void json_string(FILE *out, const char *text) {
  putc('"', out);
  for (const unsigned char *p = (const unsigned char *) text; *p; p++) {
    if (*p == '"' || *p == '\\')
      fprintf(out, "\\%c", *p);
    else if (*p < 0x20)
      fprintf(out, "\\u%04x", *p);
    else
      putc(*p, out);
  }
  putc('"', out);
}

FILE *layer_report(void) {
  static FILE *out;
  if (!out) out = fdopen(LAYER_REPORT_FD, "w");
  return out ? out : stderr;
}

int layer_report_error(const struct error *err) {
  FILE *out = layer_report();
  fprintf(out, "{\"error\":{\"stage\":");
  json_string(out, err->stage);
  fprintf(out, ",\"status\":%d,\"message\":", err->status);
  json_string(out, err->message);
  fprintf(out, "}}\n");
  fflush(out);
  return 1;
}

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} verbs[] = {
    {"add", layer_add},       {"entries", layer_entries}, {"changes", layer_changes}, {"diff", layer_diff},
    {"size", layer_size},     {"empty", layer_empty},     {"verify", layer_verify},   {"durable", layer_durable},
    {"sync", layer_sync},     {"probe", layer_probe},     {"archive", layer_archive}, {"init", layer_init},
    {"volume", layer_volume},
};

int layer_main(int argc, char **argv) {
  /* A container that shares the host's process namespace must not get at this program through /proc. */
  prctl(PR_SET_DUMPABLE, 0);
  signal(SIGPIPE, SIG_IGN);
  umask(0);
  struct rlimit files;
  if (!getrlimit(RLIMIT_NOFILE, &files)) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  if (fcntl(LAYER_REPORT_FD, F_GETFD) >= 0) fcntl(LAYER_REPORT_FD, F_SETFD, FD_CLOEXEC);
  for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
    if (!strcmp(verbs[i].name, argv[1])) return verbs[i].run(argc - 1, argv + 1);
  fprintf(stderr, "usage: berth-native layer VERB [--option value]...\n");
  return 2;
}

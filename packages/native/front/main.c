#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "front-body.h"
#include "front.h"

/** The members of a configuration file that change what the commands here do. */
static const char *const TELLING[] = {"HttpHeaders", "proxies", "detachKeys", "currentContext", NULL};

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

/** Whether a directory's config.json leaves everything as it is: there is none, or one that names nothing of interest. */
static bool plain_configuration(const char *directory, const char *below) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s%s/config.json", directory, below) >= (int) sizeof path) return false;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR;
  struct text text = {0};
  char part[4096];
  ssize_t got;
  text_puts(&text, "");
  while ((got = read(fd, part, sizeof part)) > 0 && text.length < 1 << 20) text_add(&text, part, (size_t) got);
  close(fd);
  const char *end = got == 0 && text.length == strlen(text.bytes) ? json_skip(text.bytes) : NULL;
  bool plain = end && !end[strspn(end, " \t\r\n")] && text.bytes[strspn(text.bytes, " \t\r\n")] == '{';
  for (const char *const *name = TELLING; *name; name++) plain = plain && !strstr(text.bytes, *name);
  free(text.bytes);
  return plain;
}

/** The path of the daemon's socket as the client finds it; NULL for what Node is to find out. */
static const char *socket_path(const char *option) {
  static const char *const others[] = {"DOCKER_API_VERSION", "DOCKER_TLS_VERIFY", "BERTH_TLS_VERIFY", "DOCKER_TLS", NULL};
  for (const char *const *name = others; *name; name++)
    if (variable(*name)) return NULL;
  const char *directory = variable("DOCKER_CONFIG"), *home = variable("HOME"), *contexts = variable("BERTH_CONFIG");
  if (!directory && !home) return NULL;
  if (!(directory ? plain_configuration(directory, "") : plain_configuration(home, "/.docker"))) return NULL;
  const char *host = option ? option : variable("BERTH_HOST");
  if (!host) host = variable("DOCKER_HOST");
  if (!host) {
    if (variable("BERTH_CONTEXT") || variable("DOCKER_CONTEXT")) return NULL;
    if (contexts || directory ? !plain_configuration(contexts ? contexts : directory, "")
                              : !plain_configuration(home, "/.berth"))
      return NULL;
    return FRONT_SOCKET;
  }
  return !strncmp(host, "unix:///", 8) && !strpbrk(host, " \t\r\n") ? host + 7 : NULL;
}

static int front(int count, char **words) {
  const char *host = NULL;
  if (count > 2 && !strcmp(words[0], "-H")) {
    host = words[1];
    words += 2;
    count -= 2;
  }
  if (count < 1) return HAND_OVER;
  bool group = !strcmp(words[0], "container");
  if (group && count < 2) return HAND_OVER;
  const char *name = words[group];
  bool ps = !strcmp(name, "ps") || (group && (!strcmp(name, "ls") || !strcmp(name, "list")));
  bool run = !strcmp(name, "run");
  if (!ps && !run) return HAND_OVER;
  struct invocation invocation = {.count = count - 1 - group, .words = words + 1 + group};
  if (!(invocation.socket = socket_path(host))) return HAND_OVER;
  return ps ? front_ps(&invocation) : front_run(&invocation);
}

/** Runs the client's program on Node with these words in this one's place; returns where that fails. */
static int hand_over(int argc, char **argv) {
  static const char *const flags[] = {FRONT_NODE_FLAGS "--"};
  const size_t count = sizeof flags / sizeof *flags;
  char program[PATH_MAX], node[PATH_MAX + 16], script[PATH_MAX + 16];
  ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  char *slash = length > 0 ? (program[length] = '\0', strrchr(program, '/')) : NULL;
  if (!slash) {
    fprintf(stderr, "berth: /proc/self/exe cannot be read: mount /proc\n");
    return 125;
  }
  *slash = '\0';
  snprintf(node, sizeof node, "%s/lib/node", program);
  snprintf(script, sizeof script, "%s/lib/berth.cjs", program);
  char **words = calloc((size_t) argc + count + 3, sizeof *words);
  if (!words) return 125;
  size_t at = 0;
  words[at++] = node;
  for (size_t index = 0; index < count; index++) words[at++] = (char *) flags[index];
  words[at++] = script;
  for (int index = 1; index < argc; index++) words[at++] = argv[index];
  execv(node, words);
  fprintf(stderr, "berth: %s cannot be run: %s\n", node, strerror(errno));
  return 125;
}

/** A person reads hints; programs compare texts. */
static bool hints_wanted(void) {
  const char *asked = getenv("BERTH_HINTS");
  return asked && *asked ? strcmp(asked, "0") != 0 : isatty(2);
}

int main(int argc, char **argv) {
  int code = front(argc - 1, argv + 1);
  if (code == HAND_OVER) return hand_over(argc, argv);
  const char *told = warned_text();
  if (code < 125 || !*told || !hints_wanted()) return code;
  char status[16];
  snprintf(status, sizeof status, "%d", code);
  char *words[] = {argv[0], "__hint", status, (char *) told};
  hand_over(4, words);
  return code;
}

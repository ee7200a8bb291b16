/* The command line of `probe`: what is meant by it, and what is refused with a reason. */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"

int probe_main(int argc, char **argv);

static char *said;

/* Runs it with the standard error in `said`. */
static int run(int argc, char **argv) {
  char path[] = "/tmp/berth-probe-XXXXXX";
  int file = mkstemp(path), kept = dup(2);
  CHECK(file >= 0 && kept >= 0 && dup2(file, 2) == 2);
  int status = probe_main(argc, argv);
  dup2(kept, 2);
  free(said);
  said = slurp(path);
  unlink(path);
  close(file);
  close(kept);
  return status;
}
#define PROBE(...) \
  run((int) (sizeof((char *[]){"probe", __VA_ARGS__}) / sizeof(char *)), (char *[]){"probe", __VA_ARGS__, NULL})
#define CHECK_REFUSED(reason, ...) \
  CHECK(PROBE(__VA_ARGS__) == 1);  \
  CHECK(said && !strcmp(said, reason "\n"))

/* A socket that listens is found by its path, and none where nothing listens. */
static void check_unix(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char own[16];
  snprintf(own, sizeof own, "%d", (int) getpid());
  snprintf(address.sun_path, sizeof address.sun_path, "/tmp/berth-probe-%d", (int) getpid());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *) &address, sizeof address) == 0 && listen(fd, 1) == 0);
  CHECK(PROBE(own, "unix", address.sun_path) == 0 && said && !*said);
  close(fd);
  CHECK(PROBE(own, "unix", address.sun_path) == 1 && said && strstr(said, "Connection refused"));
  unlink(address.sun_path);
}

int main(void) {
  CHECK_REFUSED("probe: neither tcp, http, unix nor v6only", "1");
  CHECK_REFUSED("probe: neither tcp, http, unix nor v6only", "1", "udp", "127.0.0.1", "53");
  CHECK_REFUSED("probe: pid is no number: self: Invalid argument", "self", "tcp", "127.0.0.1", "80");
  CHECK_REFUSED("probe: no process has that number", "-1", "tcp", "127.0.0.1", "80");
  CHECK_REFUSED("probe: port is missing: Invalid argument", "1", "tcp", "127.0.0.1");
  CHECK_REFUSED("probe: port is no number: 80x: Invalid argument", "1", "v6only", "80x");
  CHECK_REFUSED("probe: no port has that number", "1", "tcp", "127.0.0.1", "65536");
  CHECK_REFUSED("probe: no port has that number", "1", "v6only", "0");
  CHECK_REFUSED("probe: unknown argument more: Invalid argument", "1", "tcp", "127.0.0.1", "80", "more");
  CHECK_REFUSED("probe: request is missing: Invalid argument", "1", "http", "127.0.0.1", "80");
  check_unix();
  free(said);
}

/* Runs in a container with CAP_SYS_PTRACE and looks at every process that comes into its PID namespace, as early as can be:
   half of them it stops, the others it looks at on the run. Arguments: the path of a file of the host, and a secret that
   only the engine's own processes have in memory. Prints "leak ..." for whatever is not the container's own, and at SIGTERM
   "seen N early M": how many it saw, and how many before they had become their program. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *host_file, *secret;
static volatile sig_atomic_t done;
static unsigned long long permitted, bounding;
static int filtered;

static void stop(int signal) { done = 1; }

static void leak(pid_t pid, const char *format, ...) {
  char text[512];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  printf("leak %d %s\n", pid, text);
  fflush(stdout);
}

static int read_file(const char *path, char *out, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n = read(fd, out, size - 1);
  close(fd);
  if (n < 0) return -1;
  out[n] = 0;
  return (int) n;
}

static unsigned long long field(const char *status, const char *name, int base) {
  const char *at = strstr(status, name);
  return at ? strtoull(at + strlen(name), NULL, base) : 0;
}

static void look_at_folders(pid_t pid) {
  char path[600], target[256];

  snprintf(path, sizeof path, "/proc/%d/root%s", pid, host_file);
  if (!access(path, F_OK)) leak(pid, "root has %s", host_file);
  snprintf(path, sizeof path, "/proc/%d/cwd", pid);
  ssize_t n = readlink(path, target, sizeof target - 1);
  if (n > 0 && target[0] != '/') leak(pid, "cwd %.*s", (int) n, target);
}

/* The program that a process runs, in `target` of `size` bytes; -1 when it cannot be had. */
static int program_of(pid_t pid, char *target, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  ssize_t n = readlink(path, target, size - 1);
  if (n < 0) return -1;
  target[n] = 0;
  return 0;
}

/* Before it has become its program: afterwards its descriptors are its own. */
static int is_early(const char *program) { return strstr(program, "berth-native") != NULL; }

static void look_at_descriptors(pid_t pid) {
  char path[64], target[256], program[256];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    int number = atoi(entry->d_name);
    if (entry->d_name[0] == '.') continue;
    char name[400];
    snprintf(name, sizeof name, "/proc/%d/fd/%s", pid, entry->d_name);
    ssize_t n = readlink(name, target, sizeof target - 1);
    if (n < 0) continue;
    target[n] = 0;
    /* Its channel to the engine, and the sealed program of --init. */
    if ((number == 3 && !strncmp(target, "socket:", 7)) || !strncmp(target, "/memfd:berth-native", 19)) continue;
    if (number <= 2 && (!strncmp(target, "pipe:", 5) || !strcmp(target, "/dev/null") || !strncmp(target, "/dev/pts/", 9))) continue;
    /* One that was looked at on the run may have changed meanwhile. */
    if (!program_of(pid, program, sizeof program) && is_early(program)) leak(pid, "fd %d %s", number, target);
  }
  if (folder) closedir(folder);
}

static int look_at_program(pid_t pid) {
  char path[64], target[256];
  if (program_of(pid, target, sizeof target) < 0) return 0;
  int early = is_early(target);
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  if (early && strncmp(target, "/memfd:", 7)) leak(pid, "exe %s", target);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) leak(pid, "exe %s can be written", target), close(fd);
  return early;
}

static void look_at_rights(pid_t pid) {
  char path[64], status[4096];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  if (read_file(path, status, sizeof status) <= 0) return;
  unsigned long long theirs = field(status, "CapPrm:", 16) | field(status, "CapEff:", 16);
  if (theirs & ~permitted) leak(pid, "capabilities %llx", theirs & ~permitted);
  if (field(status, "CapBnd:", 16) & ~bounding) leak(pid, "bounding set %llx", field(status, "CapBnd:", 16));
  if (filtered && strstr(status, "Seccomp:") && !field(status, "Seccomp:", 10)) leak(pid, "no seccomp filter");
}

/* Memory that the engine's other containers and the daemon's environment are in. */
static void look_at_memory(pid_t pid) {
  char path[64], line[512];
  static char memory[1 << 20];
  size_t length = strlen(secret);
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "r");
  while (fd >= 0 && maps && fgets(line, sizeof line, maps)) {
    unsigned long long from, to;
    if (sscanf(line, "%llx-%llx r", &from, &to) != 2 || strstr(line, "[v")) continue;
    for (; from < to; from += sizeof memory - 64) {
      size_t size = to - from < sizeof memory ? to - from : sizeof memory;
      ssize_t n = pread(fd, memory, size, (off_t) from);
      if (n > 0 && memmem(memory, (size_t) n, secret, length)) leak(pid, "the secret is in %s", strchr(line, '-') ? strrchr(line, ' ') + 1 : line);
    }
  }
  if (fd >= 0) close(fd);
  if (maps) fclose(maps);
}

static int look(pid_t pid) {
  int early = look_at_program(pid);
  if (!early) return 0;
  look_at_folders(pid);
  look_at_descriptors(pid);
  look_at_rights(pid);
  return 1;
}

/* The newest number of the PID namespace: some come and go unseen. */
static pid_t newest(void) {
  char text[128];
  if (read_file("/proc/loadavg", text, sizeof text) <= 0) return 0;
  return (pid_t) atoi(strrchr(text, ' ') + 1);
}

int main(int argc, char **argv) {
  char status[4096];
  int seen = 0, early = 0;
  if (argc < 3) return 2;
  host_file = argv[1];
  /* In halves, so that it is not in this process's own arguments as a whole: an exec's supervisor may know those. */
  static char joined[256];
  snprintf(joined, sizeof joined, "%s%s", argv[2], argc > 3 ? argv[3] : "");
  secret = joined;
  signal(SIGTERM, stop);
  if (read_file("/proc/self/status", status, sizeof status) <= 0) return 2;
  permitted = field(status, "CapPrm:", 16);
  bounding = field(status, "CapBnd:", 16);
  filtered = (int) field(status, "Seccomp:", 10);
  printf("ready\n");
  fflush(stdout);
  pid_t next = getpid() + 1;
  for (unsigned long turn = 1; !done; turn++) {
    if (turn % 5000 == 0 && newest() > next + 1) next = newest() - 1;
    for (pid_t pid = next; pid < next + 4 && !done; pid++) {
      if (pid % 2) {
        if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0) {
          /* Short-lived ones may have gone. */
          continue;
        }
        int state;
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        if (waitpid(pid, &state, __WALL) == pid && WIFSTOPPED(state)) {
          if (look(pid)) early++, look_at_memory(pid);
          ptrace(PTRACE_DETACH, pid, 0, 0);
        }
        seen++;
      } else {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/root%s", pid, host_file);
        int found = !access(path, F_OK);
        if (found) leak(pid, "root has %s", host_file);
        if (!found && kill(pid, 0) < 0) continue;
        early += look(pid);
        seen++;
      }
      next = pid + 1;
    }
  }
  printf("seen %d early %d\n", seen, early);
  fflush(stdout);
  return 0;
}

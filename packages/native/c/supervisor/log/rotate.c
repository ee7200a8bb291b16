#include "supervisor/log/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

int rotation_init(struct rotation *rotation, const char *path, uint64_t max_size, unsigned max_file, int compress) {
  *rotation = (struct rotation){.max_size = max_size, .max_file = max_file ? max_file : 1, .compress = compress};
  rotation->path = strdup(path);
  return rotation->path ? 0 : -1;
}

/* PATH.n or PATH.n.gz; NULL when there is no memory. */
static char *name(const struct rotation *rotation, unsigned n, const char *suffix) {
  char *text;
  return asprintf(&text, "%s.%u%s", rotation->path, n, suffix) < 0 ? NULL : text;
}

/* The compressor works on the file that the next rotation renames, so that one is put off while it runs; the process that
   writes must not wait for it. One that is far too late is given up, its file stays as it was. Returns 0 when none runs. */
static int compressor_runs(struct rotation *rotation, uint64_t size) {
  rotation_reap(rotation);
  if (!rotation->compressor) return 0;
  if (size < 4 * rotation->max_size) return 1;
  kill(rotation->compressor, SIGKILL);
  cleanup_free char *half = name(rotation, 1, ".gz");
  if (half) unlink(half);
  rotation_reap(rotation);
  rotation->compressor = 0;
  return 0;
}

/* In place of a file that was written: those who still read the old one read it to its end. */
static int replace(const struct rotation *rotation, int fd) {
  cleanup_free char *made;
  if (asprintf(&made, "%s.new", rotation->path) < 0) {
    made = NULL;
    return -1;
  }
  int next = open(made, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (next < 0) return -1;
  if (rename(made, rotation->path) < 0) {
    close(next);
    unlink(made);
    return -1;
  }
  close(fd);
  return next;
}

/* gzip of the host: it runs outside the container, on a file that the container can't reach. */
static void compress_first(struct rotation *rotation) {
  cleanup_free char *file = name(rotation, 1, "");
  if (!file) return;
  char *argv[] = {"gzip", "-f", "-1", "--", file, NULL};
  char *env[] = {"PATH=/usr/bin:/bin", NULL};
  posix_spawnattr_t attributes;
  sigset_t defaults;
  posix_spawnattr_init(&attributes);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid;
  if (posix_spawn(&pid, "/usr/bin/gzip", NULL, &attributes, argv, env) == 0 ||
      posix_spawn(&pid, "/bin/gzip", NULL, &attributes, argv, env) == 0)
    rotation->compressor = pid;
  posix_spawnattr_destroy(&attributes);
}

static void move_up(struct rotation *rotation, unsigned n, const char *suffix) {
  cleanup_free char *from = name(rotation, n, suffix);
  cleanup_free char *to = name(rotation, n + 1, suffix);
  if (from && to) rename(from, to);
}

int rotate(struct rotation *rotation, int fd, uint64_t size) {
  if (rotation->max_file < 2) return replace(rotation, fd);
  if (compressor_runs(rotation, size)) return -1;
  for (unsigned n = rotation->max_file - 1; n > 0; n--) {
    static const char *const suffixes[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
      if (n == rotation->max_file - 1) {
        cleanup_free char *oldest = name(rotation, n, suffixes[i]);
        if (oldest) unlink(oldest);
      } else {
        move_up(rotation, n, suffixes[i]);
      }
    }
  }
  cleanup_free char *first = name(rotation, 1, "");
  if (!first || rename(rotation->path, first) < 0) return -1;
  int next = open(rotation->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (next < 0) {
    rename(first, rotation->path);
    return -1;
  }
  close(fd);
  if (rotation->compress) compress_first(rotation);
  return next;
}

void rotation_reap(struct rotation *rotation) {
  if (rotation->compressor && waitpid(rotation->compressor, NULL, WNOHANG) > 0) rotation->compressor = 0;
}

void rotation_free(struct rotation *rotation) {
  /* Nothing else is left to do by then; the next run of the container rotates the same files. */
  while (rotation->compressor && waitpid(rotation->compressor, NULL, 0) < 0 && errno == EINTR)
    ;
  free(rotation->path);
  rotation->path = NULL;
}

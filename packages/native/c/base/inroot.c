#include "base/inroot.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/sys.h"

static uint64_t resolve_flags(enum inroot_links links) {
  return RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (links == INROOT_REFUSE ? RESOLVE_NO_SYMLINKS : 0);
}

/* A rename or mount elsewhere makes the kernel give up a `..` walk with EAGAIN; trying again is what it asks for. */
static int open_retry(int root, const char *path, uint64_t flags, uint64_t resolve) {
  for (int tries = 0;; tries++) {
    int fd = sys_openat2(root, path, flags, 0, resolve);
    if (fd >= 0 || errno != EAGAIN || tries == 100) return fd;
  }
}

int inroot_open(int root, const char *path, int flags, enum inroot_links links) {
  return open_retry(root, *path ? path : "/", (uint64_t) flags, resolve_flags(links));
}

/* One step of a walk whose directories may be missing: opens `name` (a path of existing directories) or makes it. */
static int step_into(int root, const char *walked, int parent, const char *name, enum inroot_links links) {
  int fd = open_retry(root, walked, O_PATH | O_DIRECTORY, resolve_flags(links));
  if (fd >= 0 || errno != ENOENT) return fd;
  if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST) return -1;
  /* EEXIST here is a symlink to nothing: opened again, ENOENT is the answer. */
  return open_retry(root, walked, O_PATH | O_DIRECTORY, resolve_flags(links));
}

/* Walks to the directory of `path`, making what is missing. `path` is cut into `walked`, a buffer of PATH_MAX. */
static int walk(int root, const char *path, char *walked, enum inroot_links links, const char **last) {
  int fd = open_retry(root, "/", O_PATH | O_DIRECTORY, resolve_flags(links));
  if (fd < 0) return -1;
  size_t length = 0;
  const char *at = path;
  *last = NULL;
  for (;;) {
    while (*at == '/') at++;
    size_t n = strcspn(at, "/");
    if (n == 0) return fd;
    const char *rest = at + n + strspn(at + n, "/");
    int up = n == 2 && at[0] == '.' && at[1] == '.';
    if (n > NAME_MAX || length + n + 2 > PATH_MAX) {
      close(fd);
      errno = ENAMETOOLONG;
      return -1;
    }
    if (n == 1 && at[0] == '.') {
      at = rest;
      continue;
    }
    walked[length++] = '/';
    memcpy(walked + length, at, n);
    walked[length + n] = 0;
    const char *name = walked + length;
    length += n;
    if (!*rest && !up) {
      *last = name;
      return fd;
    }
    int next = step_into(root, walked, fd, name, links);
    int saved = errno;
    close(fd);
    errno = saved;
    if (next < 0) return -1;
    fd = next;
    at = rest;
  }
}

/* Links that lead to what is not there yet are followed in the text only: every step of it is looked up in the root. */
int inroot_final(int root, const char *path, char out[PATH_MAX]) {
  enum { limit = 255 }; /* symbolic links on the way; Go's limit */
  char rest[2 * PATH_MAX], link[PATH_MAX], spare[2 * PATH_MAX];
  size_t length = 0;
  int links = 0;
  snprintf(rest, sizeof rest, "%s", path);
  out[0] = 0;
  for (char *at = rest; *at;) {
    at += strspn(at, "/");
    size_t n = strcspn(at, "/");
    if (!n) break;
    if (n == 1 && *at == '.') {
      at += n;
      continue;
    }
    if (n == 2 && at[0] == '.' && at[1] == '.') {
      while (length && out[--length] != '/') {}
      out[length] = 0;
      at += n;
      continue;
    }
    if (length + n + 2 > PATH_MAX) {
      errno = ENAMETOOLONG;
      return -1;
    }
    out[length] = '/';
    memcpy(out + length + 1, at, n);
    out[length + 1 + n] = 0;
    cleanup_close int fd = inroot_open(root, out, O_PATH | O_NOFOLLOW, INROOT_FOLLOW);
    ssize_t size = fd < 0 ? -1 : readlinkat(fd, "", link, sizeof link - 1);
    if (size < 0) {
      length += 1 + n;
      at += n;
      continue;
    }
    link[size] = 0;
    out[length] = 0;
    if (++links > limit || (size_t) snprintf(spare, sizeof spare, "%s/%s", link, at + n) >= sizeof spare) {
      errno = ELOOP;
      return -1;
    }
    strcpy(rest, spare);
    at = rest;
    if (*link == '/') out[length = 0] = 0;
  }
  if (!length) strcpy(out, "/");
  return 0;
}

int inroot_target(int root, const char *path, enum inroot_kind kind, enum inroot_links links) {
  /* Nearly always all of it is there. */
  cleanup_close int target = open_retry(root, *path ? path : "/", O_PATH, resolve_flags(links));
  if (target < 0) {
    if (errno != ENOENT) return -1;
    char walked[PATH_MAX], final[PATH_MAX];
    const char *name;
    if (links == INROOT_FOLLOW && inroot_final(root, path, final) == 0) path = final;
    cleanup_close int parent = walk(root, path, walked, links, &name);
    if (parent < 0) return -1;
    if (!name) return steal_fd(&parent);
    if (kind == INROOT_DIRECTORY) {
      if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST) return -1;
    } else {
      cleanup_close int made = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
      if (made < 0 && errno != EEXIST) return -1;
    }
    target = open_retry(root, walked, O_PATH, resolve_flags(links));
    if (target < 0) return -1;
  }
  struct stat st;
  if (fstat(target, &st) < 0) return -1;
  if (S_ISLNK(st.st_mode) || (kind == INROOT_DIRECTORY) != S_ISDIR(st.st_mode)) {
    errno = ENOTDIR;
    return -1;
  }
  return steal_fd(&target);
}

int inroot_parent(int root, const char *path, char *buffer, size_t size, const char **name) {
  if (size < PATH_MAX) {
    errno = EINVAL;
    return -1;
  }
  int fd = walk(root, path, buffer, INROOT_FOLLOW, name);
  if (fd >= 0 && !*name) {
    close(fd);
    errno = EISDIR;
    return -1;
  }
  return fd;
}

int inroot_set_mode(int directory, const char *name, mode_t mode) {
  if (sys_fchmodat2(directory, name, mode, AT_SYMLINK_NOFOLLOW) == 0) return 0;
  if (errno != ENOSYS) return -1;
  /* Before Linux 6.6 nothing but an open file can be meant for sure, and opening a device is an act of its own. */
  cleanup_close int opened = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (opened < 0) return errno == ENOTDIR || errno == ELOOP ? 0 : -1;
  return fchmod(opened, mode);
}

/* Whether it is a regular file: looked at before it is opened, which is an act of its own with a device (a watchdog's begins to
   count). */
static int is_regular(int root, const char *path) {
  struct stat st;
  cleanup_close int there = open_retry(root, path, O_PATH, resolve_flags(INROOT_FOLLOW));
  if (there < 0 || fstat(there, &st) < 0) return -1;
  if (S_ISREG(st.st_mode)) return 0;
  errno = EINVAL;
  return -1;
}

int inroot_read(int root, const char *path, size_t limit, char **content, size_t *size) {
  *content = NULL;
  if (is_regular(root, path) < 0) return -1;
  /* O_NONBLOCK: a FIFO that takes its place must not hold the start up. */
  cleanup_close int fd = open_retry(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve_flags(INROOT_FOLLOW));
  if (fd < 0) return -1;
  struct stat st;
  if (fstat(fd, &st) < 0) return -1;
  if (!S_ISREG(st.st_mode)) {
    errno = EINVAL;
    return -1;
  }
  size_t room = st.st_size > 0 ? (size_t) st.st_size : 4096;
  if (st.st_size < 0 || room > limit) {
    errno = EFBIG;
    return -1;
  }
  char *text = malloc(room + 1);
  if (!text) return -1;
  size_t got = 0;
  while (got < room) {
    ssize_t n = read(fd, text + got, room - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      free(text);
      return -1;
    }
    if (n == 0) break;
    got += (size_t) n;
  }
  text[got] = 0;
  *content = text;
  *size = got;
  return 0;
}

/* Scope-bound release of what a function holds (gcc's cleanup attribute). */
#ifndef BERTH_CLEANUP_H
#define BERTH_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_(void *p) {
  free(*(void **) p);
}
static inline void cleanup_close_(int *fd) {
  if (*fd >= 0) close(*fd);
}
static inline void cleanup_dir_(DIR **d) {
  if (*d) closedir(*d);
}
static inline void cleanup_file_(FILE **f) {
  if (*f) fclose(*f);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_)))
#define cleanup_close __attribute__((cleanup(cleanup_close_)))
#define cleanup_dir __attribute__((cleanup(cleanup_dir_)))
#define cleanup_file __attribute__((cleanup(cleanup_file_)))

/* Takes an fd or pointer out of its cleanup. */
static inline int steal_fd(int *fd) {
  int v = *fd;
  *fd = -1;
  return v;
}

#endif

/* Entries that tests and fuzzers put into archives: all that a header can hold, and what only pax can. */
#ifndef BERTH_TAR_SAMPLE_H
#define BERTH_TAR_SAMPLE_H

#include "layer/tar/tar.h"

static struct tar_xattr sample_xattrs[] = {{"user.note", "a\0b\n", 4},
                                           {"security.capability", "\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20}};

#define SAMPLE_DIRECTORY \
  { .path = "folder/", .type = TAR_DIRECTORY, .mode = 01777, .mtime = 1700000000 }
#define SAMPLE_FILE                                                                                                          \
  {                                                                                                                          \
    .path = "folder/file", .type = TAR_FILE, .mode = 0644, .size = 20, .mtime = -5, .mtime_ns = 250000000, .xattr_count = 2, \
    .xattrs = sample_xattrs                                                                                                  \
  }

#endif

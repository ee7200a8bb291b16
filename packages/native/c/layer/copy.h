/* Copies of whole trees of files on this host. */
#ifndef BERTH_LAYER_COPY_H
#define BERTH_LAYER_COPY_H

#include "base/error.h"

struct copied {
  unsigned long long shared; /* files that share their data with the original (FICLONE) */
  unsigned long long copied; /* files whose data was copied */
};

/* Copies all that is in the open directory `from`, and its attributes, into the empty one `to`: with owners, rights, times,
   extended attributes, hard links and holes. Data is shared where the file system can; with `always` anything else is an error of stage
   "reflink". Sockets are left out. */
int layer_copy_tree(int from, int to, int always, struct copied *copied, struct error *err);

#endif

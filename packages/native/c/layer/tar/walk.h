/* Files of the host or of a container as members of an archive. Internal to what writes archives. */
#ifndef BERTH_TAR_WALK_H
#define BERTH_TAR_WALK_H

#include <sys/stat.h>

#include "layer/tar/tar.h"

/* The names of a directory in order of bytes, "." and ".." left out. */
struct name_list {
  char **names;
  size_t count;
};

/* Reads the names of an open directory into a list that is empty. Returns 0, or -1 with stage "read". */
int name_list_read(struct name_list *list, int directory, struct error *err);
/* Frees the names; the list is empty then. */
void name_list_free(struct name_list *list);
#define cleanup_names __attribute__((cleanup(name_list_free)))

struct link_table;
/* A table of files of several names that were written, by which later names become hard links. NULL without memory. */
struct link_table *link_table_new(void);
/* Frees it; NULL is allowed. */
void link_table_free(struct link_table *table);
/* The name under which the file was stored before; NULL: it wasn't, and `stored` is kept now. */
const char *link_table_first_name(struct link_table *table, const struct stat *st, const char *stored);
/* Whether an extended attribute travels: capabilities, access lists and the user's own. */
int tar_xattr_travels(const char *name);

/* Writes `name` of `directory`, of which `st` is known, as the member `stored` (a directory's name gets its slash). Sockets are
   left out. What vanishes meanwhile is left out, too. `links` may be NULL. */
int tar_put_node(struct tar_writer *writer, struct link_table *links, int directory, const char *name, const struct stat *st,
                 const char *stored, int nanoseconds, struct error *err);

#endif

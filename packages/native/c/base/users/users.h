/* `user[:group]` and supplementary groups, as Docker reads them: from the container's own passwd and group files. */
#ifndef BERTH_USERS_H
#define BERTH_USERS_H

#include <sys/types.h>

#include "base/error.h"

#define USERS_GROUPS_MAX 65536

struct user {
  uid_t uid;
  gid_t gid;
  char home[256];
  gid_t *groups; /* supplementary, the caller frees it */
  size_t group_count;
};

/* Looks `spec` up in the texts of a passwd and a group file (either may be NULL: there is none). A number needs no entry. */
int users_find(const char *passwd, const char *group, const char *spec, struct user *out, struct error *err);
/* The same by the passwd and group files of a root; files that are not there have no entries. `*group` is set to the text of
   the group file (or NULL), which the caller frees. */
int users_read(int root, const char *spec, char **group, struct user *out, struct error *err);
/* Adds the groups that the group file gives the user of `spec`, as users_find does for one that names no group. */
int users_add_memberships(int root, const char *group, const char *spec, struct user *out, struct error *err);
/* Adds one supplementary group, a number or a name of the group file. */
int users_add_group(const char *group, const char *name, struct user *out, struct error *err);

#endif

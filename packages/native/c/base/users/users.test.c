/* User and groups of a container's process, by the container's own passwd and group: as Docker reads them, and never somebody else. */
#include "base/users/users.h"

#include <stdlib.h>

#include "base/check.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "bin:x:1:1::/bin:\n"
                             " web :x:1000:100:Web:/srv/web:/bin/sh\n"
                             "huge:x:4294967296:0::/:\n"
                             "minus:x:-1:0::/:\n"
                             "nonsense:x:zero:0::/:\n"
                             "7:x:77:77::/seven:\n";
static const char group[] = "root:x:0:\nwheel:x:10:root,web\nstaff:x:50:other,web,web\nvast:x:4294967296:web\n100:x:200:web\n";

/* Looks `spec` up and frees what it holds; `*status` is 0 or the error's. */
static struct user find(const char *spec, int *status) {
  struct user user = {0};
  struct error err = {0};
  *status = users_find(passwd, group, spec, &user, &err) < 0 ? err.status : 0;
  return user;
}

static void is(const char *spec, uid_t uid, gid_t gid, size_t groups) {
  int status;
  struct user user = find(spec, &status);
  CHECK(status == 0 && user.uid == uid && user.gid == gid && user.group_count == groups);
  free(user.groups);
}

static void is_refused(const char *spec, int wanted) {
  int status;
  struct user user = find(spec, &status);
  CHECK(status == wanted);
  free(user.groups);
}

static void named(void) {
  is("", 0, 0, 1); /* root, who is in wheel */
  is("root", 0, 0, 1);
  is("bin", 1, 1, 0);
  is("bin:wheel", 1, 10, 0);
  is("bin:10", 1, 10, 0);
  is_refused("nobody", ENOENT);
  is_refused("bin:nogroup", ENOENT);
  is_refused("Root", ENOENT);
}

static void numbered(void) {
  is("1", 1, 1, 0);
  is("12345", 12345, 0, 0);
  is("12345:6", 12345, 6, 0);
  is("2147483647:2147483647", 2147483647, 2147483647, 0);
  is("7", 77, 77, 0); /* a name comes before a number */
  const char *beyond[] = {"2147483648", "4294967295", "4294967296", "-1", "1:2147483648", "1:4294967296", "1:-1"};
  for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) is_refused(beyond[i], ERANGE);
  is_refused("18446744073709551616", ENOENT); /* no number to Go: a name that is not there */
  is_refused("0x0", ENOENT);
  is_refused("1e3", ENOENT);
}

/* An entry of the file whose numbers are none, or wrap to root's, counts as missing. */
static void malformed(void) {
  is_refused("huge", ENOENT);
  is_refused("minus", ENOENT);
  is_refused("nonsense", ENOENT);
}

static void supplementary(void) {
  struct user user = {0};
  struct error err;
  CHECK(users_add_group(group, "staff", &user, &err) == 0 && users_add_group(group, "50", &user, &err) == 0);
  CHECK(user.group_count == 1 && user.groups[0] == 50);
  CHECK(users_add_group(group, "100", &user, &err) == 0 && user.groups[1] == 200);
  CHECK(users_add_group(group, "4294967296", &user, &err) < 0 && err.status == ERANGE);
  CHECK(users_add_group(group, "none", &user, &err) < 0 && err.status == ENOENT);
  free(user.groups);
}

int main(void) {
  named();
  numbered();
  malformed();
  supplementary();
  return 0;
}

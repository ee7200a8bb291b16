#include "base/users/users.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fail_text.h"
#include "base/inroot.h"

#define ID_MAX 2147483647LL
#define FILE_LIMIT (16 << 20)

struct field {
  const char *at;
  size_t length;
};

/* Go's Atoi: an optional sign and digits. Returns 1 for a number; one beyond the ids' range is given as -1. */
static int number(struct field f, long long *out) {
  size_t i = f.length && (*f.at == '+' || *f.at == '-');
  if (i == f.length || f.length - i > 18) return 0;
  long long n = 0;
  for (size_t k = i; k < f.length; k++) {
    if (!isdigit((unsigned char) f.at[k])) return 0;
    n = n * 10 + (f.at[k] - '0');
  }
  *out = n > ID_MAX || (*f.at == '-' && n) ? -1 : n;
  return 1;
}

static int same(struct field f, struct field g) {
  return f.length == g.length && !memcmp(f.at, g.at, f.length);
}

static struct field text_field(const char *text) {
  return (struct field){text, strlen(text)};
}

/* The next line that has something in it, without blanks around it; 0 at the end. */
static int next_line(const char **at, struct field *line) {
  while (*at && **at) {
    const char *start = *at;
    size_t n = strcspn(start, "\n");
    *at = start + n + (start[n] == '\n');
    while (n && isspace((unsigned char) *start)) start++, n--;
    while (n && isspace((unsigned char) start[n - 1])) n--;
    *line = (struct field){start, n};
    if (n) return 1;
  }
  return 0;
}

/* Cuts the first part up to `separator` off `rest`. */
static struct field cut(struct field *rest, char separator) {
  const char *end = rest->length ? memchr(rest->at, separator, rest->length) : NULL;
  struct field part = {rest->at, end ? (size_t) (end - rest->at) : rest->length};
  size_t used = part.length + (end ? 1 : 0);
  *rest = (struct field){rest->at + used, rest->length - used};
  return part;
}

static int out_of_range(struct error *err) {
  return fail_text(err, "user", ERANGE, "uids and gids must be in range 0-2147483647");
}

static int add(struct user *out, gid_t gid, struct error *err) {
  for (size_t i = 0; i < out->group_count; i++) {
    if (out->groups[i] == gid) return 0;
  }
  if (out->group_count == USERS_GROUPS_MAX) return fail(err, "user", E2BIG, "supplementary groups");
  gid_t *more = realloc(out->groups, (out->group_count + 1) * sizeof *more);
  if (!more) return fail(err, "user", ENOMEM, "supplementary groups");
  out->groups = more;
  out->groups[out->group_count++] = gid;
  return 0;
}

/* Finds a user by name or number (an empty `who`: user 0). Returns 1 when an entry was found. */
static int find_user(const char *passwd, struct field who, struct user *out, struct field *name) {
  long long wanted = 0;
  int by_number = !who.length || number(who, &wanted);
  for (struct field line; next_line(&passwd, &line);) {
    struct field entry = cut(&line, ':');
    cut(&line, ':');
    long long uid, gid;
    struct field uid_field = cut(&line, ':'), gid_field = cut(&line, ':');
    /* An entry whose numbers are none (or too large) names nobody; Go would take it for root's. */
    if (!number(uid_field, &uid) || !number(gid_field, &gid) || uid < 0 || gid < 0) continue;
    if (!(who.length && same(entry, who)) && !(by_number && uid == wanted)) continue;
    cut(&line, ':');
    struct field home = cut(&line, ':');
    out->uid = (uid_t) uid;
    out->gid = (gid_t) gid;
    snprintf(out->home, sizeof out->home, "%.*s", (int) home.length, home.at);
    *name = entry;
    return 1;
  }
  return 0;
}

/* Finds a group by name or number. Returns 1 when an entry was found. */
static int find_group(const char *group, struct field who, gid_t *out) {
  long long wanted, gid;
  int by_number = number(who, &wanted);
  for (struct field line; next_line(&group, &line);) {
    struct field entry = cut(&line, ':');
    cut(&line, ':');
    if (!number(cut(&line, ':'), &gid) || gid < 0) continue;
    if (!same(entry, who) && !(by_number && gid == wanted)) continue;
    *out = (gid_t) gid;
    return 1;
  }
  return 0;
}

static int add_memberships(const char *group, struct field name, struct user *out, struct error *err) {
  for (struct field line; next_line(&group, &line);) {
    long long gid;
    cut(&line, ':');
    cut(&line, ':');
    if (!number(cut(&line, ':'), &gid) || gid < 0) continue;
    struct field members = cut(&line, ':');
    while (members.length) {
      if (!same(cut(&members, ','), name)) continue;
      if (add(out, (gid_t) gid, err) < 0) return -1;
      break;
    }
  }
  return 0;
}

int users_find(const char *passwd, const char *group, const char *spec, struct user *out, struct error *err) {
  *out = (struct user){.home = "/"};
  struct field rest = text_field(spec), name = {NULL, 0};
  struct field who = cut(&rest, ':'), which = cut(&rest, ':');
  long long id;
  if (!find_user(passwd, who, out, &name) && who.length) {
    if (!number(who, &id))
      return fail_text(err, "user", ENOENT, "unable to find user %.*s: no matching entries in passwd file", (int) who.length,
                       who.at);
    if (id < 0) return out_of_range(err);
    out->uid = (uid_t) id;
  }
  if (which.length) {
    if (find_group(group, which, &out->gid)) return 0;
    if (!number(which, &id))
      return fail_text(err, "user", ENOENT, "unable to find group %.*s: no matching entries in group file", (int) which.length,
                       which.at);
    if (id < 0) return out_of_range(err);
    out->gid = (gid_t) id;
    return 0;
  }
  return name.length ? add_memberships(group, name, out, err) : 0;
}

int users_read(int root, const char *spec, char **group, struct user *out, struct error *err) {
  cleanup_free char *passwd = NULL;
  size_t size;
  *group = NULL;
  if (inroot_read(root, "/etc/passwd", FILE_LIMIT, &passwd, &size) < 0 && errno != ENOENT && errno != ENOTDIR)
    return fail(err, "user", errno, "/etc/passwd of the container");
  if (inroot_read(root, "/etc/group", FILE_LIMIT, group, &size) < 0 && errno != ENOENT && errno != ENOTDIR)
    return fail(err, "user", errno, "/etc/group of the container");
  return users_find(passwd, *group, spec, out, err);
}

int users_add_memberships(int root, const char *group, const char *spec, struct user *out, struct error *err) {
  cleanup_free char *passwd = NULL;
  size_t size;
  if (inroot_read(root, "/etc/passwd", FILE_LIMIT, &passwd, &size) < 0 && errno != ENOENT && errno != ENOTDIR)
    return fail(err, "user", errno, "/etc/passwd of the container");
  struct user found;
  struct field rest = text_field(spec), name = {NULL, 0};
  return find_user(passwd, cut(&rest, ':'), &found, &name) ? add_memberships(group, name, out, err) : 0;
}

int users_add_group(const char *group, const char *name, struct user *out, struct error *err) {
  gid_t gid;
  long long id;
  struct field who = text_field(name);
  if (!find_group(group, who, &gid)) {
    if (!number(who, &id))
      return fail_text(err, "user", ENOENT, "Unable to find group %s: no matching entries in group file", name);
    if (id < 0) return out_of_range(err);
    gid = (gid_t) id;
  }
  return add(out, gid, err);
}

#include <stdlib.h>
#include <string.h>

#include "front.h"

/** `berth ps -q` with `-a` and `--no-trunc`. */
int front_ps(const struct invocation *invocation) {
  bool quiet = false, all = false, full = false;
  for (int index = 0; index < invocation->count; index++) {
    const char *word = invocation->words[index];
    if (!strcmp(word, "--quiet"))
      quiet = true;
    else if (!strcmp(word, "--all"))
      all = true;
    else if (!strcmp(word, "--no-trunc"))
      full = true;
    else if (word[0] == '-' && word[1] && word[1] != '-' && !word[1 + strspn(word + 1, "aq")]) {
      quiet |= strchr(word, 'q') != NULL;
      all |= strchr(word, 'a') != NULL;
    } else
      return HAND_OVER;
  }
  if (!quiet) return HAND_OVER;
  struct connection connection;
  struct text body = {0}, ids = {0};
  if (!dial(&connection, invocation->socket) ||
      !send_request(&connection, "GET", all ? "/containers/json?all=1" : "/containers/json", NULL, false) ||
      !read_head(&connection) || connection.status != 200 || !read_body(&connection, &body) || !json_skip(body.bytes) ||
      body.bytes[strspn(body.bytes, " \t\r\n")] != '[')
    return HAND_OVER;
  for (const char *row = json_first(body.bytes); row; row = json_next(row)) {
    char *id = json_string(json_member(row, "Id"));
    // A text that is no id is left to Node to show.
    if (!id || strspn(id, "0123456789abcdef") != strlen(id)) return HAND_OVER;
    text_add(&ids, id, full ? strlen(id) : strnlen(id, 12));
    text_puts(&ids, "\n");
    free(id);
  }
  if (ids.length) write_all(1, ids.bytes, ids.length);
  return 0;
}

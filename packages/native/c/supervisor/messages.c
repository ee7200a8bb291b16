#include "supervisor/messages.h"

/* A client's, in a message that may begin with others. */
#define CLIENT(request, member)                                         \
  FIELD(FIELD_PLACED, FIELD_WORD, request, member token, "token", 0),   \
      FIELD(FIELD_PLACED, FIELD_NUMBER, request, member in, "in", 0),   \
      FIELD(FIELD_PLACED, FIELD_NUMBER, request, member out, "out", 0), \
      FIELD(FIELD_PLACED, FIELD_NUMBER, request, member err, "err", 0), \
      FIELD(FIELD_PLACED, FIELD_WORD, request, member keys, "keys", 0)

const struct field start_fields[] = {
    KEYED("id", FIELD_WORD, start_message, id),
    KEYED("folder", FIELD_WORD, start_message, directory),
    KEYED("open-stdin", FIELD_NUMBER, start_message, open_stdin),
    KEYED("stdin-once", FIELD_NUMBER, start_message, stdin_once),
    KEYED("terminal", FIELD_NUMBER, start_message, terminal),
    FIELDS_END,
};
const struct field client_fields[] = {
    CLIENT(client_message, ),
    OPTIONAL(FIELD_NUMBER, client_message, behind_log, 0),
    FIELDS_END,
};
const struct field exec_fields[] = {
    PLACED(FIELD_WORD, exec_message, id),
    PLACED(FIELD_NUMBER, exec_message, terminal),
    CLIENT(exec_message, client.),
    FIELDS_END,
};
const struct field log_fields[] = {
    PLACED(FIELD_WORD, log_message, driver),
    PLACED(FIELD_WORD, log_message, path),
    PLACED(FIELD_NUMBER, log_message, max_size),
    PLACED(FIELD_NUMBER, log_message, max_file),
    PLACED(FIELD_NUMBER, log_message, compress),
    PLACED(FIELD_WORD, log_message, attrs),
    PLACED(FIELD_WORD, log_message, position),
    PLACED(FIELD_NUMBER, log_message, limit),
    FIELDS_END,
};
const struct field plain_fields[] = {PLACED(FIELD_WORD, plain_message, sequence), FIELDS_END};
const struct field seen_fields[] = {PLACED(FIELD_WORD, seen_message, exec), FIELDS_END};
const struct field signal_fields[] = {
    PLACED(FIELD_WORD, signal_message, sequence),
    PLACED(FIELD_NUMBER, signal_message, signal),
    FIELDS_END,
};
const struct field resize_fields[] = {
    PLACED(FIELD_WORD, resize_message, sequence),
    PLACED(FIELD_NUMBER, resize_message, rows),
    PLACED(FIELD_NUMBER, resize_message, columns),
    FIELDS_END,
};
const struct field exec_signal_fields[] = {
    PLACED(FIELD_WORD, exec_signal_message, sequence),
    PLACED(FIELD_WORD, exec_signal_message, exec),
    PLACED(FIELD_NUMBER, exec_signal_message, signal),
    FIELDS_END,
};
const struct field exec_resize_fields[] = {
    PLACED(FIELD_WORD, exec_resize_message, sequence),
    PLACED(FIELD_WORD, exec_resize_message, exec),
    PLACED(FIELD_NUMBER, exec_resize_message, rows),
    PLACED(FIELD_NUMBER, exec_resize_message, columns),
    FIELDS_END,
};

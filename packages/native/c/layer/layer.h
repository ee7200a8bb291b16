/* `berth-native layer VERB`: what the daemon has done to layers and to containers' files, each in a process of its own that
   can be killed at any instant. Arguments are `--name value`; one line of JSON on file descriptor 3 tells the outcome. */
#ifndef BERTH_LAYER_H
#define BERTH_LAYER_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum { LAYER_REPORT_FD = 3 };

/* The value after `--name`, or `fallback`. */
const char *layer_option(int argc, char **argv, const char *name, const char *fallback);
/* Arguments after "--"; their number is put into *count. */
char **layer_rest(int argc, char **argv, int *count);

/* Writes a string as JSON, quotes included. Bytes that are no UTF-8 pass as they are. */
void json_string(FILE *out, const char *text);

/* Reports an error: {"error":{"stage","status","message"}}. Returns 1, the exit status. */
int layer_report_error(const struct error *err);
FILE *layer_report(void);

/* Removes everything in the open folder `folder`, however deep; immutable files too. */
int layer_empty_folder(int folder, struct error *err);

int layer_add(int argc, char **argv);
int layer_entries(int argc, char **argv);
int layer_changes(int argc, char **argv);
int layer_diff(int argc, char **argv);
int layer_size(int argc, char **argv);
int layer_empty(int argc, char **argv);
int layer_verify(int argc, char **argv);
int layer_durable(int argc, char **argv);
int layer_sync(int argc, char **argv);
int layer_probe(int argc, char **argv);
int layer_archive(int argc, char **argv);
int layer_volume(int argc, char **argv);
int layer_init(int argc, char **argv);

#endif

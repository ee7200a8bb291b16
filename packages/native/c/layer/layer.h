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
/* The stream to which a verb reports its outcome: the descriptor LAYER_REPORT_FD, or standard error where that is closed. */
FILE *layer_report(void);

/* Removes everything in the open directory `directory`, however deep; immutable files too. Closes it. Returns 0, or -1. */
int layer_empty_directory(int directory, struct error *err);

/* The verbs; argv[0] is the verb's name. All return the exit status. */

/* add: reads a tar from standard input, or the output of the decompressor behind "--", and makes a layer of it in `--layers`.
   `--directory`: where it is made; `--driver erofs|overlay`; `--expected DIGEST`; `--compressed BYTES`. Reports its digest and
   sizes. */
int layer_add(int argc, char **argv);
/* entries: the members of the tar on standard input, a line of JSON each, on standard output. */
int layer_entries(int argc, char **argv);
/* changes: what differs in `--upper` from the layers behind "--", as JSON on standard output. `--started yes`: it has run. */
int layer_changes(int argc, char **argv);
/* diff: the same as a layer's tar. */
int layer_diff(int argc, char **argv);
/* size: the bytes of the directories behind "--"; a negative errno for one that can't be read. */
int layer_size(int argc, char **argv);
/* empty: removes all that is in `--directory`. */
int layer_empty(int argc, char **argv);
/* verify: reads the tar of the layer in `--directory` again, which a power cut may have damaged, and writes the rest of it
   anew. `--digest`, `--driver`: as its name and record say. */
int layer_verify(int argc, char **argv);
/* durable: has the layer in `--directory` written to the disk, and marks it so. */
int layer_durable(int argc, char **argv);
/* sync: writes the file system of `--directory` through (syncfs(2)). */
int layer_sync(int argc, char **argv);
/* probe: whether this kernel mounts the EROFS image `--image` with the device `--device`: status 0 when it does. */
int layer_probe(int argc, char **argv);
/* archive: `--op stat|get|put|user|export` in the root behind "--" (read-only where it has no `upper`), or of the process
   `--pid`; see archive.c. */
int layer_archive(int argc, char **argv);
/* volume: an operation on a volume's directory (export, import, clone); see volume.c. */
int layer_volume(int argc, char **argv);
/* init: makes the init mount points in the upper layer of the root behind "--". */
int layer_init(int argc, char **argv);

#endif

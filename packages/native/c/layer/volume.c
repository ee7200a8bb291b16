/* `layer volume`: the files of a volume out to a tar, in from one, or copied into another's directory. Nothing is resolved by
   text on the way: each name is of an open directory. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "layer/archive.h"
#include "layer/copy.h"
#include "layer/layer.h"
#include "layer/mount.h"
#include "layer/tar/tar.h"

static int op_export(int directory, struct error *err) {
  struct tar_writer writer;
  struct tar_walk walk = {.prefix = ".", .include_root = 1, .nanoseconds = 1};
  if (tar_writer_open(&writer, STDOUT_FILENO, err)) return -1;
  writer.sparse = 1;
  fprintf(layer_report(), "{}\n");
  fflush(layer_report());
  int result = tar_walk(&writer, directory, &walk, err) || tar_write_end(&writer, err) ? -1 : 0;
  tar_writer_close(&writer);
  return result;
}

/* Files are on the disk before success is answered: no record could make them again after a power cut. */
static int settle(int directory, struct error *err) {
  return syncfs(directory) ? fail(err, "write", errno, "flush the files of the volume") : 0;
}

static int op_import(int directory, struct error *err) {
  if (layer_put_whole(directory, err) || settle(directory, err)) return -1;
  fprintf(layer_report(), "{}\n");
  return fflush(layer_report()) ? fail(err, "write", errno, "report") : 0;
}

static int op_clone(int directory, int argc, char **argv, struct error *err) {
  struct copied copied = {0};
  int always = !strcmp(layer_option(argc, argv, "reflink", "auto"), "always");
  cleanup_close int from = layer_open_directory(layer_option(argc, argv, "from", ""), err);
  if (from < 0 || layer_copy_tree(from, directory, always, &copied, err) || settle(directory, err)) return -1;
  fprintf(layer_report(), "{\"shared\":%llu,\"copied\":%llu}\n", copied.shared, copied.copied);
  return fflush(layer_report()) ? fail(err, "write", errno, "report") : 0;
}

int layer_volume(int argc, char **argv) {
  struct error err = {0};
  const char *op = layer_option(argc, argv, "op", "");
  cleanup_close int directory = layer_open_directory(layer_option(argc, argv, "path", ""), &err);
  int result = directory < 0           ? -1
               : !strcmp(op, "export") ? op_export(directory, &err)
               : !strcmp(op, "import") ? op_import(directory, &err)
                                       : op_clone(directory, argc, argv, &err);
  return result ? layer_report_error(&err) : 0;
}

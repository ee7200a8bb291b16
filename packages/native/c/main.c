/* berth-native: one static program of many parts. argv[1] names the part. */
#include <stdio.h>
#include <string.h>

/* Weak, so that a build with some of the parts (a unit test's, a cut-down one) still links. */
#define PART(name) int name##_main(int argc, char **argv) __attribute__((weak));
#define PARTS    \
  PART(launcher) \
  PART(init)     \
  PART(layer)    \
  PART(probe)    \
  PART(forward)  \
  PART(net)

PARTS
#undef PART

struct part {
  const char *name;
  int (*main)(int argc, char **argv);
};

#define PART(name) {#name, name##_main},
static const struct part parts[] = {PARTS};

int main(int argc, char **argv) {
  /* As a container's process 1 its arguments are those that Docker's init shows: `docker-init -- PROGRAM...`. */
  if (argc > 2 && init_main && !strcmp(argv[1], "--")) return init_main(argc - 1, argv + 1);
  for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof parts[0]; i++) {
    if (parts[i].main && !strcmp(parts[i].name, argv[1])) return parts[i].main(argc - 1, argv + 1);
  }
  fprintf(stderr, "usage: berth-native PART [ARGUMENTS]\nparts:");
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    if (parts[i].main) fprintf(stderr, " %s", parts[i].name);
  }
  fputc('\n', stderr);
  return 2;
}

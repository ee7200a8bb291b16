/* berth-native: one static program of many commands. argv[1] names the command. */
#include <stdio.h>
#include <string.h>

/* Weak, so that a build with some of the commands (a unit test's, a cut-down one) still links. */
#define COMMAND(name) int name##_main(int argc, char **argv) __attribute__((weak));
#define COMMANDS    \
  COMMAND(launcher) \
  COMMAND(init)     \
  COMMAND(layer)    \
  COMMAND(probe)    \
  COMMAND(forward)  \
  COMMAND(net)

COMMANDS
#undef COMMAND

struct command {
  const char *name;
  int (*main)(int argc, char **argv);
};

#define COMMAND(name) {#name, name##_main},
static const struct command commands[] = {COMMANDS};

int main(int argc, char **argv) {
  /* As a container's process 1 its arguments are those that Docker's init shows: `docker-init -- PROGRAM...`. */
  if (argc > 2 && init_main && !strcmp(argv[1], "--")) return init_main(argc - 1, argv + 1);
  for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
    if (commands[i].main && !strcmp(commands[i].name, argv[1])) return commands[i].main(argc - 1, argv + 1);
  }
  fprintf(stderr, "usage: berth-native COMMAND [ARGUMENTS]\ncommands:");
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (commands[i].main) fprintf(stderr, " %s", commands[i].name);
  }
  fputc('\n', stderr);
  return 2;
}

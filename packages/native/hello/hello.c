/* The program of the `hello-world` image. */
#include <unistd.h>

int main(void) {
  static const char text[] = "Hello from Berth!\n"
                             "This program ran in a container of its own: berth asked berthd over its API, berthd made\n"
                             "the namespaces, the cgroup and the overlay root, and sent you this output.\n";
  return write(1, text, sizeof text - 1) == (ssize_t) (sizeof text - 1) ? 0 : 1;
}

/* Prints the effective user: what a set-user-ID bit has done. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
  printf("Effective uid: %d\n", (int) geteuid());
  return 0;
}

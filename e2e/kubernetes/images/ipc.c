/* ipcmk and ipcs, as far as shared memory goes. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <time.h>

static int make(void) {
  srand((unsigned) time(NULL));
  int id = shmget(rand() | 1, 1 << 20, IPC_CREAT | 0666);
  if (id < 0) {
    perror("shmget");
    return 1;
  }
  printf("Shared memory id: %d\n", id);
  return 0;
}

static int list(void) {
  struct shm_info info;
  struct shmid_ds segment;
  int last = shmctl(0, SHM_INFO, (struct shmid_ds *) &info);
  puts("------ Shared Memory Segments --------\nkey        shmid");
  for (int at = 0; at <= last; at++) {
    int id = shmctl(at, SHM_STAT, &segment);
    if (id >= 0) printf("0x%08x %d\n", (unsigned) segment.shm_perm.__key, id);
  }
  return 0;
}

int main(int argc, char **argv) {
  size_t length = strlen(argv[0]);
  return argc > 0 && length >= 5 && !strcmp(argv[0] + length - 5, "ipcmk") ? make() : list();
}

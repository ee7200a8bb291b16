/* Failpoints: calls that fail or stall on demand. Linked into a second berth-native only (`make build/berth-native-failpoints`),
   with -Wl,--wrap for each call below. What is armed stands in the file that BERTH_FAILPOINTS names, mapped by every process
   and so shared by those that have left the host's mount tree; e2e/faults/faults/failpoints.ts writes it. The name `native.*`
   stands for every call. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 63, KILL = 1000, KILL_AFTER = 1001 };

struct slot {
  char name[48];
  int32_t action;      /* an errno; KILL; KILL_AFTER; or the negative of milliseconds to stall */
  int32_t skip, count; /* passes that are let through first, and those that are hit then */
  int32_t hits;
};

struct table {
  int32_t armed;
  char last[60]; /* the call that was hit last */
  struct slot slots[SLOTS];
};

static struct table *table;

__attribute__((constructor)) static void map_table(void)
{
  const char *path = getenv("BERTH_FAILPOINTS");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  void *mapped = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED)
    table = mapped;
}

/* Whether this pass is to fail (errno says how), or KILL_AFTER where it is to be the process's last. */
static int hit(const char *name)
{
  if (!table || !__atomic_load_n(&table->armed, __ATOMIC_ACQUIRE))
    return 0;
  for (struct slot *slot = table->slots; slot < table->slots + SLOTS && slot->name[0]; slot++) {
    if (strcmp(slot->name, name) && strcmp(slot->name, "native.*"))
      continue;
    if (__atomic_sub_fetch(&slot->skip, 1, __ATOMIC_ACQ_REL) >= 0 || __atomic_sub_fetch(&slot->count, 1, __ATOMIC_ACQ_REL) < 0)
      continue;
    __atomic_add_fetch(&slot->hits, 1, __ATOMIC_ACQ_REL);
    strncpy(table->last, name, sizeof table->last - 1);
    if (slot->action == KILL)
      kill(getpid(), SIGKILL);
    if (slot->action == KILL_AFTER)
      return KILL_AFTER;
    if (slot->action < 0) {
      struct timespec pause = {.tv_sec = -slot->action / 1000, .tv_nsec = -slot->action % 1000 * 1000000L};
      nanosleep(&pause, NULL);
      continue;
    }
    errno = slot->action;
    return 1;
  }
  return 0;
}

/* A wrapped call's result; `last`: what `hit` said. */
static long done(int last, long result)
{
  if (last == KILL_AFTER)
    kill(getpid(), SIGKILL);
  return result;
}

/* Arguments are handed on as they stand in registers, whatever their types: no wrapped call takes more than six, but
   syscall(2) with its seven. */
#define SIX long a, long b, long c, long d, long e, long f
#define WRAP(call) \
  long __real_##call(SIX); \
  long __wrap_##call(SIX); \
  long __wrap_##call(SIX) \
  { \
    int what = hit(#call); \
    return what == 1 ? -1 : done(what, __real_##call(a, b, c, d, e, f)); \
  }

WRAP(open64)
WRAP(openat64)
WRAP(mkdirat)
WRAP(unlinkat)
WRAP(renameat)
WRAP(rename)
WRAP(symlinkat)
WRAP(mknodat)
WRAP(ftruncate64)
WRAP(fsync)
WRAP(write)
WRAP(read)
WRAP(pwrite64)
WRAP(mount)
WRAP(umount2)
WRAP(move_mount)
WRAP(open_tree)
WRAP(fsopen)
WRAP(fsconfig)
WRAP(fsmount)
WRAP(setns)
WRAP(unshare)
WRAP(fork)
WRAP(pipe2)
WRAP(socketpair)
WRAP(socket)
WRAP(bind)
WRAP(listen)
WRAP(connect)
WRAP(accept4)
WRAP(sendmsg)
WRAP(recvmsg)
WRAP(send)
WRAP(recv)
WRAP(memfd_create)
WRAP(epoll_ctl)

long __real_syscall(SIX, long g);
long __wrap_syscall(SIX, long g);
long __wrap_syscall(SIX, long g)
{
  int what = hit("syscall");
  return what == 1 ? -1 : done(what, __real_syscall(a, b, c, d, e, f, g));
}

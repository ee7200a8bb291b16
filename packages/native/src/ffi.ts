import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');

/** Calls of libnftables in a worker thread keep whole rule listings on the stack; koffi's own 128 KiB overflow. */
const STACK = 1024 * 1024;

let koffi: Koffi | undefined;

/** The FFI, loaded when something needs it. All must load it here: it can be configured only before its first library. */
export function openFfi(): Koffi {
  if (!koffi) {
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
    // Test files have modules of their own, but share the library, which may be in use by then.
    if (koffi.config().async_stack_size !== STACK) koffi.config({ async_stack_size: STACK });
  }
  return koffi;
}

/**
 * Ends this process at once (_exit(2)), without V8's teardown: that waits for its threads, of which one that compiles may
 * wait for a collection by the main thread, for ever.
 */
export function exitNow(status: number): never {
  openFfi().load('libc.so.6').func('void _exit(int status)')(status);
  throw new Error('_exit returned');
}

const POLLERR = 0x8;
const POLLHUP = 0x10;
let poll: ((fds: Buffer, count: number, timeout: number) => number) | undefined;

/**
 * Whether the other end of each socket is closed in both directions or broken (poll(2): POLLHUP, POLLERR). Node tells
 * of the end of what can be read, which may be half of a close only.
 */
export function hungUp(fds: readonly number[]): boolean[] {
  poll ??= openFfi()
    .load('libc.so.6')
    .func('int poll(void *fds, unsigned long count, int timeout)') as unknown as NonNullable<typeof poll>;
  // struct pollfd: int fd, short events, short revents.
  const records = Buffer.alloc(8 * fds.length);
  fds.forEach((fd, index) => {
    records.writeInt32LE(fd, 8 * index);
  });
  poll(records, fds.length, 0);
  return fds.map((_, index) => (records.readInt16LE(8 * index + 6) & (POLLERR | POLLHUP)) !== 0);
}

/** The request SIOCOUTQ of unix(7). */
const OUTPUT_QUEUE = 0x5411n;
let ioctl: ((fd: number, request: bigint, value: Buffer) => number) | undefined;

/** Whether all that was sent on a socket of the file system is read by the other end; true for sockets of other kinds. */
export function allRead(fd: number): boolean {
  ioctl ??= openFfi()
    .load('libc.so.6')
    .func('int ioctl(int fd, unsigned long request, void *value)') as unknown as NonNullable<typeof ioctl>;
  const value = Buffer.alloc(4);
  return ioctl(fd, OUTPUT_QUEUE, value) < 0 || value.readInt32LE(0) === 0;
}

/** Gives free memory of the C library's heap back to the kernel (malloc_trim(3)). */
export function trimHeap(): void {
  openFfi().load('libc.so.6').func('int malloc_trim(size_t pad)')(0);
}

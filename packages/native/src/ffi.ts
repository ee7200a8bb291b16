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

/** Gives free memory of the C library's heap back to the kernel (malloc_trim(3)). */
export function trimHeap(): void {
  openFfi().load('libc.so.6').func('int malloc_trim(size_t pad)')(0);
}

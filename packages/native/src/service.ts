import { openFfi } from './ffi.ts';

/** Numbers of Linux's sys/socket.h and fcntl.h, the same on every architecture that Berth runs on. */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** The address of a Unix socket as bind(2) takes it; a name that begins with `@` is an abstract one. */
function unixAddress(name: string): Buffer {
  const path = Buffer.from(name);
  if (path[0] === 0x40) path[0] = 0;
  // sa_family_t, in the machine's order of bytes.
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer);
  // A path ends with a zero, an abstract name with its last byte.
  return Buffer.concat([family, path, path[0] === 0 ? Buffer.alloc(0) : Buffer.alloc(1)]);
}

type Calls = Record<'socket' | 'sendto' | 'close' | 'fcntl', (...args: unknown[]) => unknown>;
let calls: Calls | undefined;

function libc(): Calls {
  if (!calls) {
    const library = openFfi().load('libc.so.6');
    calls = {
      socket: library.func('int socket(int, int, int)'),
      sendto: library.func('long sendto(int, void *, unsigned long, int, void *, unsigned int)'),
      close: library.func('int close(int)'),
      fcntl: library.func('int fcntl(int, int, int)'),
    };
  }
  return calls;
}

/**
 * Sends one message to the service manager (sd_notify(3)): Node has no datagrams over Unix sockets. False when nobody
 * took it, of which a daemon need not die.
 */
export function notifyManager(socket: string, message: string): boolean {
  const { socket: open, sendto, close } = libc();
  const fd = Number(open(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd < 0) return false;
  const text = Buffer.from(message);
  const address = unixAddress(socket);
  const sent = sendto(fd, text, text.length, MSG_NOSIGNAL, address, address.length);
  close(fd);
  return Number(sent) === text.length;
}

/** Keeps descriptors that were passed to this process from the programs it starts. */
export function closeOnExec(fds: readonly number[]): void {
  for (const fd of fds) libc().fcntl(fd, F_SETFD, FD_CLOEXEC);
}

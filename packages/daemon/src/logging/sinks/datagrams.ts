import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { getSystemErrorName } from 'node:util';
import { openFfi } from '@berth/native/ffi.ts';
import { dialError } from './connection.ts';

/** Sends packets to one receiver. */
export interface Datagrams {
  /** @throws Error with Go's text when there is no such receiver */
  open(): Promise<void>;
  /** Resolves when the kernel has it. */
  send(packet: Buffer): Promise<void>;
  close(): void;
}

/** Packets of UDP. That nobody is there is not noticed, as with any that gets lost on its way. */
export function udpDatagrams(host: string, port: number): Datagrams {
  let socket: ReturnType<typeof createSocket> | undefined;
  let address = '';
  const open = async () => {
    if (socket) return;
    const found = await lookup(host || '127.0.0.1').catch((error) => {
      throw new Error(dialError({ host, port }, error).message.replace('dial tcp', 'dial udp'));
    });
    address = found.address;
    socket = createSocket(found.family === 6 ? 'udp6' : 'udp4');
    socket.unref();
    socket.on('error', () => undefined);
  };
  return {
    open,
    async send(packet) {
      await open();
      await new Promise<void>((resolve, reject) => {
        socket!.send(packet, port, address, (error) => {
          const { code } = (error ?? {}) as NodeJS.ErrnoException;
          if (error && code !== 'ECONNREFUSED') reject(error);
          else resolve();
        });
      });
    },
    close() {
      socket?.close();
      socket = undefined;
    },
  };
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const FLAGS = 0o4000 | 0o2000000; // SOCK_NONBLOCK, SOCK_CLOEXEC
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SEND_BUFFER = 8 * 1024 * 1024;
const EAGAIN = 11;
/** How long to wait for a receiver whose queue is full, in milliseconds: at most, before the try counts as failed. */
const FULL_PAUSE = 10;
const FULL_TRIES = 100;

interface SocketCalls {
  socket(family: number, type: number, protocol: number): number;
  connect(fd: number, address: Buffer, size: number): number;
  send(fd: number, data: Buffer, size: number, flags: number): number;
  setsockopt(fd: number, level: number, name: number, value: Buffer, size: number): number;
  close(fd: number): number;
}

let calls: (SocketCalls & { errno(): number }) | undefined;

/** Node has no datagrams of the file system's sockets. */
function socketCalls(): NonNullable<typeof calls> {
  if (calls) return calls;
  const koffi = openFfi();
  const libc = koffi.load('libc.so.6');
  calls = {
    socket: libc.func('int socket(int, int, int)'),
    connect: libc.func('int connect(int, void *, unsigned int)'),
    send: libc.func('long send(int, void *, size_t, int)'),
    setsockopt: libc.func('int setsockopt(int, int, int, void *, unsigned int)'),
    close: libc.func('int close(int)'),
    errno: () => koffi.errno(),
  } as unknown as NonNullable<typeof calls>;
  return calls;
}

/** Packets to a socket of the file system, the first of `paths` that is there. */
export function unixDatagrams(paths: readonly string[]): Datagrams {
  let fd = -1;
  const dial = () => {
    if (fd !== -1) return;
    const { socket, connect, setsockopt, close, errno } = socketCalls();
    let why = '';
    for (const path of paths) {
      const made = socket(AF_UNIX, SOCK_DGRAM | FLAGS, 0);
      const address = Buffer.alloc(110);
      address.writeUInt16LE(AF_UNIX);
      address.write(path, 2);
      if (connect(made, address, 2 + Buffer.byteLength(path) + 1) === 0) {
        const size = Buffer.alloc(4);
        size.writeInt32LE(SEND_BUFFER);
        setsockopt(made, SOL_SOCKET, SO_SNDBUFFORCE, size, 4);
        fd = made;
        return;
      }
      const error = Object.assign(new Error(getSystemErrorName(-errno())), {
        code: getSystemErrorName(-errno()),
      });
      why = dialError({ path }, error).message.replace('dial unix ', 'dial unixgram ');
      close(made);
    }
    throw new Error(why);
  };
  const close = () => {
    if (fd !== -1) socketCalls().close(fd);
    fd = -1;
  };
  return {
    async open() {
      dial();
    },
    async send(packet) {
      dial();
      const { send, errno } = socketCalls();
      for (let tries = 0; send(fd, packet, packet.length, 0) < 0; tries += 1) {
        const code = errno();
        if (code === EAGAIN && tries < FULL_TRIES) {
          await new Promise((resolve) => setTimeout(resolve, FULL_PAUSE));
          continue;
        }
        close();
        throw new Error(`sendto: ${getSystemErrorName(-code)}`);
      }
    },
    close,
  };
}

import { getServers } from 'node:dns';
import { connect as connectPlain, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { BerthError } from '../../base/errors.ts';
import { readBounded } from '../../base/files/bounded-file.ts';

/** The address that a stream leads to. */
export interface Target {
  /** A socket of the file system; or `host` and `port`. */
  path?: string;
  host?: string;
  port?: number;
  tls?: ConnectionOptions;
}

const TEXTS: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  ENOENT: 'connect: no such file or directory',
  EACCES: 'connect: permission denied',
};

/** Answers that nobody has asked for: so many bytes are kept. */
const ANSWERS_MOST = 64 * 1024;
/** How long a receiver may take to accept a connection, TLS's handshake included, in milliseconds. */
const DIAL_PATIENCE = 30_000;

/** A failure to connect in the words of Go's net, which dockerd's users know. */
export function dialError(target: Target, error: NodeJS.ErrnoException & { errors?: Error[] }): Error {
  const root = (error.errors?.at(-1) ?? error) as NodeJS.ErrnoException & { address?: string; port?: number };
  if (root.code === 'ENOTFOUND' || root.code === 'EAI_AGAIN') {
    const server = getServers()[0];
    const what = root.code === 'ENOTFOUND' ? 'no such host' : 'server misbehaving';
    return new Error(`dial tcp: lookup ${target.host}${server ? ` on ${server}:53` : ''}: ${what}`);
  }
  const text = TEXTS[root.code ?? ''];
  if (text === undefined) return new Error(target.tls ? `tls: ${root.message}` : root.message);
  if (target.path !== undefined) return new Error(`dial unix ${target.path}: ${text}`);
  const address = root.address ?? target.host!;
  return new Error(`dial tcp ${address.includes(':') ? `[${address}]` : address}:${target.port}: ${text}`);
}

/** The most bytes of such a file. */
const KEYS_MAX = 4 * 1024 * 1024;

/** A file that TLS needs. @throws Error with Go's text */
export function readKeyFile(path: string, what: string): Buffer {
  try {
    return readBounded(path, KEYS_MAX);
  } catch (error) {
    if (error instanceof BerthError) throw new Error(`${what}: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `${what}: open ${path}: ${code === 'ENOENT' ? 'no such file or directory' : 'permission denied'}`,
    );
  }
}

/** A stream to a receiver of logs, made when it is needed and anew when it broke. */
export class Connection {
  private readonly target: Target;
  private socket: Socket | undefined;
  private dialing: Promise<Socket> | undefined;
  /** The socket of `dialing`, which is no connection yet. */
  private dialed: Socket | undefined;
  private closed = false;
  private received: Buffer = Buffer.alloc(0);
  private readers: Array<{
    take: (bytes: Buffer) => number;
    resolve: () => void;
    reject: (error: Error) => void;
  }> = [];

  constructor(target: Target) {
    this.target = target;
  }

  /** Connects, where it is not connected. @throws Error with Go's text */
  async open(): Promise<void> {
    await this.connected();
  }

  /**
   * Resolves when the kernel has the bytes. `patience`: milliseconds that this may take, 0 for ever.
   * @throws Error, also where it takes longer; the connection is closed then
   */
  async write(bytes: Buffer, patience = 0): Promise<void> {
    const socket = await this.connected();
    const written = new Promise<void>((resolve, reject) => {
      const lost = () => reject(new Error('the connection was closed'));
      socket.once('close', lost);
      socket.write(bytes, (error) => {
        socket.off('close', lost);
        if (error) reject(error);
        else resolve();
      });
    });
    await this.within(patience, 'write', written);
  }

  /**
   * Reads an answer: `take` says how many bytes of what has come are one, 0 while it is not whole. An error that it throws
   * is the answer's, and ends the connection. `patience`: milliseconds that it may take, 0 for ever.
   */
  answer(take: (bytes: Buffer) => number, patience = 0): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      if (!this.socket) {
        reject(new Error('the connection was closed'));
        return;
      }
      this.readers.push({ take, resolve, reject });
      this.serve();
    });
    return this.within(patience, 'read', answered);
  }

  private async within(patience: number, doing: string, done: Promise<void>): Promise<void> {
    if (patience === 0) return done;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      late.reject(new Error(`${doing}: i/o timeout`));
      this.socket?.destroy();
      this.forget(this.socket);
    }, patience).unref();
    await Promise.race([done, late.promise]).finally(() => clearTimeout(timer));
  }

  /** Ends the connection after what was written; the next write makes another. */
  reset(): void {
    this.socket?.end();
    this.forget(this.socket);
  }

  close(): void {
    this.closed = true;
    this.dialed?.destroy();
    const { socket } = this;
    this.forget(socket);
    if (!socket) return;
    socket.end();
    setTimeout(() => socket.destroy(), 1000).unref();
  }

  private async connected(): Promise<Socket> {
    if (this.closed) throw new Error('the connection is closed');
    if (this.socket) return this.socket;
    this.dialing ??= this.dial().finally(() => {
      this.dialing = undefined;
    });
    return this.dialing;
  }

  private dial(): Promise<Socket> {
    const { path, host, port, tls } = this.target;
    const place = path !== undefined ? { path } : { host: host!, port: port! };
    return new Promise((resolve, reject) => {
      const socket = tls ? connectTls({ ...place, ...tls }) : connectPlain(place);
      this.dialed = socket;
      socket.setNoDelay?.(true);
      socket.unref();
      const late = () =>
        socket.destroy(Object.assign(new Error('the receiver does not answer'), { code: 'ETIMEDOUT' }));
      const timer = setTimeout(late, DIAL_PATIENCE).unref();
      socket.once('error', (error) => reject(dialError(this.target, error)));
      socket.on('error', () => this.forget(socket));
      socket.once('close', () => {
        clearTimeout(timer);
        reject(new Error('the connection was closed'));
      });
      socket.once(tls ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        this.dialed = undefined;
        this.socket = socket;
        resolve(socket);
      });
      // One that the receiver has ended is not written to again: what is written then is lost.
      socket.on('end', () => this.forget(socket));
      socket.on('close', () => this.forget(socket));
      socket.on('data', (bytes: Buffer) => {
        if (this.socket !== socket) return;
        if (this.received.length + bytes.length > ANSWERS_MOST) {
          socket.destroy();
          return;
        }
        this.received = Buffer.concat([this.received, bytes]);
        this.serve();
      });
    });
  }

  private serve(): void {
    for (let reader = this.readers[0]; reader; reader = this.readers[0]) {
      let size: number;
      try {
        size = reader.take(this.received);
      } catch (error) {
        this.readers.shift();
        reader.reject(error as Error);
        this.reset();
        return;
      }
      if (size === 0) return;
      this.received = this.received.subarray(size);
      this.readers.shift();
      reader.resolve();
    }
  }

  private forget(socket: Socket | undefined): void {
    if (this.socket === socket) this.socket = undefined;
    this.received = Buffer.alloc(0);
    for (const { reject } of this.readers.splice(0)) reject(new Error('the connection was closed'));
  }
}

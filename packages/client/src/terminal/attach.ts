import type { Duplex } from 'node:stream';
import { CliError } from '../base/errors.ts';
import type { Output } from '../base/output.ts';
import type { Cli } from '../cli/cli.ts';
import { type Api, ApiError } from '../transport/api.ts';
import { writer } from './demux.ts';
import { Detached, DetachFilter, defaultDetachKeys, parseDetachKeys } from './detach.ts';

export interface StreamOptions {
  socket: Duplex;
  stdin: boolean;
  out?: Output;
  err?: Output;
  tty: boolean;
  detachKeys: string;
}

export interface Streaming {
  /** Resolves when the container's output has ended and is written; rejects with Detached on the detach keys. */
  readonly done: Promise<void>;
  /** Puts the terminal back and closes the connection. */
  stop(): void;
}

const highWater = 1 << 20;

/** The keys of the command line, else of the configuration, checked. */
export function detachKeysOf(cli: Cli, flag: string): string {
  const keys = flag || cli.config().data.detachKeys || '';
  if (flag)
    try {
      parseDetachKeys(flag);
    } catch {
      throw new CliError(
        `invalid detach keys (${flag}): keys are single characters, "ctrl-" with one, or "DEL"`,
      );
    }
  return keys;
}

/** Connects the standard streams with a container or an exec. */
export function stream(options: StreamOptions): Streaming {
  const { socket } = options;
  const raw = options.stdin && options.tty && process.stdin.isTTY;
  if (raw) makeRaw();
  let restored = false;
  const restore = (): void => {
    if (restored) return;
    restored = true;
    if (raw) process.stdin.setRawMode(false);
    if (options.stdin) process.stdin.pause();
  };
  if (raw) process.on('exit', restore);

  const done = new Promise<void>((resolve, reject) => {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      restore();
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve();
      else reject(error);
    });
    if (options.out || options.err) receive(socket, options, restore, resolve, reject);
    else socket.resume();
    if (options.stdin) send(socket, options, restore, resolve, reject);
    else if (!options.out && !options.err) resolve();
  });
  return {
    done,
    stop() {
      restore();
      socket.destroy();
    },
  };
}

/**
 * Connects the standard streams with a container or an exec, output included. Under a terminal there is one stream of
 * output; it goes to standard output.
 */
export function streamAll(
  cli: Cli,
  options: Pick<StreamOptions, 'socket' | 'stdin' | 'tty' | 'detachKeys'>,
): Streaming {
  return stream({ ...options, out: cli.out, err: options.tty ? cli.out : cli.err });
}

/**
 * Waits until the output of a container that was started attached has ended; then `stopForwarding` is called.
 * @returns whether it ended by itself; false when the user detached.
 */
export async function streamToEnd(streaming: Streaming, stopForwarding?: () => void): Promise<boolean> {
  try {
    await streaming.done;
  } catch (error) {
    if (error instanceof Detached) return false;
    throw error;
  }
  stopForwarding?.();
  return true;
}

/** Hands each key on as it is typed, and leaves the container's output as it is. */
function makeRaw(): void {
  process.stdin.setRawMode(true);
  // Node's raw mode still adds a carriage return to each line end, of which the container's terminal has sent one
  // already. What Node puts back in the end includes this. The module is too slow to load for all who need no terminal.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  spawnSync('stty', ['-opost'], { stdio: [0, 'ignore', 'ignore'], env: { PATH: '/usr/bin:/bin' } });
}

function receive(
  socket: Duplex,
  options: StreamOptions,
  restore: () => void,
  resolve: () => void,
  reject: (error: Error) => void,
): void {
  const write = writer({ out: options.out, err: options.err }, !options.tty);
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();
  let ended = false;
  socket.on('data', (chunk: Buffer) => {
    waiting += chunk.length;
    if (waiting > highWater) socket.pause();
    tail = write(chunk).then(() => {
      waiting -= chunk.length;
      if (waiting < highWater / 2) socket.resume();
    });
    tail.catch((error: Error) => {
      restore();
      socket.destroy();
      reject(error);
    });
  });
  const finish = (): void => {
    if (ended) return;
    ended = true;
    // The last of the output is written while the terminal is as it was for the rest.
    tail.then(
      () => {
        restore();
        resolve();
      },
      (error: Error) => {
        restore();
        reject(error);
      },
    );
  };
  socket.on('end', finish);
  socket.on('close', finish);
  socket.resume();
}

function send(
  socket: Duplex,
  options: StreamOptions,
  restore: () => void,
  resolve: () => void,
  reject: (error: Error) => void,
): void {
  const { stdin } = process;
  let filter: DetachFilter | undefined;
  if (options.tty) {
    let keys = parseDetachKeys(defaultDetachKeys);
    try {
      if (options.detachKeys) keys = parseDetachKeys(options.detachKeys);
    } catch {
      // an unreadable setting of the configuration: the default keys
    }
    filter = new DetachFilter(keys);
  }
  const end = (): void => {
    socket.end();
    if (!options.out && !options.err) resolve();
  };
  stdin.on('data', (chunk: Buffer) => {
    let bytes = chunk;
    try {
      if (filter) bytes = filter.feed(chunk);
    } catch (error) {
      restore();
      socket.destroy();
      reject(error as Error);
      return;
    }
    if (bytes.length && socket.writable && !socket.write(bytes)) {
      stdin.pause();
      socket.once('drain', () => stdin.resume());
    }
  });
  stdin.on('end', end);
  stdin.on('error', end);
  stdin.resume();
}

/** Tells the daemon the size of the terminal, now and whenever it changes. */
export function followTerminalSize(
  cli: Cli,
  api: Api,
  path: `/containers/${string}` | `/exec/${string}`,
): void {
  const resize = async (): Promise<boolean> => {
    const size = cli.terminalSize();
    if (!size || (!size[0] && !size[1])) return true;
    return api
      .done<'ContainerResize' | 'ExecResize'>('POST', `${path}/resize`, {
        query: { h: String(size[0]), w: String(size[1]) },
      })
      .then(
        () => true,
        // Gone already; its size matters no more.
        (error: unknown) => error instanceof ApiError && error.status === 404,
      );
  };
  void (async () => {
    // The process may not be there yet for a moment.
    for (let attempt = 0; attempt <= 10; attempt++) {
      if (await resize()) return;
      await new Promise((done) => setTimeout(done, 10 * (attempt + 1)));
    }
    cli.warn('failed to resize tty, using default size\r\n');
  })();
  process.stdout.on('resize', () => void resize());
}

const forwarded: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGTERM',
  'SIGCONT',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGWINCH',
  'SIGIO',
];

/** Sends the signals that this process gets to a container instead. Returns a function that ends it. */
export function forwardSignals(api: Api, id: string): () => void {
  const handlers = forwarded.map((signal) => {
    const handler = (): void => {
      api
        .done<'ContainerKill'>('POST', `/containers/${id}/kill`, { query: { signal: signal.slice(3) } })
        .catch(() => undefined);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return () => {
    for (const [signal, handler] of handlers) process.removeListener(signal, handler);
  };
}

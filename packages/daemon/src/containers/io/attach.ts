import type { Duplex } from 'node:stream';
import type { AttachOptions as StreamOptions, Supervisor } from '@berth/native';
import { conflict, unsupported } from '../../base/errors.ts';
import { drained } from '../../base/streams.ts';
import type { AttachOptions } from '../api.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { LiveStreams, PendingAttach } from '../model/running.ts';
import { endConnection } from './connection.ts';
import { FrameReader } from './frames.ts';
import { parseDetachKeys } from './keys.ts';
import { openLog } from './logs/index.ts';

/**
 * Attaches a client: the log so far (`logs`), then the live streams (`stream`). Resolves when the client or the
 * container has ended it.
 * @throws conflict for a paused or restarting container
 */
export async function attach(
  context: Context,
  container: Container,
  reference: string,
  options: AttachOptions,
): Promise<void> {
  const keys = parseDetachKeys(options.detachKeys, 'detach');
  const { status } = container.state;
  if (status === 'paused')
    throw conflict(`container ${reference} is paused, unpause the container before attach`);
  if (status === 'restarting')
    throw conflict(`container ${reference} is restarting, wait until the container is running before attach`);
  if (options.logs && container.record.hostConfig.LogConfig.Type === 'none')
    throw unsupported('configured logging driver does not support reading');

  const { config } = container.record;
  const wanted: StreamOptions = {
    stdin: options.stdin && config.OpenStdin,
    stdout: options.stdout,
    stderr: options.stderr,
    ...(config.Tty && { detachKeys: keys }),
  };
  const any = wanted.stdin || wanted.stdout || wanted.stderr;
  // Asked for before the client is told to go on: it starts the container next, and must miss nothing.
  const early = options.stream && any && !container.alive ? expectStart(container, wanted) : undefined;
  let connection: Duplex;
  try {
    connection = await options.connection();
  } catch (error) {
    early?.cancel();
    throw error;
  }
  connection.on('error', () => connection.destroy());
  const plain = options.raw === true && !config.Tty;
  if (options.logs) await writeLog(context, container, options, connection, plain);
  context.emit(container, 'attach');
  if (!options.stream || !any) {
    endConnection(connection);
    return;
  }
  const live = await (early ? early.live(connection) : attachNow(container, wanted));
  if (!live) {
    endConnection(connection);
    return;
  }
  // Clients inspect the container when its streams end, and take the exit code from there: docker's own tests do.
  await join(
    plain ? unframed(live.stream) : live.stream,
    connection,
    wanted.stdin,
    (reason) => reason === 'detach' || runOver(container, live.supervisor),
  );
}

async function attachNow(
  { supervisor }: Container,
  options: StreamOptions,
): Promise<LiveStreams | undefined> {
  return supervisor && { stream: await supervisor.attach(options), supervisor };
}

/** Waits until the end of that run is in the container's state. */
async function runOver(container: Container, supervisor: Supervisor): Promise<void> {
  if (!container.alive && !container.starting) return;
  // A short program is over before its start is.
  if (container.supervisor !== supervisor) await container.queue(async () => undefined);
  if (container.supervisor === supervisor) await container.wait('next-exit');
}

/** The same stream, its output without the 8-byte headers. */
export function unframed(stream: Duplex): Duplex & { transform: (chunk: Buffer) => Buffer } {
  return Object.assign(stream, { transform: unframer() });
}

function unframer(): (chunk: Buffer) => Buffer {
  let parts: Buffer[] = [];
  const reader = new FrameReader((_, bytes) => parts.push(bytes));
  return (chunk) => {
    parts = [];
    reader.push(chunk);
    return Buffer.concat(parts);
  };
}

function expectStart(container: Container, options: StreamOptions) {
  let deliver: (live: LiveStreams | undefined) => void = () => undefined;
  const delivered = new Promise<LiveStreams | undefined>((resolve) => {
    deliver = resolve;
  });
  const pending: PendingAttach = { options, deliver };
  container.pending = [...container.pending, pending];
  const cancel = () => {
    container.pending = container.pending.filter((other) => other !== pending);
    deliver(undefined);
  };
  container.gone.signal.addEventListener('abort', cancel);
  return {
    cancel,
    /** The streams once the container starts; undefined when the client or the container went first. */
    async live(connection: Duplex): Promise<LiveStreams | undefined> {
      connection.once('close', cancel);
      const live = await delivered;
      container.gone.signal.removeEventListener('abort', cancel);
      if (live && connection.destroyed) {
        live.stream.destroy();
        return undefined;
      }
      return live;
    },
  };
}

async function writeLog(
  context: Context,
  container: Container,
  options: AttachOptions,
  connection: Duplex,
  plain: boolean,
): Promise<void> {
  const transform = plain ? unframer() : (block: Buffer) => block;
  const ended = new AbortController();
  const stop = () => ended.abort();
  connection.once('close', stop);
  const stream = openLog(context, container, {
    stdout: options.stdout,
    stderr: options.stderr,
    follow: false,
    timestamps: false,
    details: false,
    since: 0n,
    until: 0n,
    tail: -1,
    signal: ended.signal,
  });
  for await (const block of stream) {
    if (connection.destroyed) break;
    if (!connection.write(transform(block))) await drained(connection);
  }
  connection.off('close', stop);
}

/**
 * Carries bytes both ways between a process and a client until either ends. `beforeEnd` may hold the client's end back
 * (so that an exit code is known when the client asks for it). Returns true when the client detached.
 */
export function join(
  stream: Duplex & { transform?: (chunk: Buffer) => Buffer },
  connection: Duplex,
  stdin: boolean,
  beforeEnd?: (reason: 'end' | 'detach') => unknown,
): Promise<boolean> {
  return new Promise((resolve) => {
    let over = false;
    let detached = false;
    const finish = async (reason: 'end' | 'detach') => {
      if (over) return;
      over = true;
      connection.unpipe(stream);
      await beforeEnd?.(reason);
      endConnection(connection);
      stream.destroy();
      resolve(reason === 'detach');
    };
    stream.once('detach', () => {
      detached = true;
      void finish('detach');
    });
    stream.on('error', () => void finish('end'));
    connection.on('error', () => connection.destroy());

    stream.on('data', (chunk: Buffer) => {
      const bytes = stream.transform ? stream.transform(chunk) : chunk;
      if (bytes.length > 0 && !connection.write(bytes)) {
        stream.pause();
        connection.once('drain', () => stream.resume());
      }
    });
    stream.once('end', () => {
      // The note of a detach may come right behind the end.
      setImmediate(() => void finish(detached ? 'detach' : 'end'));
    });
    stream.once('close', () => void finish(detached ? 'detach' : 'end'));
    // A short program's stream may have told its end, to nobody, before it got here.
    if (stream.readableEnded || stream.destroyed) void finish('end');

    // The client's half close is the end of the process's input; its whole end is the end of the attachment.
    if (stdin) connection.pipe(stream, { end: false });
    else connection.resume();
    const inputOver = () => {
      if (!stdin) return;
      connection.unpipe(stream);
      stream.end();
    };
    // A client with nothing to say may have said so before the process was there.
    if (connection.readableEnded) inputOver();
    else connection.once('end', inputOver);
    connection.once('close', () => {
      if (over) return;
      over = true;
      stream.destroy();
      resolve(true);
    });
  });
}

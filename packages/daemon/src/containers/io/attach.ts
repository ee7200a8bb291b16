import type { Duplex, Readable } from 'node:stream';
import { drained } from '@berth/grpc/drained.ts';
import {
  LaunchError,
  type LogPosition,
  type AttachOptions as StreamOptions,
  type Supervisor,
} from '@berth/native';
import { conflict, unsupported } from '../../base/errors.ts';
import type { AttachOptions } from '../api.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { LiveStreams, PendingAttach } from '../model/running.ts';
import { endConnection, whenGone, whenRead } from './connection.ts';
import { FrameReader } from './frames.ts';
import { parseDetachKeys } from './keys.ts';
import { type OpenedLog, openWholeLog } from './logs/index.ts';

/**
 * Attaches a client: the log so far (`logs`), then the live streams (`stream`). Resolves when the client or the
 * container has ended it.
 * @throws invalid-parameter for keys that are none, not-found, conflict for a paused or restarting container
 */
export async function attach(context: Context, reference: string, options: AttachOptions): Promise<void> {
  const keys = options.keepsKeys ? Buffer.alloc(0) : parseDetachKeys(options.detachKeys, 'detach');
  const container = context.registry.lookup(reference);
  const { status } = container.state;
  if (status === 'paused')
    throw conflict(`container ${reference} is paused, unpause the container before attach`);
  if (status === 'restarting')
    throw conflict(`container ${reference} is restarting, wait until the container is running before attach`);
  if (options.logs && !context.rooms.logging.readable(container.record.hostConfig.LogConfig))
    throw unsupported('configured logging driver does not support reading');

  const { config } = container.record;
  const wanted: StreamOptions = {
    stdin: options.stdin && config.OpenStdin,
    stdout: options.stdout,
    stderr: options.stderr,
    ...(config.Tty && { detachKeys: keys }),
  };
  const any = wanted.stdin || wanted.stdout || wanted.stderr;
  if (container.starting) await container.queue(async () => undefined);
  // The streams are asked for before the client is told to go on: it starts the container next, and must miss nothing.
  const early = options.stream && any && !container.alive ? expectStart(container, wanted) : undefined;
  const client = new AbortController();
  const opening = options.logs
    ? await openWholeLog(context, container, { ...pick(options), signal: client.signal })
    : undefined;
  let connection: Duplex;
  try {
    connection = await options.connection();
  } catch (error) {
    early?.cancel();
    await opening?.close();
    throw error;
  }
  connection.on('error', () => connection.destroy());
  connection.once('close', () => client.abort());
  const plain = options.raw === true && !config.Tty;
  context.emit(container, 'attach');
  // The client reads its answer before the container may be started: output of the start comes behind it.
  if (opening || !early) await whenRead(connection);
  if (!options.stream || !any || early) {
    if (opening) await sendLog(opening.read(), connection, plain);
    if (!early) {
      endConnection(connection);
      return;
    }
  }
  const live = await (early
    ? early.live(connection)
    : attachNow(context, container, wanted, opening, (log) => sendLog(log, connection, plain)));
  if (!live) {
    endConnection(connection);
    return;
  }
  if (connection.destroyed) {
    live.stream.destroy();
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

const pick = ({ stdout, stderr }: { stdout: boolean; stderr: boolean }) => ({ stdout, stderr });

/** How often the log may be rotated between its opening and the supervisor's answer before that is taken as it comes. */
const SEAM_TRIES = 10;

/** Attaches to what runs, behind its log where that is wanted; undefined when it has ended meanwhile. */
async function attachNow(
  context: Context,
  container: Container,
  options: StreamOptions,
  opened: OpenedLog | undefined,
  send: (log: Readable) => Promise<void>,
): Promise<LiveStreams | undefined> {
  const { supervisor } = container;
  let log = opened;
  for (let tries = 1; supervisor; tries += 1) {
    let stream: Duplex;
    let end: LogPosition | null = null;
    try {
      if (log) ({ stream, end } = await supervisor.attachBehindLog(options));
      else stream = await supervisor.attach(options);
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      break;
    }
    if (!log) return { stream, supervisor };
    if (end?.file === log.file || tries === SEAM_TRIES) {
      await send(log.read(end?.file === log.file ? end.size : undefined));
      return { stream, supervisor };
    }
    stream.destroy();
    await log.close();
    log = await openWholeLog(context, container, { ...pick(options), signal: new AbortController().signal });
  }
  if (log) await send(log.read());
  return undefined;
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
  let cancelled = false;
  const pending: PendingAttach = {
    options,
    deliver: (live) => (cancelled ? live.stream.destroy() : deliver(live)),
  };
  container.pending = [...container.pending, pending];
  const cancel = () => {
    cancelled = true;
    container.pending = container.pending.filter((other) => other !== pending);
    deliver(undefined);
  };
  container.gone.signal.addEventListener('abort', cancel);
  return {
    cancel,
    /** The streams once the container starts; undefined when the client or the container went first. */
    async live(connection: Duplex): Promise<LiveStreams | undefined> {
      connection.once('close', cancel);
      if (connection.destroyed) cancel();
      // Its input is for the program, and is not read before that runs.
      const stop = whenGone(connection, () => connection.destroy());
      const live = await delivered;
      stop();
      container.gone.signal.removeEventListener('abort', cancel);
      if (live && connection.destroyed) {
        live.stream.destroy();
        return undefined;
      }
      return live;
    },
  };
}

/** Sends the log to a client; ends early when that goes. */
async function sendLog(log: Readable, connection: Duplex, plain: boolean): Promise<void> {
  const transform = plain ? unframer() : (block: Buffer) => block;
  for await (const block of log) {
    if (connection.destroyed) break;
    if (!connection.write(transform(block))) await drained(connection);
  }
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
    let stop = () => {};
    const finish = async (reason: 'end' | 'detach') => {
      if (over) return;
      over = true;
      stop();
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
      // Half a close, by which it says that it sends no more; or it has gone.
      if (!over) stop = whenGone(connection, () => connection.destroy());
      if (!stdin) return;
      connection.unpipe(stream);
      stream.end();
    };
    // A client with nothing to say may have said so before the process was there.
    if (connection.readableEnded) inputOver();
    else connection.once('end', inputOver);
    connection.once('close', () => {
      stop();
      if (over) return;
      over = true;
      stream.destroy();
      resolve(true);
    });
  });
}

import { closeSync, constants, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { LaunchError, type LaunchRecord } from '../api.ts';
import { encodeFrame, FrameReader } from '../frame.ts';
import { HELPER_SILENCE } from '../watchdog.ts';
import { launchError } from './news.ts';

/** The most bytes of a Unix socket's address (unix(7)). */
const ADDRESS_MAX = 107;
const EPIPE = 32;

/** A connection of its own to a supervisor, as the program's stdio, and what the supervisor said to it first. */
export interface OpenedStream {
  stream: Socket;
  reply: LaunchRecord;
}

/**
 * Connects to the supervisor of a run folder with a first message, and waits for the answer; what follows on the stream
 * is the process's output.
 * `check` is called while no answer comes: it rejects when the supervisor will give none.
 * @throws LaunchError what the supervisor said, or stage `attach` when there is none; what `check` said.
 */
export function openStream(
  runFolder: string,
  message: readonly LaunchRecord[],
  check: () => Promise<void>,
): Promise<OpenedStream> {
  const frame = encodeFrame(0, message);
  return new Promise((resolve, reject) => {
    const stream = connectSupervisor(runFolder);
    const reader = new FrameReader();
    const timer = setInterval(() => check().catch(fail), HELPER_SILENCE);
    timer.unref();
    const fail = (error: Error) => {
      clearInterval(timer);
      stream.destroy();
      reject(error);
    };
    const failed = (error: NodeJS.ErrnoException) =>
      fail(new LaunchError('attach', Math.abs(error.errno ?? EPIPE), error.message));
    const ended = () => fail(new LaunchError('attach', EPIPE, 'the container has ended'));
    // Not by `data`, after which the stream would stay paused for its owner.
    const arrived = () => {
      const chunk = stream.read() as Buffer | null;
      if (chunk === null) return;
      reader.push(chunk);
      const first = reader.next();
      if (!first) return;
      clearInterval(timer);
      stream.off('readable', arrived);
      stream.off('error', failed);
      stream.off('end', ended);
      stream.off('close', ended);
      const [reply] = first.records;
      // A supervisor that could not write its answer whole has given none.
      if (!reply || reply[0] === 'failed') {
        fail(reply ? launchError(...reply.slice(1)) : new LaunchError('attach', EPIPE, 'no answer came'));
        return;
      }
      if (reader.rest.length > 0) stream.unshift(reader.rest);
      // Until its owner listens, an error is only the stream's end.
      stream.on('error', () => undefined);
      resolve({ stream, reply });
    };
    stream.on('readable', arrived);
    stream.on('end', ended);
    stream.on('error', failed);
    stream.on('close', ended);
    stream.write(frame);
  });
}

/**
 * Holds the end of a stream back until `settled` has resolved, so that what was said of the stream on the control
 * connection (`detach`) comes before its end.
 */
export function delayEnd(stream: Socket, settled: () => Promise<unknown>): void {
  const push = stream.push.bind(stream);
  stream.push = (chunk, encoding) => {
    if (chunk !== null) return push(chunk, encoding);
    settled()
      .catch(() => undefined)
      .then(() => {
        push(null);
        stream.read(0);
      });
    return false;
  };
}

function connectSupervisor(runFolder: string): Socket {
  const path = join(runFolder, 'supervisor.sock');
  if (Buffer.byteLength(path) <= ADDRESS_MAX) return connect({ path });
  // By way of the open folder a path of any length can be named.
  const folder = openSync(runFolder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return connect({ path: `/proc/self/fd/${folder}/supervisor.sock` });
  } finally {
    closeSync(folder); // connect(2) itself has been called by now
  }
}

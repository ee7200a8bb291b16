import { Duplex } from 'node:stream';
import { drained } from '@berth/grpc/drained.ts';
import { BerthError } from '../../base/errors.ts';
import type { Rooms } from '../context.ts';
import type { Offer, RemoteStreams } from './api.ts';

const HEAD = 8;

/** Runs a command for a client, until it ends or the client goes. */
export async function serveExec(
  rooms: Rooms,
  offer: Extract<Offer, { kind: 'exec' }>,
  remote: RemoteStreams,
): Promise<void> {
  const { containers } = rooms;
  const { container, command, stdin, stdout, stderr, tty } = offer;
  let status: string;
  try {
    const id = await containers.execCreate(container, {
      Cmd: command,
      Tty: tty,
      AttachStdin: stdin,
      AttachStdout: stdout,
      AttachStderr: stderr,
      ofPod: true,
    });
    remote.onResize((height, width) => void containers.execResize(id, height, width).catch(() => undefined));
    await run(remote, tty, (connection) =>
      containers.execStart(id, { tty, connection: async () => connection }),
    );
    status = ended(containers.execInspect(id).ExitCode ?? 0);
  } catch (error) {
    status = failure(error instanceof BerthError ? error.message : String(error));
  }
  await remote.finish(status);
}

/** Connects a client to what a container's program reads and writes. */
export async function serveAttach(
  rooms: Rooms,
  offer: Extract<Offer, { kind: 'attach' }>,
  remote: RemoteStreams,
): Promise<void> {
  const { containers } = rooms;
  const { container, stdin, stdout, stderr, tty } = offer;
  let status = success();
  try {
    remote.onResize(
      (height, width) => void containers.resize(container, height, width).catch(() => undefined),
    );
    await run(remote, tty, (connection) =>
      containers.attach(container, {
        stream: true,
        logs: false,
        keepsKeys: true,
        stdin,
        stdout,
        stderr: stderr || tty,
        connection: async () => connection,
      }),
    );
  } catch (error) {
    status = failure(error instanceof BerthError ? error.message : String(error));
  }
  await remote.finish(status);
}

/**
 * Carries bytes between a client's streams and a connection as the engine's own clients have one, until that is through.
 */
async function run(
  remote: RemoteStreams,
  tty: boolean,
  start: (connection: Duplex) => Promise<void>,
): Promise<void> {
  const outputs = new Outputs(remote, tty);
  const connection = new Duplex({
    allowHalfOpen: true,
    read: () => remote.stdin?.resume(),
    write: (chunk: Buffer, _encoding, done) => void outputs.push(chunk).then(() => done(), done),
    final: (done) => done(),
  });
  connection.on('error', () => undefined);
  remote.stdin?.on('data', (chunk: Buffer) => {
    if (!connection.push(chunk)) remote.stdin?.pause();
  });
  remote.stdin?.once('end', () => connection.push(null));
  void remote.gone.then(() => connection.destroy());
  const written = new Promise<void>((resolve) => {
    connection.once('finish', () => resolve());
    connection.once('close', () => resolve());
  });
  await start(connection);
  await written;
  for (const stream of [remote.stdout, remote.stderr]) stream?.end();
  connection.destroy();
}

/** Takes the engine's framed output apart for the client's streams; a terminal's has no frames. */
class Outputs {
  readonly #remote: RemoteStreams;
  readonly #tty: boolean;
  #held: Buffer = Buffer.alloc(0);

  constructor(remote: RemoteStreams, tty: boolean) {
    this.#remote = remote;
    this.#tty = tty;
  }

  async push(chunk: Buffer): Promise<void> {
    if (this.#tty) return this.#write(this.#remote.stdout, chunk);
    let data = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    while (data.length >= HEAD) {
      const size = data.readUInt32BE(4);
      if (data.length < HEAD + size) break;
      await this.#write(
        data[0] === 2 ? this.#remote.stderr : this.#remote.stdout,
        data.subarray(HEAD, HEAD + size),
      );
      data = data.subarray(HEAD + size);
    }
    this.#held = data;
  }

  async #write(stream: Duplex | undefined, bytes: Buffer): Promise<void> {
    if (stream && !stream.destroyed && !stream.write(bytes)) await drained(stream);
  }
}

const success = (): string => JSON.stringify({ metadata: {}, status: 'Success' });

const failure = (message: string): string =>
  JSON.stringify({ metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 });

/** The status of a program's end, in which a client finds its exit code. */
function ended(code: number): string {
  if (code === 0) return success();
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  });
}

import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type AttachOptions, LaunchError, type LaunchRecord, type LogPosition } from '../api.ts';
import { attachRecord } from './messages.ts';
import type { Requests } from './requests.ts';
import { delayEnd, type OpenedStream, openStream } from './streams.ts';

const ETIMEDOUT = 110;

/** Connections to one supervisor beside its control connection: each is the stdio of a process to a client. */
export class Clients {
  readonly #runFolder: string;
  readonly #requests: Requests;
  /** Connections of clients that may detach, by token. */
  readonly #detachable = new Map<string, Socket>();

  constructor(runFolder: string, requests: Requests) {
    this.#runFolder = runFolder;
    this.#requests = requests;
  }

  /** Attaches a client under a token that the supervisor may know already (`early`). @throws LaunchError. */
  async attach(token: string, options: AttachOptions): Promise<Duplex> {
    const { stream } = await this.open([attachRecord(token, options)]);
    this.follow(stream, token, options);
    return stream;
  }

  /** Attaches a client that is sent the log first, up to `end`. @throws LaunchError. */
  async attachBehindLog(options: AttachOptions): Promise<{ stream: Duplex; end: LogPosition | null }> {
    const token = randomUUID();
    const { stream, reply } = await this.open([attachRecord(token, options, true)]);
    this.follow(stream, token, options);
    const [, file, size] = reply;
    return { stream, end: file ? { file, size: Number(size) } : null };
  }

  /**
   * Opens a connection with a first message. An exec in a frozen container is answered when that is thawed, so there is
   * no limit to the waiting, but for a supervisor that answers nothing else either.
   * @throws LaunchError ETIMEDOUT.
   */
  open(message: LaunchRecord[]): Promise<OpenedStream> {
    return openStream(this.#runFolder, message, () =>
      this.#ask().catch((error) => {
        if (error instanceof LaunchError && error.errno === ETIMEDOUT) throw error;
      }),
    );
  }

  /** Lets a client hear of its detaching. */
  follow(stream: Socket, token: string, options: AttachOptions): void {
    if (!options.detachKeys?.length) return;
    this.#detachable.set(token, stream);
    delayEnd(stream, () => this.#ask());
    stream.once('close', () => this.#detachable.delete(token));
  }

  /** The supervisor has seen a client's detach keys. */
  detached(token: string): void {
    this.#detachable.get(token)?.emit('detach');
  }

  /** A request that changes nothing: signal 0 (kill(2)). */
  #ask(): Promise<void> {
    return this.#requests.send('kill', [0]);
  }
}

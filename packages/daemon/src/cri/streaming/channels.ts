import { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';

/** In v5: the client has no more to say on the channel that the next byte names. */
const CLOSE = 255;
const NORMAL = 1000;
/** How long a client may take to answer a close, in milliseconds. */
const CLOSING = 1000;

/** A WebSocket whose messages begin with the number of the channel that they belong to (Kubernetes' v4 and v5). */
export class Channels {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #base64: boolean;
  readonly #streams = new Map<number, Duplex>();

  constructor(socket: WebSocket, base64: boolean) {
    this.#socket = socket;
    this.#base64 = base64;
    socket.on('message', (message: RawData) => this.#take(message as Buffer));
    // A message that breaks the protocol ends the connection; there is nobody else to tell.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const stream of this.#streams.values()) stream.destroy();
        resolve();
      });
    });
  }

  /** The stream of one channel. */
  channel(number: number): Duplex {
    const stream = new Duplex({
      read: () => this.#socket.resume(),
      write: (chunk: Buffer, _encoding, done) => this.#send(number, chunk, done),
      final: (done) => done(),
    });
    stream.on('error', () => undefined);
    this.#streams.set(number, stream);
    return stream;
  }

  close(): void {
    this.#socket.close(NORMAL);
    setTimeout(() => this.#socket.terminate(), CLOSING).unref();
  }

  #send(number: number, chunk: Buffer, done: () => void): void {
    // One that is gone takes no more, which its close tells.
    const sent = () => done();
    if (this.#base64) this.#socket.send(`${number}${chunk.toString('base64')}`, sent);
    else this.#socket.send(Buffer.concat([Buffer.from([number]), chunk]), sent);
  }

  #take(message: Buffer): void {
    if (message.length === 0) return;
    const number = this.#base64 ? message[0]! - 0x30 : message[0]!;
    const content = this.#base64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    if (number === CLOSE) {
      this.#streams.get(content[0] ?? CLOSE)?.push(null);
      return;
    }
    const stream = this.#streams.get(number);
    if (stream && !stream.readableEnded && content.length > 0 && !stream.push(content)) this.#socket.pause();
  }
}

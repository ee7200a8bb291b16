import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { HeaderCodec, type Headers } from '../../../packages/daemon/src/cri/streaming/spdy/headers.ts';

const HEAD = 8;
const FIN = 1;
const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;

/** A client of SPDY 3.1, as kubectl and kubelets are ones. */
export class SpdyClient {
  readonly protocol: string;
  readonly closed: Promise<void>;
  readonly #connection: Duplex;
  readonly #codec = new HeaderCodec();
  readonly #streams = new Map<number, Duplex>();
  #next = 1;
  /** The last opening that is under way: headers are compressed one after another, in the order of the streams. */
  #opening: Promise<unknown> = Promise.resolve();

  /** `connection`: after the upgrade. */
  constructor(connection: Duplex, protocol = '') {
    this.#connection = connection;
    this.protocol = protocol;
    connection.on('error', () => undefined);
    this.closed = this.#read().catch(() => undefined);
  }

  /** Asks a server for an upgrade. @throws Error with the status of a refusal */
  static connect(url: string, ...protocols: string[]): Promise<SpdyClient> {
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        method: 'POST',
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'SPDY/3.1',
          ...(protocols.length > 0 && { 'X-Stream-Protocol-Version': protocols }),
        },
      });
      sent.once('upgrade', (answer, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve(new SpdyClient(socket, String(answer.headers['x-stream-protocol-version'] ?? '')));
      });
      sent.once('response', (answer) => {
        answer.resume();
        reject(new Error(`the upgrade was refused: ${answer.statusCode}`));
      });
      sent.once('error', reject);
      sent.end();
    });
  }

  /** Opens a stream. To end it is half of a close: what comes is read on. */
  open(headers: Headers): Promise<Duplex> {
    const stream = this.#opening.then(() => this.#open(headers));
    this.#opening = stream;
    return stream;
  }

  async #open(headers: Headers): Promise<Duplex> {
    const id = this.#next;
    this.#next += 2;
    const stream = new Duplex({
      allowHalfOpen: true,
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        this.#data(id, 0, chunk);
        done();
      },
      final: (done) => {
        this.#data(id, FIN, Buffer.alloc(0));
        done();
      },
    });
    stream.on('error', () => undefined);
    this.#streams.set(id, stream);
    const numbers = Buffer.alloc(10);
    numbers.writeUInt32BE(id, 0);
    const body = Buffer.concat([numbers, await this.#codec.pack(headers)]);
    const head = Buffer.alloc(HEAD);
    head.writeUInt16BE(0x8003, 0);
    head.writeUInt16BE(SYN_STREAM, 2);
    head.writeUInt32BE(body.length, 4);
    this.#connection.write(Buffer.concat([head, body]));
    return stream;
  }

  close(): void {
    this.#connection.destroy();
  }

  #data(id: number, flags: number, chunk: Buffer): void {
    const head = Buffer.alloc(HEAD);
    head.writeUInt32BE(id, 0);
    head.writeUInt32BE((flags << 24) | chunk.length, 4);
    this.#connection.write(Buffer.concat([head, chunk]));
  }

  async #read(): Promise<void> {
    let held: Buffer = Buffer.alloc(0);
    for await (const chunk of this.#connection as AsyncIterable<Buffer>) {
      held = Buffer.concat([held, chunk]);
      while (held.length >= HEAD) {
        const size = held.readUInt32BE(4) & 0xffffff;
        if (held.length < HEAD + size) break;
        await this.#frame(held.subarray(0, HEAD + size));
        held = held.subarray(HEAD + size);
      }
    }
    for (const stream of this.#streams.values()) stream.push(null);
  }

  async #frame(frame: Buffer): Promise<void> {
    if (frame[0]! & 0x80) {
      const kind = frame.readUInt16BE(2);
      if (kind === SYN_REPLY) await this.#codec.unpack(frame.subarray(HEAD + 4));
      if (kind === RST_STREAM) this.#streams.get(frame.readUInt32BE(HEAD))?.push(null);
      return;
    }
    const stream = this.#streams.get(frame.readUInt32BE(0));
    if (frame.length > HEAD) stream?.push(Buffer.from(frame.subarray(HEAD)));
    if (frame[4]! & FIN) stream?.push(null);
  }
}

/** All that a stream brings until its end. */
export async function whole(stream: Duplex): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** The messages of a WebSocket, which is open then. @throws when it is refused */
export function withinWebSocket(url: string, protocol: string): Promise<Duplex> {
  const socket = new WebSocket(url.replace('http:', 'ws:'), protocol);
  socket.binaryType = 'arraybuffer';
  const stream = new Duplex({
    // Each message by itself: two that came are not made one.
    readableObjectMode: true,
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      socket.send(chunk);
      done();
    },
    destroy: (error, done) => {
      socket.close();
      done(error);
    },
  });
  socket.onmessage = ({ data }) => stream.push(Buffer.from(data as ArrayBuffer));
  socket.onclose = () => stream.push(null);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(stream);
    socket.onerror = () => reject(new Error(`the WebSocket ${url} was refused`));
  });
}

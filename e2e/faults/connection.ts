import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';

/** The daemon went away in the middle: what was asked for may have happened. */
export class Lost extends Error {}

/** The daemon took a request and gave no answer. No fault excuses that: they all end within two seconds. */
export class Hung extends Error {}

/** The longest that any request of the rig may take, in milliseconds. */
export const PATIENCE = 25_000;

export interface Reply {
  status: number;
  body: Buffer;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a check says what it expects of a reply
  json: any;
}

interface Wanted {
  method: string;
  path: string;
  body?: Buffer | object | undefined;
  headers?: Record<string, string>;
}

function send(socket: string, { method, path, body, headers }: Wanted) {
  const raw = Buffer.isBuffer(body) ? body : body && Buffer.from(JSON.stringify(body));
  const type = Buffer.isBuffer(body) ? 'application/x-tar' : 'application/json';
  const length = raw ? { 'content-type': type, 'content-length': raw.length } : {};
  const request = httpRequest({
    socketPath: socket,
    method,
    path,
    agent: false,
    headers: { ...length, ...headers },
  });
  request.end(raw);
  return request;
}

/** One request and its whole reply. @throws Lost, Hung */
export function call(socket: string, wanted: Wanted, patience = PATIENCE): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = send(socket, wanted);
    const hung = new Hung(`${wanted.method} ${wanted.path}: no answer in ${patience} ms`);
    const timer = setTimeout(() => {
      request.destroy();
      reject(hung);
    }, patience);
    const lost = (error: Error) => {
      clearTimeout(timer);
      reject(new Lost(error.message));
    };
    request.on('error', lost);
    request.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', lost);
      response.on('end', () => {
        clearTimeout(timer);
        const body = Buffer.concat(parts);
        const text = body.toString();
        resolve({ status: response.statusCode ?? 0, body, text, json: parse(text) });
      });
    });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A reply that comes bit by bit: of `logs -f`, `events`, an attachment or an exec. */
export class Follower {
  readonly status: number;
  /** Whether the other side ended it in order. */
  ended = false;
  /** Resolves when it is over, whatever the reason. */
  readonly over: Promise<void>;
  /** The standard output so far, with the frames' heads taken off. */
  text = '';
  readonly #stream: Readable | Duplex;
  #rest: Buffer = Buffer.alloc(0);

  constructor(status: number, stream: Readable | Duplex, framed: boolean, head: Buffer) {
    this.status = status;
    this.#stream = stream;
    const take = (part: Buffer) => {
      if (framed) this.#frames(part);
      else this.text += part.toString('latin1');
    };
    if (head.length > 0) take(head);
    stream.on('data', take);
    stream.on('error', () => undefined);
    this.over = new Promise((resolve) => {
      stream.on('end', () => {
        this.ended = true;
      });
      stream.on('close', () => resolve());
    });
  }

  /** The whole lines that have come; a cut one at the end is left out. */
  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }

  close(): void {
    this.#stream.destroy();
  }

  write(text: string): void {
    (this.#stream as Duplex).write(text);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  #frames(part: Buffer): void {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, part]) : part;
    while (this.#rest.length >= 8) {
      const size = this.#rest.readUInt32BE(4);
      if (this.#rest.length < 8 + size) return;
      if (this.#rest[0] === 1) this.text += this.#rest.toString('latin1', 8, 8 + size);
      this.#rest = this.#rest.subarray(8 + size);
    }
  }
}

/** Begins a request whose reply is a stream; with `hijack`, one that leaves HTTP. @throws Lost, Hung */
export function follow(
  socket: string,
  wanted: Wanted,
  { framed = true, hijack = false, patience = PATIENCE } = {},
): Promise<Follower> {
  return new Promise((resolve, reject) => {
    const headers = { ...wanted.headers, ...(hijack ? { connection: 'Upgrade', upgrade: 'tcp' } : {}) };
    const request = send(socket, { ...wanted, headers });
    const timer = setTimeout(() => {
      request.destroy();
      reject(new Hung(`${wanted.method} ${wanted.path}: no head in ${patience} ms`));
    }, patience);
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(new Lost(error.message));
    });
    const begun = (response: IncomingMessage, stream: Readable, head: Buffer) => {
      clearTimeout(timer);
      resolve(new Follower(response.statusCode ?? 0, stream, framed, head));
    };
    request.on('upgrade', (response, stream, head) => begun(response, stream, head));
    request.on('response', (response) => begun(response, response, Buffer.alloc(0)));
  });
}

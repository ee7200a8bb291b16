import type { Duplex } from 'node:stream';
import { Body } from './body.ts';
import { ClosedError } from './errors.ts';

/**
 * A small HTTP/1.1 client on any duplex stream. Node's own costs 10 ms of start-up, and the client needs little:
 * one exchange at a time per connection, chunked and counted bodies, and taking the connection over for attach.
 */
export interface Request {
  method: string;
  path: string;
  /** A header with several values is sent once for each. */
  headers: Record<string, string | readonly string[]>;
  body?: string | Buffer | AsyncIterable<Uint8Array>;
}

export interface Answer {
  status: number;
  reason: string;
  headers: Record<string, string>;
  body: Body;
  /** Taken over after a 101 or a successful attach: the raw connection; bytes that came early are unshifted. */
  socket?: Duplex;
}

type Stage = 'head' | 'counted' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'rest' | 'idle';

const tooLong = 256 * 1024;

/** One connection to the daemon; carries one exchange after the other. */
export class HttpConnection {
  readonly stream: Duplex;
  private stage: Stage = 'idle';
  private held: Buffer[] = [];
  private left = 0;
  private body: Body | undefined;
  private hijack = false;
  private settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  private reusable = true;
  private requestSent = true;
  private onIdle: (() => void) | undefined;
  private closed = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('data', this.onData);
    stream.on('end', this.onEnd);
    stream.on('error', this.onError);
    stream.on('close', this.onEnd);
  }

  private readonly onData = (chunk: Buffer): void => {
    try {
      this.take(chunk);
    } catch (error) {
      this.stream.destroy();
      this.breakOff(error as Error);
    }
  };

  private readonly onEnd = (): void => {
    if (this.closed) return;
    this.closed = true;
    this.reusable = false;
    if (this.stage === 'rest') this.finish();
    else if (this.stage !== 'idle')
      this.breakOff(this.body ? new Error('unexpected EOF') : new ClosedError());
  };

  private readonly onError = (error: Error): void => {
    // A daemon that answers and closes before it has read the whole request is still answering.
    const code = (error as NodeJS.ErrnoException).code;
    if ((code === 'EPIPE' || code === 'ECONNRESET') && this.body) {
      this.onEnd();
      return;
    }
    this.closed = true;
    this.reusable = false;
    this.breakOff(error);
  };

  get alive(): boolean {
    return !this.closed && this.reusable && !this.stream.destroyed;
  }

  private breakOff(error: Error): void {
    this.reusable = false;
    this.settle?.reject(error);
    this.settle = undefined;
    this.body?.fail(error);
    this.body = undefined;
    this.stage = 'idle';
  }

  private finish(): void {
    const body = this.body;
    this.body = undefined;
    this.stage = 'idle';
    body?.end();
    if (this.requestSent && this.alive) this.onIdle?.();
    else this.stream.destroy();
  }

  private take(given: Buffer): void {
    let chunk = given;
    while (chunk.length) {
      switch (this.stage) {
        case 'idle':
          return;
        case 'head': {
          this.held.push(chunk);
          const all = this.held.length === 1 ? chunk : Buffer.concat(this.held);
          const end = all.indexOf('\r\n\r\n');
          if (end < 0) {
            if (all.length > tooLong) throw new Error('the daemon sent an endless header');
            this.held = [all];
            return;
          }
          this.held = [];
          chunk = all.subarray(end + 4);
          if (this.head(all.toString('latin1', 0, end), chunk)) return;
          break;
        }
        case 'rest':
          this.body!.push(chunk);
          return;
        case 'counted':
        case 'chunk': {
          const part = chunk.length > this.left ? chunk.subarray(0, this.left) : chunk;
          this.left -= part.length;
          chunk = chunk.subarray(part.length);
          this.body!.push(part);
          if (this.left > 0) return;
          if (this.stage === 'chunk') this.stage = 'chunk-end';
          else this.finish();
          break;
        }
        case 'chunk-size':
        case 'chunk-end':
        case 'trailer': {
          const all: Buffer = this.held.length ? Buffer.concat([...this.held, chunk]) : chunk;
          const end = all.indexOf('\r\n');
          if (end < 0) {
            if (all.length > tooLong) throw new Error('the daemon sent an endless line');
            this.held = [all];
            return;
          }
          this.held = [];
          chunk = all.subarray(end + 2);
          this.line(all.toString('latin1', 0, end));
          break;
        }
      }
    }
  }

  private line(text: string): void {
    if (this.stage === 'chunk-end') {
      if (text !== '') throw new Error('malformed chunked encoding: a chunk is longer than it says');
      this.stage = 'chunk-size';
      return;
    }
    if (this.stage === 'trailer') {
      if (text === '') this.finish();
      return;
    }
    const size = /^([0-9a-fA-F]+)\s*(;.*)?$/.exec(text);
    if (!size) throw new Error(`malformed chunked encoding: ${JSON.stringify(text.slice(0, 40))}`);
    this.left = Number.parseInt(size[1]!, 16);
    if (this.left > Number.MAX_SAFE_INTEGER) throw new Error('malformed chunked encoding: an endless chunk');
    this.stage = this.left === 0 ? 'trailer' : 'chunk';
  }

  /** Reads a header; true when the connection is no longer ours. */
  private head(text: string, early: Buffer): boolean {
    const [first, ...lines] = text.split('\r\n');
    const start = /^HTTP\/1\.([01]) (\d{3}) ?(.*)$/.exec(first!);
    if (!start)
      throw new Error(
        `malformed HTTP response ${JSON.stringify(first!.slice(0, 60))}: is this the daemon's socket?`,
      );
    const status = Number(start[2]);
    if (status >= 100 && status < 200 && status !== 101) return false;
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const chunked = headers['transfer-encoding']?.toLowerCase().includes('chunked');
    const length = headers['content-length'];
    if (length !== undefined && !(/^\d+$/.test(length) && Number.isSafeInteger(Number(length))))
      throw new Error(`the daemon sent a body of ${JSON.stringify(length.slice(0, 40))} bytes`);
    const { settle } = this;
    this.settle = undefined;
    if (status === 101 || (this.hijack && status < 300 && !chunked && length === undefined)) {
      for (const [name, listener] of [
        ['data', this.onData],
        ['end', this.onEnd],
        ['error', this.onError],
        ['close', this.onEnd],
      ] as const)
        this.stream.removeListener(name, listener);
      this.stage = 'idle';
      this.reusable = false;
      this.stream.pause();
      if (early.length) this.stream.unshift(early);
      settle?.resolve({
        status,
        reason: start[3]!,
        headers,
        body: new Body(nothing, nothing),
        socket: this.stream,
      });
      return true;
    }
    if (start[1] === '0' || headers['connection']?.toLowerCase() === 'close') this.reusable = false;
    const body = new Body(
      () => this.stream.pause(),
      () => this.stream.resume(),
    );
    this.body = body;
    const empty = status === 204 || status === 304 || this.bodiless || length === '0';
    if (chunked && !empty) this.stage = 'chunk-size';
    else if (length !== undefined && !empty) {
      this.stage = 'counted';
      this.left = Number(length);
    } else this.stage = 'rest';
    settle?.resolve({ status, reason: start[3]!, headers, body });
    if (empty) this.finish();
    return false;
  }

  private bodiless = false;

  /**
   * Sends a request and waits for the header of its answer. `onIdle` runs when the connection is free again.
   * With `hijack` a successful answer hands the connection over.
   */
  exchange(request: Request, options: { hijack?: boolean; onIdle?: () => void } = {}): Promise<Answer> {
    const { body } = request;
    this.hijack = options.hijack ?? false;
    this.onIdle = options.onIdle;
    this.bodiless = request.method === 'HEAD';
    this.stage = 'head';
    this.requestSent = true;
    let head = `${request.method} ${request.path} HTTP/1.1\r\n`;
    for (const [name, values] of Object.entries(request.headers))
      for (const value of [values].flat()) head += `${name}: ${value.replace(/[\r\n]/g, ' ')}\r\n`;
    const answer = new Promise<Answer>((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    if (body === undefined) {
      if (request.method === 'POST' || request.method === 'PUT') head += 'Content-Length: 0\r\n';
      this.stream.write(`${head}\r\n`);
    } else if (typeof body === 'string' || Buffer.isBuffer(body)) {
      const bytes = Buffer.byteLength(body);
      head += `Content-Length: ${bytes}\r\n\r\n`;
      if (typeof body === 'string') this.stream.write(head + body);
      else {
        this.stream.write(head);
        this.stream.write(body);
      }
    } else {
      this.stream.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
      this.requestSent = false;
      this.sendChunks(body).then(
        () => {
          this.requestSent = true;
        },
        (error: Error) => {
          this.stream.destroy();
          this.breakOff(error);
        },
      );
    }
    return answer;
  }

  private async sendChunks(body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of body) {
      if (this.closed) return;
      if (!chunk.length) continue;
      // In one call, or each end would be sent by itself.
      this.stream.cork();
      this.stream.write(`${chunk.length.toString(16)}\r\n`);
      this.stream.write(chunk);
      const more = this.stream.write('\r\n');
      this.stream.uncork();
      if (!more) await this.drained();
    }
    if (!this.closed) this.stream.write('0\r\n\r\n');
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.stream.removeListener('drain', done);
        this.stream.removeListener('close', done);
        resolve();
      };
      this.stream.once('drain', done);
      this.stream.once('close', done);
    });
  }

  destroy(): void {
    this.stream.destroy();
  }
}

const nothing = (): void => undefined;

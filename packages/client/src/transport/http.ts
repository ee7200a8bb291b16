import type { Duplex } from 'node:stream';
import { type Answer, readHead } from './answer.ts';
import { Body } from './body.ts';
import { ClosedError } from './errors.ts';
import { type Request, sendRequest } from './request.ts';

export type { Answer } from './answer.ts';
export type { Request } from './request.ts';

type Stage = 'head' | 'counted' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'rest' | 'idle';

const tooLong = 256 * 1024;

/**
 * One connection to the daemon; carries one exchange after the other.
 *
 * A small HTTP/1.1 client on any duplex stream. Node's own costs 10 ms of start-up, and the client needs little:
 * one exchange at a time per connection, chunked and counted bodies, and taking the connection over for attach.
 */
export class HttpConnection {
  readonly stream: Duplex;
  private stage: Stage = 'idle';
  private held: Buffer[] = [];
  private left = 0;
  private body: Body | undefined;
  private hijack = false;
  /** The answer to HEAD has none. */
  private bodiless = false;
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

  /** Whether another exchange may follow. */
  get alive(): boolean {
    return !this.closed && this.reusable && !this.stream.destroyed;
  }

  /**
   * Sends a request and waits for the header of its answer. `onIdle` runs when the connection is free again.
   * A successful answer to a request with `hijack` hands the connection over.
   */
  exchange(request: Request, options: { hijack?: boolean; onIdle?: () => void } = {}): Promise<Answer> {
    this.hijack = options.hijack ?? false;
    this.onIdle = options.onIdle;
    this.bodiless = request.method === 'HEAD';
    this.stage = 'head';
    const answer = new Promise<Answer>((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    const sent = sendRequest(this.stream, request, () => this.closed);
    this.requestSent = sent === undefined;
    sent?.then(
      () => {
        this.requestSent = true;
      },
      (error: Error) => {
        this.stream.destroy();
        this.breakOff(error);
      },
    );
    return answer;
  }

  destroy(): void {
    this.stream.destroy();
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
    const { status, reason, headers, keepAlive, chunked, length } = readHead(text);
    // Informational: the answer itself follows.
    if (status >= 100 && status < 200 && status !== 101) return false;
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
        reason,
        headers,
        body: new Body(nothing, nothing),
        socket: this.stream,
      });
      return true;
    }
    if (!keepAlive) this.reusable = false;
    const body = new Body(
      () => this.stream.pause(),
      () => this.stream.resume(),
    );
    this.body = body;
    const empty = status === 204 || status === 304 || this.bodiless || length === 0;
    if (chunked && !empty) this.stage = 'chunk-size';
    else if (length !== undefined && !empty) {
      this.stage = 'counted';
      this.left = length;
    } else this.stage = 'rest';
    settle?.resolve({ status, reason, headers, body });
    if (empty) this.finish();
    return false;
  }
}

const nothing = (): void => undefined;

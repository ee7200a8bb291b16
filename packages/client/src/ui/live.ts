import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { messageOf } from '../base/errors.ts';
import type { Api } from '../transport/api.ts';
import { readPath } from './forward.ts';
import { type FromPage, type ToPage, WINDOW } from './protocol.ts';

/** Streams that one page may have open. */
const MOST_STREAMS = 2000;
/** Bytes that wait for a program which does not read its input. */
const MOST_INPUT = 1 << 20;

/** Headers that a request of the page is to have besides, such as credentials for a registry. */
export type HeadersOf = (path: string, query: URLSearchParams) => Promise<Record<string, string>>;

/** One request of the page to the engine, and the bytes that come of it. */
class Stream {
  private readonly stop = new AbortController();
  private unread = 0;
  private more: (() => void) | undefined;
  private input: Duplex | undefined;
  private readonly early: Buffer[] = [];
  private readonly id: number;
  private readonly socket: WebSocket;

  constructor(id: number, socket: WebSocket) {
    this.id = id;
    this.socket = socket;
  }

  private tell(message: ToPage): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Makes the request and passes on what comes until it ends. */
  async run(api: Api, request: Extract<FromPage, { open: number }>, headersOf: HeadersOf): Promise<void> {
    try {
      const { path, query } = readPath(request.path);
      const extra = await headersOf(path, new URL(request.path, 'http://engine').searchParams);
      const answer = await api.relay(request.method, path, {
        query,
        signal: this.stop.signal,
        headers: { ...extra, ...(request.upgrade && { Connection: 'Upgrade', Upgrade: 'tcp' }) },
        ...(request.body !== undefined && { body: request.body }),
        ...(request.upgrade && { hijack: true }),
      });
      this.tell({ head: this.id, status: answer.status, type: answer.headers['content-type'] ?? '' });
      if (answer.socket) this.accept(answer.socket);
      const source: AsyncIterable<Buffer> = answer.socket ?? answer.body;
      for await (const chunk of source) await this.send(chunk);
      this.tell({ end: this.id });
    } catch (error) {
      if (!this.stop.signal.aborted) this.tell({ end: this.id, error: messageOf(error) });
    } finally {
      this.close();
    }
  }

  private accept(socket: Duplex): void {
    this.input = socket;
    if (this.stop.signal.aborted) socket.destroy();
    for (const bytes of this.early.splice(0)) socket.write(bytes);
  }

  private async send(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length && !this.stop.signal.aborted; at += WINDOW) {
      const part = chunk.subarray(at, at + WINDOW);
      while (this.unread >= WINDOW && !this.stop.signal.aborted)
        await new Promise<void>((resolve) => {
          this.more = resolve;
        });
      const frame = Buffer.allocUnsafe(4 + part.length);
      frame.writeUInt32BE(this.id, 0);
      part.copy(frame, 4);
      this.unread += part.length;
      this.socket.send(frame);
    }
  }

  /** The page has read so many bytes. */
  read(bytes: number): void {
    this.unread = Math.max(0, this.unread - bytes);
    if (this.unread < WINDOW) this.more?.();
  }

  /** Bytes for the program at the other end. */
  write(bytes: Buffer): void {
    const waiting = this.input?.writableLength ?? this.early.reduce((sum, { length }) => sum + length, 0);
    if (waiting + bytes.length > MOST_INPUT) {
      this.tell({ end: this.id, error: 'the program does not read its input' });
      this.close();
    } else if (this.input) this.input.write(bytes);
    else this.early.push(bytes);
  }

  close(): void {
    this.stop.abort(new Error('closed by the page'));
    this.more?.();
    this.input?.destroy();
  }
}

/** Serves a page's streams until it goes. */
export function serveStreams(socket: WebSocket, api: Api, headersOf: HeadersOf): void {
  const streams = new Map<number, Stream>();
  const wrong = (): void => socket.close(1008, 'a frame that no page of this program sends');
  const open = (message: Extract<FromPage, { open: number }>): void => {
    const { open: id, method, path } = message;
    const fits = Number.isInteger(id) && id >= 0 && id <= 0xffffffff && !streams.has(id);
    if (!fits || (method !== 'GET' && method !== 'POST') || !String(path).startsWith('/')) {
      wrong();
      return;
    }
    if (streams.size >= MOST_STREAMS) {
      socket.send(JSON.stringify({ end: id, error: 'too many streams' } satisfies ToPage));
      return;
    }
    const stream = new Stream(id, socket);
    streams.set(id, stream);
    void stream.run(api, message, headersOf).finally(() => streams.delete(id));
  };
  socket.on('message', (data: Buffer, binary: boolean) => {
    if (binary) {
      if (data.length < 4) return wrong();
      streams.get(data.readUInt32BE(0))?.write(data.subarray(4));
      return;
    }
    let message: FromPage;
    try {
      message = JSON.parse(data.toString()) as FromPage;
      if (typeof message !== 'object' || message === null) return wrong();
    } catch {
      return wrong();
    }
    if ('open' in message) open(message);
    else if ('read' in message) streams.get(message.read)?.read(Number(message.bytes) || 0);
    else if ('close' in message) streams.get(message.close)?.close();
  });
  socket.on('close', () => {
    for (const stream of streams.values()) stream.close();
  });
  socket.on('error', () => socket.terminate());
}

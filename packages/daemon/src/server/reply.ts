import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex, Writable } from 'node:stream';
import { drained } from '@berth/grpc/drained.ts';
import type { FastifyReply } from 'fastify';
import { BerthError } from '../base/errors.ts';
import type { ApiReply } from './api.ts';
import { hijack, leaveHttp } from './connections/hijack.ts';
import { toHttp } from './errors.ts';
import { discardRest } from './upload.ts';

/** JSON texts each after a record separator (RFC 7464). */
export const JSON_SEQUENCE = 'application/json-seq';

/** Whether a line tells of progress, which the next one makes obsolete. */
function isMidway(value: unknown): boolean {
  const { current, total } =
    (value as { progressDetail?: { current?: number; total?: number } }).progressDetail ?? {};
  return current !== undefined && current !== total;
}

/** The answer of one request's handler, over Fastify's reply and, for streams, the response itself. */
export class Reply implements ApiReply {
  private readonly reply: FastifyReply;
  private readonly request: IncomingMessage;
  private readonly common: Record<string, string>;
  private code: number | undefined;
  private own: Record<string, string> | undefined;
  /** True once the handler has taken the response into its own hands. */
  taken = false;
  /** The connection, once it has left HTTP. */
  private connection: Duplex | undefined;

  constructor(reply: FastifyReply, request: IncomingMessage, common: Record<string, string>) {
    this.reply = reply;
    this.request = request;
    this.common = common;
  }

  status(code: number): this {
    this.code = code;
    return this;
  }

  header(name: string, value: string): this {
    this.own ??= {};
    this.own[name] = value;
    return this;
  }

  stream(contentType: string): Writable {
    const response = this.take();
    response.writeHead(this.code ?? 200, { ...this.common, 'Content-Type': contentType, ...this.own });
    response.flushHeaders();
    return response;
  }

  chunks(contentType: string): { stream: Writable; own: boolean } {
    const response = this.stream(contentType) as ServerResponse;
    const own = response.chunkedEncoding;
    if (own) {
      // The head has said so; from here on Node adds no framing of its own, so the last chunk is written here.
      response.chunkedEncoding = false;
      const end = response.end.bind(response) as () => ServerResponse;
      response.end = () => {
        if (!response.writableEnded && !response.destroyed) response.write('0\r\n\r\n');
        return end();
      };
    }
    return { stream: response, own };
  }

  lines(contentType = 'application/json', end = '\r\n'): ReturnType<ApiReply['lines']> {
    const stream = this.stream(contentType);
    const before = contentType === JSON_SEQUENCE ? '\x1e' : '';
    let behind: Promise<void> | undefined;
    return {
      stream,
      write(value) {
        if (stream.writableEnded || stream.destroyed) return undefined;
        // A line about a transfer under way is dropped for a slow client: the next one tells all that it would.
        if (behind && isMidway(value)) return behind;
        if (!stream.write(`${before}${JSON.stringify(value)}${end}`))
          behind ??= drained(stream).then(() => {
            behind = undefined;
          });
        return behind;
      },
      end() {
        stream.end();
      },
    };
  }

  async hijack(contentType?: string, bare = false): Promise<Duplex> {
    const response = this.take();
    const headers = bare ? {} : { ...this.common, ...this.own };
    this.connection = hijack(this.request, response, contentType, headers);
    return this.connection;
  }

  failStream(error: unknown, contentType: string): void {
    // After the head is out, or of what is no error of ours, there is nothing to say that way.
    if (this.taken || !(error instanceof BerthError)) throw error;
    const { status, message } = toHttp(error);
    const { socket } = leaveHttp(this.request, this.take());
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: ${contentType}\r\n\r\n${message}\r\n`,
    );
  }

  async webSocket(): Promise<Duplex> {
    // Loaded when the first one comes.
    const { acceptWebSocket } = await import('./websocket.ts');
    return acceptWebSocket(this.request, leaveHttp(this.request, this.take()));
  }

  /** Sends what a handler returned. */
  send(value: unknown): void {
    if (this.taken) return;
    if (value === undefined) {
      const response = this.take();
      response.writeHead(this.code ?? 204, { ...this.common, ...this.own });
      response.end();
      return;
    }
    const text = typeof value === 'string';
    // Go's encoder ends every value with a newline, and clients compare texts.
    const body = text ? value : `${JSON.stringify(value)}\n`;
    const response = this.take();
    response.writeHead(this.code ?? 200, {
      ...this.common,
      'Content-Type': text ? 'text/plain; charset=utf-8' : 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
      ...this.own,
    });
    response.end(body);
  }

  /** Sends an error; after the headers are out, all that is left is to cut the connection. */
  fail(status: number, message: string): void {
    if (this.taken) {
      this.connection?.destroy();
      this.reply.raw.destroy();
      this.reply.raw.socket?.destroy();
      return;
    }
    this.code = status;
    if (status === 304) this.send(undefined);
    else this.send({ message });
  }

  private take(): ServerResponse {
    if (this.taken) throw new Error('this request is already answered');
    this.taken = true;
    this.reply.hijack();
    const { raw } = this.reply;
    if (!this.request.complete) raw.prependOnceListener('finish', () => discardRest(this.request));
    return raw;
  }
}

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex, Readable } from 'node:stream';
import { decode, encode, type Message, type MessageName, type Sent } from './messages.ts';

type StatusDetail = Message<'Any'>;

/** A call that ended with another status than OK. */
export class GrpcError extends Error {
  readonly code: number;
  /** The details of the status (google.rpc.Status), which a client's library unpacks into typed errors. */
  readonly details: readonly StatusDetail[];

  constructor(code: number, message: string, details: readonly StatusDetail[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

const maxMessage = 64 * 1024 * 1024;

/** Cuts a byte stream into gRPC messages. */
async function* messages(stream: Readable): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let length = 0;
  // A reader that stops early still has an answer to send on the same stream.
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    held.push(chunk);
    length += chunk.length;
    while (length >= 5) {
      if (held[0]!.length < 5) held = [Buffer.concat(held)];
      const size = held[0]!.readUInt32BE(1);
      if (size > maxMessage) throw new GrpcError(8, `message of ${size} bytes is too large`);
      if (length < 5 + size) break;
      const all = held.length === 1 ? held[0]! : Buffer.concat(held);
      yield all.subarray(5, 5 + size);
      held = [all.subarray(5 + size)];
      length -= 5 + size;
    }
  }
}

function frame(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** One call that arrived. */
export interface Call<Request extends MessageName = MessageName, Response extends MessageName = MessageName> {
  metadata: IncomingHttpHeaders;
  /** All values of a repeated metadata key, in order: `metadata` joins them with commas that values may hold, too. */
  values(name: string): string[];
  signal: AbortSignal;
  /** The request's messages; a unary call has one. */
  requests: AsyncGenerator<Message<Request>>;
  /** Sends one answer; resolves when more may be sent. */
  send(message: Sent<Response>): Promise<void>;
}

/** A method of a service; the message that its handler returns is sent, so that of a stream returns none. */
export interface Method<
  Request extends MessageName = MessageName,
  Response extends MessageName = MessageName,
> {
  request: Request;
  response: Response;
  handle(call: Call<Request, Response>): Promise<Sent<Response> | undefined>;
}

/** A method with the names of its messages, which type its handler. */
export const method = <Request extends MessageName, Response extends MessageName>(
  request: Request,
  response: Response,
  handle: (call: Call<Request, Response>) => Promise<Sent<Response> | undefined>,
): Method<Request, Response> => ({ request, response, handle });

/** A method that takes one message and answers with one. */
export const unary = <Request extends MessageName, Response extends MessageName>(
  request: Request,
  response: Response,
  answer: (message: Message<Request>, call: Call<Request, Response>) => Promise<Sent<Response>>,
): Method<Request, Response> =>
  method(request, response, async (call) => {
    for await (const message of call.requests) return answer(message, call);
    throw new GrpcError(13, 'no request');
  });

/** A server for given connections. `methods` is keyed by path (`/package.Service/Method`). */
export class GrpcServer {
  private readonly server: Http2Server;

  constructor(methods: Record<string, Method>) {
    // A build's ignore patterns are metadata, one pair each; Node's own limit is 128 pairs.
    this.server = createServer({ maxSendHeaderBlockLength: 256 * 1024, maxHeaderListPairs: 65_536 });
    this.server.on('stream', (stream, headers, _flags, raw) => {
      const values = (name: string) => raw.filter((_, at) => at % 2 === 1 && raw[at - 1] === name);
      void this.answer(stream, headers, values, methods[String(headers[':path'])]);
    });
    this.server.on('sessionError', () => undefined);
  }

  /** Serves a connection until it ends. */
  accept(connection: Duplex): Promise<void> {
    return new Promise((resolve) => {
      connection.once('close', () => resolve());
      this.server.emit('connection', connection);
    });
  }

  private async answer(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    values: (name: string) => string[],
    method: Method | undefined,
  ): Promise<void> {
    const abort = new AbortController();
    stream.on('error', () => abort.abort());
    stream.on('close', () => abort.abort());
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    let trailers: Record<string, string> = { 'grpc-status': '0' };
    stream.on('wantTrailers', () => {
      if (!stream.destroyed) stream.sendTrailers(trailers);
    });
    try {
      if (!method) throw new GrpcError(12, `unknown method ${String(headers[':path'])}`);
      const requests = (async function* () {
        for await (const bytes of messages(stream)) yield decode(method.request, bytes);
      })();
      const send = async (message: Sent<MessageName>) => {
        if (stream.destroyed) throw new GrpcError(1, 'the client is gone');
        if (!stream.write(frame(encode(method.response, message))))
          await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
      };
      const result = await method.handle({ metadata: headers, values, signal: abort.signal, requests, send });
      if (result !== undefined) await send(result);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof GrpcError ? error.code : abort.signal.aborted ? 1 : 2; // as BuildKit's own errors: clients show any other code's name before the text
      trailers = { 'grpc-status': String(code), 'grpc-message': encodeMessage(message) };
      if (error instanceof GrpcError && error.details.length > 0)
        trailers['grpc-status-details-bin'] = encode('Status', {
          code,
          message,
          details: error.details,
        }).toString('base64');
    }
    if (!stream.destroyed) stream.end();
  }
}

const once = (emitter: NodeJS.EventEmitter, event: string) =>
  new Promise<void>((resolve) => emitter.once(event, () => resolve()));

/** Percent-encoding of gRPC's status message: everything but printable ASCII, and `%`. */
const encodeMessage = (text: string) =>
  text.replace(/[^\x20-\x7e]|%/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join(''),
  );
const decodeMessage = (text: string) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** The details of a status (google.rpc.Status, base64 with or without padding); none where they cannot be read. */
function detailsOf(header: unknown): StatusDetail[] {
  if (typeof header !== 'string') return [];
  try {
    return decode('Status', Buffer.from(header, 'base64')).details;
  } catch {
    return [];
  }
}

/** An open call of a client. */
export interface ClientCall<Request extends MessageName, Response extends MessageName> {
  send(message: Sent<Request>): Promise<void>;
  /** Nothing more will be sent. */
  end(): void;
  responses: AsyncGenerator<Message<Response>>;
  cancel(): void;
}

/** A client on a given connection, whose other end serves. */
export class GrpcClient {
  private readonly session: ClientHttp2Session;
  readonly closed: Promise<void>;

  constructor(connection: Duplex) {
    this.session = connect('http://session', {
      createConnection: () => connection,
      settings: { initialWindowSize: 4 << 20 },
    });
    this.session.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.session.once('close', () => resolve());
      connection.once('close', () => resolve());
    });
  }

  /** Begins a call. @throws GrpcError from `responses` when it ends with another status than OK. */
  call<Request extends MessageName, Response extends MessageName>(
    path: string,
    request: Request,
    response: Response,
    metadata: Record<string, string | string[]> = {},
  ): ClientCall<Request, Response> {
    const stream: ClientHttp2Stream = this.session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    });
    let status: Record<string, unknown> = {};
    stream.on('error', () => undefined);
    stream.on('response', (headers) => {
      if (headers['grpc-status'] !== undefined) status = headers;
    });
    stream.on('trailers', (headers) => {
      status = headers;
    });
    const responses = (async function* () {
      for await (const bytes of messages(stream)) yield decode(response, bytes);
      const code = Number(status['grpc-status'] ?? 14);
      if (code !== 0)
        throw new GrpcError(
          code,
          decodeMessage(String(status['grpc-message'] ?? 'the session is gone')),
          detailsOf(status['grpc-status-details-bin']),
        );
    })();
    return {
      responses,
      send: async (message) => {
        if (stream.destroyed) throw new GrpcError(14, 'the session is gone');
        if (!stream.write(frame(encode(request, message))))
          await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
      },
      end: () => stream.end(),
      cancel: () => stream.close(constants.NGHTTP2_CANCEL),
    };
  }

  /** A call with one request and one answer. */
  async unary<Request extends MessageName, Response extends MessageName>(
    path: string,
    request: Request,
    response: Response,
    message: Sent<Request>,
  ): Promise<Message<Response>> {
    const call = this.call(path, request, response);
    await call.send(message);
    call.end();
    let answer: Message<Response> | undefined;
    for await (const value of call.responses) answer = value;
    if (!answer) throw new GrpcError(13, `${path} gave no answer`);
    return answer;
  }

  close(): void {
    this.session.close();
  }

  /** Ends the connection and the calls on it at once. */
  destroy(): void {
    this.session.destroy();
  }
}

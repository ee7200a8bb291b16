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
import { type Codec, codec, type NameOf, type ReadOf, type SentOf, type Table } from './codec.ts';

/** google.rpc.Status, which carries the details of an error. */
const status = codec({
  Any: { type_url: '1 string', value: '2 bytes' },
  Status: { code: '1 int32', message: '2 string', details: '3 repeated Any' },
});

interface StatusDetail {
  type_url: string;
  value: Buffer;
}

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
export interface CallOf<Request, Response> {
  metadata: IncomingHttpHeaders;
  /** All values of a repeated metadata key, in order: `metadata` joins them with commas that values may hold, too. */
  values(name: string): string[];
  signal: AbortSignal;
  /** The request's messages; a unary call has one. */
  requests: AsyncGenerator<Request>;
  /** Puts something beside the answers; before the first of them. */
  header(name: string, value: string): void;
  /** Sends one answer; resolves when more may be sent. */
  send(message: Response): Promise<void>;
}

/** A method of a service: its messages' bytes, and its handler. */
export interface Method<Request = unknown, Response = unknown> {
  decode(bytes: Uint8Array): Request;
  encode(message: Response): Buffer;
  /** The message that it returns is sent; a method that streams its answers returns none. */
  handle(call: CallOf<Request, Response>): Promise<Response | undefined>;
}

/** Makes methods of the messages of a table. */
export function methodsFor<T extends Table>({ decode, encode }: Codec<T>) {
  /** A method that takes and gives streams of messages. */
  const method = <Request extends NameOf<T>, Response extends NameOf<T>>(
    request: Request,
    response: Response,
    handle: (
      call: CallOf<ReadOf<T, Request>, SentOf<T, Response>>,
    ) => Promise<SentOf<T, Response> | undefined>,
  ): Method<ReadOf<T, Request>, SentOf<T, Response>> => ({
    decode: (bytes) => decode(request, bytes),
    encode: (message) => encode(response, message),
    handle,
  });
  /** A method that takes one message and answers with one. */
  const unary = <Request extends NameOf<T>, Response extends NameOf<T>>(
    request: Request,
    response: Response,
    answer: (
      message: ReadOf<T, Request>,
      call: CallOf<ReadOf<T, Request>, SentOf<T, Response>>,
    ) => Promise<SentOf<T, Response>>,
  ) =>
    method(request, response, async (call) => {
      for await (const message of call.requests) return answer(message, call);
      throw new GrpcError(13, 'no request');
    });
  return { method, unary };
}

/**
 * A connection whose other side has ended is of no use to HTTP/2, but one that comes from an HTTP server may be half open:
 * it would stay for ever.
 */
function closeAtEnd(connection: Duplex): void {
  connection.once('end', () => connection.destroy());
}

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
      closeAtEnd(connection);
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
    const answered: Record<string, string> = { 'content-type': 'application/grpc' };
    const respond = () => {
      if (!stream.headersSent && !stream.destroyed)
        stream.respond({ ':status': 200, ...answered }, { waitForTrailers: true });
    };
    let trailers: Record<string, string> = { 'grpc-status': '0' };
    stream.on('wantTrailers', () => {
      if (!stream.destroyed) stream.sendTrailers(trailers);
    });
    try {
      if (!method) throw new GrpcError(12, `unknown method ${String(headers[':path'])}`);
      const requests = (async function* () {
        for await (const bytes of messages(stream)) yield method.decode(bytes);
      })();
      const send = async (message: unknown) => {
        if (stream.destroyed) throw new GrpcError(1, 'the client is gone');
        respond();
        if (!stream.write(frame(method.encode(message)))) await drained(stream);
      };
      const header = (name: string, value: string) => {
        answered[name] = value;
      };
      const handled = method.handle({
        metadata: headers,
        values,
        signal: abort.signal,
        requests,
        header,
        send,
      });
      // What is beside the answers is told at once; the answers may take long.
      setImmediate(respond);
      const result = await handled;
      if (result !== undefined) await send(result);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof GrpcError ? error.code : abort.signal.aborted ? 1 : 2; // as BuildKit's own errors: clients show any other code's name before the text
      trailers = { 'grpc-status': String(code), 'grpc-message': encodeMessage(message) };
      if (error instanceof GrpcError && error.details.length > 0)
        trailers['grpc-status-details-bin'] = status
          .encode('Status', {
            code,
            message,
            details: error.details,
          })
          .toString('base64');
    }
    respond();
    if (!stream.destroyed) stream.end();
  }
}

/** Resolves once a stream takes more, or is gone; nothing stays listening on it. */
function drained(stream: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

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
    return status.decode('Status', Buffer.from(header, 'base64')).details;
  } catch {
    return [];
  }
}

/** An open call of a client. */
export interface ClientCall<Request, Response> {
  send(message: Request): Promise<void>;
  /** Nothing more will be sent. */
  end(): void;
  responses: AsyncGenerator<Response>;
  /** So many bytes the answers had so far, as they were encoded. */
  received(): number;
  cancel(): void;
}

/** A client on a given connection, whose other end serves the messages of a table. */
export class GrpcClient<T extends Table> {
  private readonly codec: Codec<T>;
  private readonly session: ClientHttp2Session;
  readonly closed: Promise<void>;

  constructor(connection: Duplex, codec: Codec<T>) {
    this.codec = codec;
    this.session = connect('http://session', {
      createConnection: () => connection,
      settings: { initialWindowSize: 4 << 20 },
    });
    this.session.on('error', () => undefined);
    closeAtEnd(connection);
    this.closed = new Promise((resolve) => {
      this.session.once('close', () => resolve());
      connection.once('close', () => resolve());
    });
  }

  /** Begins a call. @throws GrpcError from `responses` when it ends with another status than OK. */
  call<Request extends NameOf<T>, Response extends NameOf<T>>(
    path: string,
    request: Request,
    response: Response,
    metadata: Record<string, string | string[]> = {},
  ): ClientCall<SentOf<T, Request>, ReadOf<T, Response>> {
    const { codec } = this;
    const stream: ClientHttp2Stream = this.session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    });
    let ended: Record<string, unknown> = {};
    stream.on('error', () => undefined);
    stream.on('response', (headers) => {
      if (headers['grpc-status'] !== undefined) ended = headers;
    });
    stream.on('trailers', (headers) => {
      ended = headers;
    });
    let received = 0;
    const responses = (async function* () {
      for await (const bytes of messages(stream)) {
        received += bytes.length;
        yield codec.decode(response, bytes);
      }
      const code = Number(ended['grpc-status'] ?? 14);
      if (code !== 0)
        throw new GrpcError(
          code,
          decodeMessage(String(ended['grpc-message'] ?? 'the session is gone')),
          detailsOf(ended['grpc-status-details-bin']),
        );
    })();
    return {
      responses,
      received: () => received,
      send: async (message) => {
        if (stream.destroyed) throw new GrpcError(14, 'the session is gone');
        if (!stream.write(frame(codec.encode(request, message)))) await drained(stream);
      },
      end: () => stream.end(),
      cancel: () => stream.close(constants.NGHTTP2_CANCEL),
    };
  }

  /** A call with one request and one answer. */
  async unary<Request extends NameOf<T>, Response extends NameOf<T>>(
    path: string,
    request: Request,
    response: Response,
    message: SentOf<T, Request>,
  ): Promise<ReadOf<T, Response>> {
    const call = this.call(path, request, response);
    await call.send(message);
    call.end();
    let answer: ReadOf<T, Response> | undefined;
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

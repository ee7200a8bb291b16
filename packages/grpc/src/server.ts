import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { TooMuch } from './bounds.ts';
import type { Codec, NameOf, ReadOf, SentOf, Table } from './codec.ts';
import { closeAtEnd, MessageWriter, messages } from './framing.ts';
import {
  CANCELLED,
  GrpcError,
  INTERNAL,
  MAX_HEADERS,
  RESOURCE_EXHAUSTED,
  trailersOf,
  UNIMPLEMENTED,
  UNKNOWN,
} from './status.ts';

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
  /** Sends one answer; the promise, where there is one, is settled when more may be sent. @throws GrpcError without a client */
  send(message: Response): Promise<void> | undefined;
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
      throw new GrpcError(INTERNAL, 'no request');
    });
  return { method, unary };
}

/** Why a call was given up. One for all: to make an error with its stack takes as long as a short call. */
const GONE = new GrpcError(CANCELLED, 'the client is gone');

/** A server for given connections. `methods` is keyed by path (`/package.Service/Method`). */
export class GrpcServer {
  private readonly server: Http2Server;

  constructor(methods: Record<string, Method>) {
    // A build's ignore patterns are metadata, one pair each; Node's own limit is 128 pairs.
    this.server = createServer({ maxSendHeaderBlockLength: MAX_HEADERS, maxHeaderListPairs: 65_536 });
    this.server.on('stream', (stream, headers, _flags, raw) => {
      const values = (name: string) => raw.filter((_, at) => at % 2 === 1 && raw[at - 1] === name);
      void this.answer(stream, headers, values, methodOf(methods, String(headers[':path'])));
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
    stream.on('error', () => abort.abort(GONE));
    stream.on('close', () => abort.abort(GONE));
    const writer = new MessageWriter(stream);
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
      if (!method) throw new GrpcError(UNIMPLEMENTED, `unknown method ${String(headers[':path'])}`);
      const requests = (async function* () {
        for await (const bytes of messages(stream)) yield decoded(method, bytes);
      })();
      const send = (message: unknown) => {
        if (stream.destroyed) throw GONE;
        respond();
        return writer.send(method.encode(message));
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
      // Headers are sent at once: the answers may take long.
      setImmediate(respond);
      const result = await handled;
      if (result !== undefined) await send(result);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      trailers = trailersOf(
        codeOf(error, abort.signal),
        message,
        error instanceof GrpcError ? error.details : [],
      );
    }
    respond();
    writer.flush();
    if (!stream.destroyed) stream.end();
  }
}

/** @throws GrpcError as gRPC's own libraries for bytes that are no such message */
function decoded(method: Method, bytes: Buffer): unknown {
  try {
    return method.decode(bytes);
  } catch (error) {
    const code = error instanceof TooMuch ? RESOURCE_EXHAUSTED : INTERNAL;
    throw new GrpcError(code, `the request cannot be read: ${(error as Error).message}`);
  }
}

function methodOf(methods: Record<string, Method>, path: string): Method | undefined {
  return Object.hasOwn(methods, path) ? methods[path] : undefined;
}

/** `UNKNOWN` for errors of handlers, as BuildKit's own: clients show any other code's name before the text. */
function codeOf(error: unknown, signal: AbortSignal): number {
  if (error instanceof GrpcError) return error.code;
  return signal.aborted ? CANCELLED : UNKNOWN;
}

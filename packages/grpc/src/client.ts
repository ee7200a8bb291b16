import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Bounds, Codec, NameOf, ReadOf, SentOf, Table } from './codec.ts';
import { closeAtEnd, MessageWriter, messages } from './framing.ts';
import { errorOf, GrpcError, INTERNAL, UNAVAILABLE } from './status.ts';

/** An open call of a client. */
export interface ClientCall<Request, Response> {
  send(message: Request): Promise<void>;
  /** Ends the caller's side of the stream. */
  end(): void;
  responses: AsyncGenerator<Response>;
  /** The answers' own bytes, in place of `responses`. */
  encoded: AsyncGenerator<Buffer>;
  /** An answer of those bytes. @throws Error for malformed ones, or more than the bounds allow */
  decode(bytes: Buffer): Response;
  /** The bytes of the answers so far, as they were encoded. */
  received(): number;
  cancel(): void;
}

/** A client on a given connection, whose other end serves the messages of a table. */
export class GrpcClient<T extends Table> {
  private readonly codec: Codec<T>;
  private readonly session: ClientHttp2Session;
  private readonly bounds: Bounds;
  readonly closed: Promise<void>;

  constructor(connection: Duplex, codec: Codec<T>, bounds: Bounds = 'strangers') {
    this.codec = codec;
    this.bounds = bounds;
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
    const { codec, bounds } = this;
    const stream: ClientHttp2Stream = this.session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    });
    const writer = new MessageWriter(stream);
    let ended: Record<string, unknown> = {};
    stream.on('error', () => undefined);
    stream.on('response', (headers) => {
      if (headers['grpc-status'] !== undefined) ended = headers;
    });
    stream.on('trailers', (headers) => {
      ended = headers;
    });
    let received = 0;
    const decode = (bytes: Buffer) => codec.decode(response, bytes, bounds);
    const answers = async function* <Answer>(read: (bytes: Buffer) => Answer) {
      for await (const bytes of messages(stream)) {
        received += bytes.length;
        yield read(bytes);
      }
      const error = errorOf(ended);
      if (error) throw error;
    };
    return {
      responses: answers(decode),
      encoded: answers((bytes) => bytes),
      decode,
      received: () => received,
      send: async (message) => {
        if (stream.destroyed) throw new GrpcError(UNAVAILABLE, 'the session is gone');
        await writer.send(codec.encode(request, message));
      },
      end: () => {
        writer.flush();
        stream.end();
      },
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
    if (!answer) throw new GrpcError(INTERNAL, `${path} gave no answer`);
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

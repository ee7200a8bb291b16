import type { IncomingMessage } from 'node:http';
import type { Duplex, Writable } from 'node:stream';
import type { BodyOf, OperationId, ParamsOf, QueryOf, ResponseOf } from '@berth/api-spec';

export type { BodyOf, OperationId, ResponseOf };

/** One request, already checked against the API document: `query`, `params` and `body` have the types it gives them. */
export interface ApiRequest<Id extends OperationId> extends Received {
  params: ParamsOf<Id>;
  /** Booleans as Go's clients write them, integers, strings, lists; absent members are undefined. */
  query: QueryOf<Id>;
  /** Parsed JSON with null members dropped, or undefined for streamed bodies (read `raw`). */
  body: BodyOf<Id>;
}

/** The members that every request has, whatever its operation. */
export interface Received {
  headers: IncomingMessage['headers'];
  /** The version asked for, as minor number: 47 for /v1.47; unversioned: the newest. */
  version: number;
  /** The body as a stream (operations whose request body is not JSON). */
  raw: IncomingMessage;
  /** Aborted when the client goes away before the reply is whole. */
  signal: AbortSignal;
}

/** The answer to a request. */
export interface ApiReply {
  /** Sets the status of what is returned; 200 (204 for undefined) otherwise. */
  status(code: number): this;
  header(name: string, value: string): this;
  /** Sends the headers now and returns the body's stream. Errors after that are the handler's to put in the stream. */
  stream(contentType: string): Writable;
  /**
   * As `stream`, for a body whose writer says where HTTP's chunks end: where `own` is true each of its writes is whole
   * chunks (`SIZE CRLF BYTES CRLF`, RFC 9112, section 7.1) but the last; else (HTTP/1.0) it is the bytes alone.
   */
  chunks(contentType: string): { stream: Writable; own: boolean };
  /** A stream of JSON values, one a line, CR LF after each unless `end` says otherwise, headers sent at once. */
  lines(
    contentType?: string,
    end?: string,
  ): {
    /** Returns a promise while the client is behind: who sends much waits for it. */
    write(value: unknown): Promise<void> | undefined;
    end(): void;
    readonly stream: Writable;
  };
  /**
   * Takes the connection over (attach, exec start, session): 101 UPGRADED where the client asked for an upgrade, else
   * a bare 200 without length. The JSON body of the request was consumed. `bare`: without the headers of other answers.
   */
  hijack(contentType?: string, bare?: boolean): Promise<Duplex>;
  /**
   * Answers an error as dockerd does where a stream was asked for: its text as a line, then the connection ends.
   * @throws the error itself, if it is none of the engine's or the answer has begun
   */
  failStream(error: unknown, contentType: string): void;
  /** Takes the connection over as a WebSocket: its messages are the stream's bytes. The request was checked (`checkWebSocket`). */
  webSocket(): Promise<Duplex>;
}

/** A handler of an operation. Its result is sent as JSON (objects, arrays) or text (strings); undefined: no body. */
export type Handler<Id extends OperationId> = (
  request: ApiRequest<Id>,
  reply: ApiReply,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that streams returns nothing
) => Promise<ResponseOf<Id> | void> | ResponseOf<Id> | void;

/** The operations of the API document, each served by one handler. */
export interface Server {
  /** Serves an operation of the API document (packages/api-spec/spec), by its operationId. */
  serve<Id extends OperationId>(operationId: Id, handler: Handler<Id>): void;
}

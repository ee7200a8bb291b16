import type { IncomingMessage } from 'node:http';
import type { Duplex, Writable } from 'node:stream';
import type { operations } from '@berth/api-spec';

/** An operation of the API document, by its operationId. */
export type OperationId = keyof operations & string;

type Operation<Id extends OperationId> = operations[Id];
/** `never` and absent alike mean that an operation has none. */
type Given<T> = [NonNullable<T>] extends [never] ? Record<never, never> : NonNullable<T>;

/** The query's parameters as the document types them; all may be absent, since what is required is for the handler to miss. */
export type QueryOf<Id extends OperationId> = Partial<Given<Operation<Id>['parameters']['query']>>;
/** The path's parameters. */
export type ParamsOf<Id extends OperationId> = Given<Operation<Id>['parameters']['path']>;
/** What the decoder makes of a body: a member that is null is absent. */
type Decoded<T> = T extends null
  ? never
  : T extends ReadonlyArray<infer Item>
    ? Array<Decoded<Item>>
    : T extends object
      ? { [Name in keyof T]: Decoded<T[Name]> }
      : T;
/** The JSON body; undefined for one that is absent. */
export type BodyOf<Id extends OperationId> =
  NonNullable<Operation<Id>['requestBody']> extends { content: { 'application/json': infer Body } }
    ? Decoded<Body> | undefined
    : undefined;

/** The responses of success. */
type Success<Responses> = Responses[keyof Responses & (101 | 200 | 201 | 204)];
type Content<Answer> = Answer extends { content: infer Types } ? Types[keyof Types] : undefined;
/** What an operation answers with; nothing where the answer is streamed, or has no body. */
export type ResponseOf<Id extends OperationId> = Content<Success<Operation<Id>['responses']>>;

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
   * a bare 200 without length. The JSON body of the request was consumed.
   */
  hijack(contentType?: string): Promise<Duplex>;
}

/** A handler of an operation. Its result is sent as JSON (objects, arrays) or text (strings); undefined: no body. */
export type Handler<Id extends OperationId> = (
  request: ApiRequest<Id>,
  reply: ApiReply,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that streams returns nothing
) => Promise<ResponseOf<Id> | void> | ResponseOf<Id> | void;

export interface Server {
  /** Serves an operation of the API document (packages/api-spec/spec), by its operationId. */
  serve<Id extends OperationId>(operationId: Id, handler: Handler<Id>): void;
}

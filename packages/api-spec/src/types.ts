import type { Routes } from '../generated/routes.ts';
import type { operations } from '../generated/types.ts';

/** An operation of the API document, by its operationId. */
export type OperationId = keyof operations & keyof Routes;

type Operation<Id extends OperationId> = operations[Id];
/** `never` and absent alike mean that an operation has none. */
type Given<T> = [NonNullable<T>] extends [never] ? Record<never, never> : NonNullable<T>;

/** The query's parameters; all may be absent, since what is required is for the handler to miss. */
export type QueryOf<Id extends OperationId> = Partial<Given<Operation<Id>['parameters']['query']>>;
/** The path's parameters. */
export type ParamsOf<Id extends OperationId> = Given<Operation<Id>['parameters']['path']>;

/** A body as it is decoded: a member that is null is absent. */
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

/** A value that a client only sends: its arrays may be ones that nobody may change. */
type Sent<T> =
  T extends ReadonlyArray<infer Item>
    ? ReadonlyArray<Sent<Item>>
    : T extends object
      ? { [Name in keyof T]: Sent<T[Name]> }
      : T;
/** A client's query. */
export type SentQueryOf<Id extends OperationId> = Sent<QueryOf<Id>>;
/** A client's body: the document's JSON, where the operation takes some; bytes or a stream of them otherwise. */
export type RequestOf<Id extends OperationId> =
  NonNullable<Operation<Id>['requestBody']> extends { content: { 'application/json': infer Body } }
    ? Sent<Body>
    : NonNullable<Operation<Id>['requestBody']> extends { content: object }
      ? Uint8Array | AsyncIterable<Uint8Array>
      : undefined;

/** The responses of success. */
type Success<Responses> = Responses[keyof Responses & (101 | 200 | 201 | 204)];
type Content<Answer> = Answer extends { content: infer Types } ? Types[keyof Types] : undefined;
/** The JSON that an operation answers with; undefined where the answer is streamed, or has no body. */
export type ResponseOf<Id extends OperationId> = Content<Success<Operation<Id>['responses']>>;

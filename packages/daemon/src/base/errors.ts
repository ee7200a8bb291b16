/** The classes of errors that a client can act on; `server` maps each to an HTTP status once. */
export type ErrorKind =
  | 'invalid-parameter' // 400
  | 'unauthorized' // 401
  | 'forbidden' // 403
  | 'not-found' // 404
  | 'not-acceptable' // 406
  | 'conflict' // 409
  | 'not-modified' // 304
  | 'unsupported' // 501
  | 'unavailable' // 503
  | 'system'; // 500

/** An error whose message may be shown to a client: it says what is wrong and what can be done next. */
export class BerthError extends Error {
  readonly kind: ErrorKind;
  /** A stable word for programs, e.g. `image-in-use`. */
  readonly code: string | undefined;

  constructor(kind: ErrorKind, message: string, options: { cause?: unknown; code?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BerthError';
    this.kind = kind;
    this.code = options.code;
  }
}

export const invalidParameter = (message: string, cause?: unknown) =>
  new BerthError('invalid-parameter', message, { cause });
export const unauthorized = (message: string, cause?: unknown) =>
  new BerthError('unauthorized', message, { cause });
export const forbidden = (message: string, cause?: unknown) =>
  new BerthError('forbidden', message, { cause });
export const notFound = (message: string, cause?: unknown) => new BerthError('not-found', message, { cause });
export const conflict = (message: string, cause?: unknown) => new BerthError('conflict', message, { cause });
export const notModified = (message = '') => new BerthError('not-modified', message);
export const unsupported = (message: string, cause?: unknown) =>
  new BerthError('unsupported', message, { cause });
export const unavailable = (message: string, cause?: unknown) =>
  new BerthError('unavailable', message, { cause });
export const systemError = (message: string, cause?: unknown) => new BerthError('system', message, { cause });

/** True for an error of this kind. */
export function isKind(error: unknown, kind: ErrorKind): boolean {
  return error instanceof BerthError && error.kind === kind;
}

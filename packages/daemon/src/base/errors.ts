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

/** 400: a value of the request is wrong; the text names its field. */
export const invalidParameter = (message: string, cause?: unknown) =>
  new BerthError('invalid-parameter', message, { cause });
/** 401: a registry or the daemon wants credentials, or other ones. */
export const unauthorized = (message: string, cause?: unknown) =>
  new BerthError('unauthorized', message, { cause });
/** 403: it is understood and not allowed. */
export const forbidden = (message: string, cause?: unknown) =>
  new BerthError('forbidden', message, { cause });
/** 404: the thing that was named is not there. */
export const notFound = (message: string, cause?: unknown) => new BerthError('not-found', message, { cause });
/** 409: the state of a thing, or its users, forbid it now. */
export const conflict = (message: string, cause?: unknown) => new BerthError('conflict', message, { cause });
/** 304: it is as was asked already. */
export const notModified = (message = '') => new BerthError('not-modified', message);
/** 501: the API has it and this engine or machine does not. */
export const unsupported = (message: string, cause?: unknown) =>
  new BerthError('unsupported', message, { cause });
/** 503: it can't be done now, and may be asked for again. */
export const unavailable = (message: string, cause?: unknown) =>
  new BerthError('unavailable', message, { cause });
/** 500: the daemon or the host failed, not the request. */
export const systemError = (message: string, cause?: unknown) => new BerthError('system', message, { cause });

/** True for an error of this kind. */
export function isKind(error: unknown, kind: ErrorKind): boolean {
  return error instanceof BerthError && error.kind === kind;
}

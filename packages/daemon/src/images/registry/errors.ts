import { STATUS_CODES } from 'node:http';
import { BerthError, type ErrorKind } from '../../base/errors.ts';
import { parseJson } from '../../base/go-json.ts';
import { during, NetworkError } from '../../base/network-errors.ts';
import { familiarName, familiarString, type Reference } from '../references.ts';

/** An error that a registry answered. */
export class RegistryError extends BerthError {
  readonly status: number;
  /** The distribution specification's code (`MANIFEST_UNKNOWN`...), where the registry named one. */
  readonly reason: string;

  constructor(
    kind: ErrorKind,
    message: string,
    options: { status: number; reason?: string; cause?: unknown },
  ) {
    super(kind, message, { cause: options.cause });
    this.name = 'RegistryError';
    this.status = options.status;
    this.reason = options.reason ?? '';
  }
}

/** A request could not be authorised; `cause` says why. */
export class AuthorizationError extends RegistryError {
  constructor(method: string, url: URL, cause: RegistryError) {
    super(cause.kind, during(method, url, cause.message), {
      status: cause.status,
      reason: cause.reason,
      cause,
    });
    this.name = 'AuthorizationError';
  }
}

// Maps, for a registry's words may be names that every object has.
const KINDS = new Map<string, ErrorKind>([
  ['UNAUTHORIZED', 'unauthorized'],
  ['DENIED', 'forbidden'],
  ['MANIFEST_UNKNOWN', 'not-found'],
  ['NAME_UNKNOWN', 'not-found'],
  ['BLOB_UNKNOWN', 'not-found'],
  ['UNSUPPORTED', 'system'],
  ['UNAVAILABLE', 'unavailable'],
]);

const MESSAGES = new Map([
  ['UNAUTHORIZED', 'authentication required'],
  ['DENIED', 'requested access to the resource is denied'],
  ['TOOMANYREQUESTS', 'too many requests'],
  ['UNKNOWN', 'unknown error'],
]);

/** Codes that the errors of a Bearer challenge (RFC 6750) stand for. */
const CHALLENGED = new Map([
  ['invalid_token', 'UNAUTHORIZED'],
  ['insufficient_scope', 'DENIED'],
]);

function coded(reason: string, message: string, status: number): RegistryError {
  const text = `${reason.toLowerCase().replaceAll('_', ' ')}: ${message}`;
  return new RegistryError(KINDS.get(reason) ?? 'system', text, { status, reason });
}

/**
 * Reads a registry's error as docker/distribution does, so that its texts are the ones that clients know.
 * `challenge` holds the parameters of a Bearer challenge that came along.
 */
export function answerError(status: number, body: string, challenge?: Record<string, string>): RegistryError {
  if (status < 400 || status >= 500)
    return new RegistryError(
      'system',
      `received unexpected HTTP status: ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(),
      { status },
    );
  const authCode = CHALLENGED.get(challenge?.['error'] ?? '');
  if (authCode) return coded(authCode, challenge?.['error_description'] ?? MESSAGES.get(authCode)!, status);
  const problems = parseProblems(body);
  if (typeof problems === 'string')
    return coded(status === 401 ? 'UNAUTHORIZED' : 'UNKNOWN', problems, status);
  if (problems && problems.length > 0) {
    const errors = problems.map(({ code, message }) => coded(code, message, status));
    if (errors.length === 1) return errors[0]!;
    return new RegistryError(
      errors[0]!.kind,
      `errors:\n${errors.map((error) => error.message).join('\n')}\n`,
      {
        status,
        reason: errors[0]!.reason,
      },
    );
  }
  if (status === 401) return coded('UNAUTHORIZED', MESSAGES.get('UNAUTHORIZED')!, status);
  const detail =
    problems === undefined
      ? 'invalid character in response body'
      : 'no error details found in HTTP response body';
  return new RegistryError(
    status === 404 ? 'not-found' : status === 403 ? 'forbidden' : 'system',
    `error parsing HTTP ${status} response body: ${detail}: ${JSON.stringify(body.slice(0, 512))}`,
    { status },
  );
}

/** The errors in a body; a text for the older `details` form; undefined for what is not JSON. */
function parseProblems(body: string): Array<{ code: string; message: string }> | string | undefined {
  let value: unknown;
  try {
    value = parseJson(body);
  } catch {
    return undefined;
  }
  const { errors, details } = (value ?? {}) as { errors?: unknown; details?: unknown };
  if (typeof details === 'string' && details !== '') return details;
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((item: unknown) => {
    // Names are told apart without regard to case, as Go does.
    const { code, message } = Object.fromEntries(
      Object.entries((item ?? {}) as object).map(([name, value]) => [name.toLowerCase(), value as unknown]),
    );
    if (typeof code !== 'string' || code === '') return [];
    const text =
      typeof message === 'string' && message !== '' ? message : (MESSAGES.get(code) ?? code.toLowerCase());
    return [{ code, message: text }];
  });
}

/** A failed pull as dockerd says it (distribution/errors.go). */
export function pullError(error: unknown, reference: Reference): unknown {
  if (!(error instanceof RegistryError)) return error;
  const say = (text: string) =>
    new RegistryError('not-found', `${text}: ${error.message}`, {
      status: error.status,
      reason: error.reason,
      cause: error,
    });
  if (error.reason === 'DENIED')
    return say(
      `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login'`,
    );
  if (error.reason === 'MANIFEST_UNKNOWN') return say(`manifest for ${familiarString(reference)} not found`);
  if (error.reason === 'NAME_UNKNOWN') return say(`repository ${familiarName(reference)} not found`);
  // A refusal of credentials is none of our own client: dockerd answers 500 too.
  return error.kind === 'unauthorized' ? new BerthError('system', error.message, { cause: error }) : error;
}

/** A failed push as dockerd says it: refused credentials without the request that they were refused for. */
export function pushError(error: unknown): unknown {
  return error instanceof AuthorizationError ? error.cause : error;
}

/**
 * Whether another attempt may succeed: the network broke, or the registry is busy. One that says that a client has had
 * its share will say so again.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof NetworkError) return true;
  if (!(error instanceof RegistryError) || error.reason === 'TOOMANYREQUESTS') return false;
  return error.status >= 500 || error.status === 429 || error.status === 408;
}

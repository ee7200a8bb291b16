import { getServers } from 'node:dns';
import { STATUS_CODES } from 'node:http';
import { BerthError, type ErrorKind } from '../../base/errors.ts';
import { familiarName, familiarString, type Reference } from '../references.ts';

/** What a registry answered instead of what was asked for. */
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

/** A failure on the way to a registry: no answer, or one that broke off. Worth another attempt. */
export class NetworkError extends BerthError {
  /** The transport's own word: `ECONNREFUSED`, `UND_ERR_SOCKET`... */
  readonly reason: string;

  constructor(message: string, reason: string, cause?: unknown) {
    super('system', message, { cause });
    this.name = 'NetworkError';
    this.reason = reason;
  }
}

const KINDS: Record<string, ErrorKind> = {
  UNAUTHORIZED: 'unauthorized',
  DENIED: 'forbidden',
  MANIFEST_UNKNOWN: 'not-found',
  NAME_UNKNOWN: 'not-found',
  BLOB_UNKNOWN: 'not-found',
  UNSUPPORTED: 'system',
  UNAVAILABLE: 'unavailable',
};

const MESSAGES: Record<string, string> = {
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
  TOOMANYREQUESTS: 'too many requests',
  UNKNOWN: 'unknown error',
};

function coded(reason: string, message: string, status: number): RegistryError {
  const text = `${reason.toLowerCase().replaceAll('_', ' ')}: ${message}`;
  return new RegistryError(KINDS[reason] ?? 'system', text, { status, reason });
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
  const authCode = { invalid_token: 'UNAUTHORIZED', insufficient_scope: 'DENIED' }[
    challenge?.['error'] ?? ''
  ];
  if (authCode) return coded(authCode, challenge?.['error_description'] ?? MESSAGES[authCode]!, status);
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
  if (status === 401) return coded('UNAUTHORIZED', MESSAGES['UNAUTHORIZED']!, status);
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
    value = JSON.parse(body);
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
      typeof message === 'string' && message !== '' ? message : (MESSAGES[code] ?? code.toLowerCase());
    return [{ code, message: text }];
  });
}

const SYSTEM_TEXTS: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  ECONNRESET: 'connection reset by peer',
};

/** Certificate failures of OpenSSL, in the words of Go's crypto/x509. */
const TLS_TEXTS: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'x509: certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'x509: certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'x509: certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'x509: certificate has expired or is not yet valid',
};

/** A transport's failure in the words of Go's net/http, which Docker's users and scripts know. */
export function networkError(method: string, url: URL, error: unknown): BerthError {
  if (error instanceof BerthError) return error;
  const root = deepest(error);
  const code = root.code ?? (root.name === 'TimeoutError' ? 'TIMEOUT' : '');
  return new NetworkError(
    `${verb(method)} ${JSON.stringify(url.href)}: ${goText(url, root, code)}`,
    code,
    error,
  );
}

/** `Get "url": ` as Go begins the error of a request. */
export function during(method: string, url: URL, text: string): string {
  return `${verb(method)} ${JSON.stringify(url.href)}: ${text}`;
}

function verb(method: string): string {
  return method.charAt(0) + method.slice(1).toLowerCase();
}

interface SystemError extends Error {
  code?: string;
  address?: string;
  port?: number;
  hostname?: string;
}

function deepest(error: unknown): SystemError {
  let current = error as SystemError & { cause?: unknown; errors?: unknown[] };
  for (let depth = 0; depth < 5; depth += 1) {
    // One address of several that were tried in vain stands for all.
    if (Array.isArray(current.errors) && current.errors.length > 0)
      current = current.errors.at(-1) as typeof current;
    else if (current.cause instanceof Error) current = current.cause as typeof current;
    else break;
  }
  return current;
}

function goText(url: URL, error: SystemError, code: string): string {
  const tls = TLS_TEXTS[code];
  if (tls) return `tls: failed to verify certificate: ${tls}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `tls: failed to verify certificate: x509: certificate is not valid for ${url.hostname}`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return 'http: server gave HTTP response to HTTPS client';
  if (code === 'ENOTFOUND') return `${lookup(url, error)}: no such host`;
  if (code === 'EAI_AGAIN') return `${lookup(url, error)}: server misbehaving`;
  const system = SYSTEM_TEXTS[code];
  if (system) {
    if (error.address === undefined) return system;
    const host = error.address.includes(':') ? `[${error.address}]` : error.address;
    return `dial tcp ${host}:${error.port}: ${system}`;
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return `dial tcp: ${url.host}: i/o timeout`;
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return 'net/http: timeout awaiting response headers';
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'TIMEOUT')
    return 'context deadline exceeded while reading body';
  if (code === 'UND_ERR_SOCKET') return 'unexpected EOF';
  return error.message;
}

function lookup(url: URL, error: SystemError): string {
  const server = getServers()[0];
  return `dial tcp: lookup ${error.hostname ?? url.hostname}${server === undefined ? '' : ` on ${server}:53`}`;
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

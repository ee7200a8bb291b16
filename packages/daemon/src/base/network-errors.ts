import { getServers } from 'node:dns';
import { BerthError } from './errors.ts';

/** A failure on the way to a server: no answer, or one that broke off. Worth another attempt. */
export class NetworkError extends BerthError {
  /** The transport's own word: `ECONNREFUSED`, `UND_ERR_SOCKET`... */
  readonly reason: string;

  constructor(message: string, reason: string, cause?: unknown) {
    super('system', message, { cause });
    this.name = 'NetworkError';
    this.reason = reason;
  }
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

import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CliError } from '../base/errors.ts';
import type { Endpoint, TlsFiles } from './endpoint.ts';
import { ConnectionError } from './errors.ts';
import { explainClosedTls, explainTls } from './tls-errors.ts';

/** Opens a connection to the daemon. Throws ConnectionError in plain words. */
export async function dial(endpoint: Endpoint): Promise<Duplex> {
  if (endpoint.scheme === 'ssh') return (await import('./ssh.ts')).dialSsh(endpoint);
  if (endpoint.tls) return dialTls(endpoint, endpoint.tls);
  return plain(endpoint);
}

function plain(endpoint: Endpoint): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      endpoint.scheme === 'unix'
        ? connect({ path: endpoint.address })
        : connect({ host: endpoint.address, port: endpoint.port!, noDelay: true });
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => reject(explain(endpoint, error)));
  });
}

async function dialTls(endpoint: Endpoint, files: TlsFiles): Promise<Duplex> {
  const [{ connect: connectTls }, { readFileSync }] = await Promise.all([
    import('node:tls'),
    import('node:fs'),
  ]);
  const read = (file: string | Buffer | undefined, what: string): Buffer | undefined => {
    if (file === undefined || Buffer.isBuffer(file)) return file;
    try {
      return readFileSync(file);
    } catch (error) {
      throw new CliError(
        `unable to resolve docker endpoint: could not read ${what} ${JSON.stringify(file)}: ${reason(error)}`,
      );
    }
  };
  const ca = read(files.ca, 'CA certificate');
  const cert = read(files.cert, 'client certificate');
  const key = read(files.key, 'client key');
  return new Promise<Duplex>((resolve, reject) => {
    const socket = connectTls({
      host: endpoint.address,
      port: endpoint.port!,
      servername: /^[\d.]+$|:/.test(endpoint.address) ? '' : endpoint.address,
      rejectUnauthorized: files.verify,
      ...(ca ? { ca } : {}),
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
    });
    socket.once('secureConnect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => reject(explain(endpoint, error)));
  }).catch((error: NodeJS.ErrnoException) => {
    // Files that are no certificates are found out before anything is sent.
    throw error instanceof ConnectionError ? error : explain(endpoint, error);
  });
}

const reason = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (error as Error).message;

/** Explains a failed connection and says how to mend it. */
export function explain(endpoint: Endpoint, error: NodeJS.ErrnoException): ConnectionError {
  const closed = explainClosedTls(endpoint, error);
  if (closed) return new ConnectionError(`error during connect to ${endpoint.host}: ${closed}`);
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      return new ConnectionError(
        `permission denied while trying to connect to the Berth daemon socket at ${endpoint.host}. Run as root, or as a member of the group that owns the socket.`,
      );
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTDIR':
    case 'ECONNRESET':
    case 'ENOTSOCK':
      return new ConnectionError(
        `Cannot connect to the Berth daemon at ${endpoint.host}. Is berthd running?`,
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConnectionError(
        `error during connect: the host name of ${endpoint.host} does not resolve (${error.code})`,
      );
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return new ConnectionError(
        `Cannot connect to the Berth daemon at ${endpoint.host} (${error.code}). Is berthd running there, and can it be reached from here?`,
      );
    default:
      return new ConnectionError(
        `error during connect to ${endpoint.host}: ${explainTls(error) ?? error.message}`,
      );
  }
}

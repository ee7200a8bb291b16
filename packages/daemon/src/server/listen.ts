import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { createConnection, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { log } from '../base/log.ts';
import { splitHost } from '../config/hosts.ts';
import type { Settings } from '../config/settings.ts';
import { withoutForeignPages } from './connections/browsers.ts';
import { ApiMessage, acceptUpgrades } from './connections/hijack.ts';
import { oneByOne } from './connections/pipeline.ts';
import { strictly } from './connections/strict.ts';

type Route = (request: IncomingMessage, response: ServerResponse) => void;

/** Sockets that accept requests; `close` stops accepting, ends idle connections and removes socket files. */
export interface Listening {
  addresses: string[];
  close(): Promise<void>;
}

const HTTP_OPTIONS = {
  IncomingMessage: ApiMessage,
  // X-Registry-Config of a build holds the credentials of many registries.
  maxHeaderSize: 1024 * 1024,
  keepAliveTimeout: 0,
  requestTimeout: 0,
  headersTimeout: 60_000,
  connectionsCheckingInterval: 30_000,
};

/** Connections that may wait to be accepted, as Go's server has it: further ones of a burst are refused by the kernel. */
const BACKLOG = 4096;

/**
 * Listens on all of `settings.hosts`: `unix://path`, `tcp://address:port` (with TLS where asked for) and `fd://` for
 * sockets that systemd passed.
 * @throws when an address cannot be bound; none is left open then.
 */
export async function listen(settings: Settings, app: Route): Promise<Listening> {
  const route = strictly(app);
  const servers: Array<HttpServer | HttpsServer> = [];
  const files: string[] = [];
  const addresses: string[] = [];
  const close = async () => {
    for (const file of files) removeFile(file);
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeIdleConnections();
            // Streams (events, logs -f) would keep it open for ever.
            setTimeout(() => server.closeAllConnections(), 1000).unref();
            setTimeout(resolve, 1500).unref();
          }),
      ),
    );
  };
  try {
    for (const host of settings.hosts) {
      const [scheme = '', rest = ''] = splitHost(host);
      if (scheme === 'unix') {
        const server = await httpServer(route);
        servers.push(server);
        await listenUnix(server, rest, settings.group);
        files.push(rest);
        addresses.push(host);
      } else if (scheme === 'tcp') {
        const own = withoutForeignPages(route);
        const server =
          settings.tls || settings.tlsVerify ? await tlsServer(settings, own) : await httpServer(own);
        servers.push(server);
        addresses.push(`tcp://${await listenTcp(server, rest, settings)}`);
      } else if (scheme === 'fd') {
        for (const fd of passedSockets(rest)) {
          const server = await httpServer(route);
          servers.push(server);
          await listening(server, () => server.listen({ fd }));
          addresses.push(`fd://${fd}`);
        }
      } else throw new Error(`invalid bind address format: ${host}`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses, close };
}

async function httpServer(route: Route): Promise<HttpServer> {
  const server = createServer(HTTP_OPTIONS, oneByOne(route));
  acceptUpgrades(server, route);
  return server;
}

async function tlsServer(settings: Settings, route: Route): Promise<HttpsServer> {
  const { createServer: createTls } = await import('node:https');
  const read = (what: string, path: string) => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new Error(`could not read the TLS ${what} ${path}: ${(error as Error).message}`);
    }
  };
  const server = createTls(
    {
      ...HTTP_OPTIONS,
      cert: read('certificate', settings.tlsCert),
      key: read('key', settings.tlsKey),
      ...(settings.tlsVerify && { ca: read('CA certificate', settings.tlsCaCert) }),
      requestCert: settings.tlsVerify,
      rejectUnauthorized: settings.tlsVerify,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      // A hijacked stream closes one direction at a time.
      ...{ allowHalfOpen: true },
    },
    oneByOne(route),
  );
  acceptUpgrades(server, route);
  server.on('tlsClientError', (error, socket) => {
    log.debug({ err: error }, 'a TLS handshake failed');
    if ((error as NodeJS.ErrnoException).code === 'ERR_SSL_HTTP_REQUEST') answerPlainHttp(socket);
    else socket.destroy();
  });
  return server;
}

/** Tells who speaks HTTP to a port of HTTPS so, in the words of Go's net/http, which clients and people know. */
function answerPlainHttp(socket: TLSSocket): void {
  // The connection below the failed TLS: Node keeps it here, and gives no other way to it.
  const { _parent: below } = socket as TLSSocket & { _parent?: Socket };
  const answer = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';
  if (below?.writable) below.end(answer, () => socket.destroy());
  else socket.destroy();
}

function listening(server: HttpServer | HttpsServer, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      server.on('error', (error) => log.error({ err: error }, 'a listening socket failed'));
      resolve();
    });
    start();
  });
}

async function listenUnix(server: HttpServer, path: string, group: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) {
    if (await answers(path)) throw new Error(`${path} is in use: another daemon listens there`);
    removeFile(path);
  }
  // Nobody else may connect in the moment before the mode is set.
  const mask = process.umask(0o177);
  try {
    await listening(server, () => server.listen(path, BACKLOG));
  } finally {
    process.umask(mask);
  }
  const gid = groupId(group);
  if (gid !== undefined) chownSync(path, 0, gid);
  chmodSync(path, 0o660);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(path);
    const finish = (found: boolean) => {
      connection.destroy();
      resolve(found);
    };
    connection.once('connect', () => finish(true));
    connection.once('error', () => finish(false));
  });
}

async function listenTcp(
  server: HttpServer | HttpsServer,
  rest: string,
  settings: Settings,
): Promise<string> {
  const [, host = '', port = ''] = /^(.*?)(?::(\d+))?\/?$/.exec(rest) ?? [];
  const address = host.replace(/^\[|\]$/g, '') || '127.0.0.1';
  const number = port === '' ? (settings.tls ? 2376 : 2375) : Number(port);
  if (!settings.tlsVerify)
    log.warn(
      { host: `tcp://${rest}` },
      settings.tls
        ? 'binding to an IP address with --tls only: any client may connect, as none must show a certificate (--tlsverify)'
        : 'binding to an IP address without --tlsverify is insecure and gives root access on this machine to everyone who has access to your network',
    );
  await listening(server, () => server.listen(number, address, BACKLOG));
  const bound = server.address();
  return bound && typeof bound === 'object'
    ? `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
    : rest;
}

/** The descriptors that systemd's socket activation passed (sd_listen_fds(3)), by number, name, or all. */
function passedSockets(which: string): number[] {
  const count = Number(process.env['LISTEN_FDS'] ?? 0);
  const names = (process.env['LISTEN_FDNAMES'] ?? '').split(':');
  if (Number(process.env['LISTEN_PID'] ?? -1) !== process.pid || !(count > 0))
    throw new Error('no sockets found via socket activation: make sure the service was started by systemd');
  const all = Array.from({ length: count }, (_, index) => 3 + index);
  if (which === '' || which === '*') return all;
  const chosen = /^\d+$/.test(which)
    ? all.filter((fd) => fd === Number(which))
    : all.filter((_, index) => names[index] === which);
  if (chosen.length === 0) throw new Error(`socket activation passed no socket ${which}`);
  return chosen;
}

function groupId(group: string): number | undefined {
  if (group === '') return undefined;
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${group}:`));
  if (line) return Number(line.split(':')[2]);
  if (/^\d+$/.test(group)) return Number(group);
  // The default group is a convenience where it exists; one that was asked for must.
  if (group === 'docker' || group === 'berth') {
    log.debug({ group }, 'the group does not exist: only root can use the socket');
    return undefined;
  }
  throw new Error(`group ${group} not found`);
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The file is gone already.
  }
}

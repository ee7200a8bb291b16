import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import type { Rooms } from '../context.ts';
import type { Offer, Streaming } from './api.ts';
import { FORWARD_PROTOCOLS, PORTS_MAX, serveForward } from './forward.ts';
import { Refused, upgrade } from './handshake.ts';
import { serveAttach, serveExec } from './processes.ts';
import { openRemote, REMOTE_PROTOCOLS } from './remote.ts';

/** How long a URL holds, in milliseconds. */
const HOLDS = 60_000;
/** URLs that hold at once: more are no client's that means to use them. */
const OFFERS_MAX = 1000;

/** Opens the server on a port of the loopback: a kubelet fetches from it what it hands on to others. */
export function openStreaming(rooms: Rooms): Streaming {
  return new StreamingServer(rooms);
}

class StreamingServer implements Streaming {
  readonly #rooms: Rooms;
  readonly #offers = new Map<string, { offer: Offer; timer: NodeJS.Timeout }>();
  readonly #connections = new Set<Duplex>();
  #listening: Promise<Server> | undefined;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  async offer(offer: Offer): Promise<string> {
    if (this.#offers.size >= OFFERS_MAX)
      throw systemError(
        `more than ${OFFERS_MAX} streams were asked for and not taken up; try again in a minute`,
      );
    this.#listening ??= this.#listen();
    const server = await this.#listening;
    const token = randomBytes(24).toString('base64url');
    const timer = setTimeout(() => this.#offers.delete(token), HOLDS);
    timer.unref();
    this.#offers.set(token, { offer, timer });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${offer.kind}/${token}`;
  }

  #listen(): Promise<Server> {
    const server = createServer((request, response) => {
      // Requests without an upgrade are not served here.
      request.resume();
      response
        .writeHead(400, { 'content-type': 'text/plain' })
        .end('use the upgrade websocket or SPDY/3.1\n');
    });
    server.on('upgrade', (request, socket, head) => void this.#serve(request, socket, head));
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        this.#listening = undefined;
        reject(systemError(`the server for streams could not be opened: ${error.message}`, error));
      });
      server.listen(0, '127.0.0.1', () => resolve(server));
      server.unref();
    });
  }

  /** A token counts once, whatever becomes of it. @throws Refused */
  #take(url: URL): Offer {
    const [, kind, token = '', more] = url.pathname.split('/');
    const found = this.#offers.get(token);
    if (!found || found.offer.kind !== kind || more !== undefined)
      throw new Refused(404, 'there is no such stream');
    clearTimeout(found.timer);
    this.#offers.delete(token);
    return found.offer;
  }

  async #serve(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
    try {
      const url = new URL(request.url ?? '/', 'http://localhost');
      const offer = this.#take(url);
      if (offer.kind === 'portforward') {
        const asked = url.searchParams
          .getAll('port')
          .flatMap((list) => list.split(','))
          .map(Number);
        const valid = asked.filter((port) => Number.isInteger(port) && port > 0 && port < 65536);
        const ports = valid.length > 0 ? valid : offer.ports;
        if (ports.length > PORTS_MAX) throw new Refused(400, `more than ${PORTS_MAX} ports are asked for`);
        const upgraded = await upgrade(request, socket, head, FORWARD_PROTOCOLS);
        await serveForward(this.#rooms, offer, upgraded, ports);
        return;
      }
      const remote = await openRemote(await upgrade(request, socket, head, REMOTE_PROTOCOLS), offer);
      try {
        if (offer.kind === 'exec') await serveExec(this.#rooms, offer, remote);
        else await serveAttach(this.#rooms, offer, remote);
      } finally {
        remote.close();
      }
    } catch (error) {
      if (error instanceof Refused) refuse(socket, error);
      else {
        log.debug({ err: error }, 'a stream of a pod ended early');
        socket.destroy();
      }
    }
  }

  close(): void {
    void this.#listening?.then((server) => server.close());
    for (const { timer } of this.#offers.values()) clearTimeout(timer);
    for (const connection of this.#connections) connection.destroy();
  }
}

function refuse(socket: Duplex, { status, message }: Refused): void {
  const reason = status === 404 ? 'Not Found' : status === 403 ? 'Forbidden' : 'Bad Request';
  const body = `${message}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder of the home and the socket. */
export const folder = mkdtempSync(join(tmpdir(), 'berth-front-'));
export const socket = join(folder, 'daemon.sock');
/** The id of the container. */
export const ID = 'abcdef0123456789'.repeat(4);
/** A request that the daemon was sent. */
export interface Asked {
  method: string;
  url: string;
  body: unknown;
}
/** Answers of a run without anything special. */
export const plain = () => ({
  status: 201,
  warnings: [] as string[],
  start: [204, ''] as [number, string],
  output: [
    [1, 'out\n'],
    [2, 'err\n'],
  ] as Array<[number, string]>,
  raw: false,
  code: '{"StatusCode":7}',
  list: '[]',
});
/** The answers of the daemon in the next run, and the requests that it got in it. */
export const played = {
  scene: plain(),
  asked: [] as Asked[],
  /** Called when the container is started. */
  atStart: [] as Array<() => void>,
};
let server: Server;

const frame = ([stream, text]: [number, string]) => {
  const bytes = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
};

/** Starts a daemon that gives the answers of `played`, and ends it after the tests of a file. */
export function withScriptedDaemon(): void {
  beforeAll(async () => {
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (part) => {
        text += part;
      });
      request.on('end', () => {
        const url = request.url ?? '';
        played.asked.push({
          method: request.method ?? '',
          url,
          body: text === '' ? undefined : JSON.parse(text),
        });
        const json = (status: number, body: unknown) =>
          response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
        if (url.includes('/containers/create'))
          json(
            played.scene.status,
            played.scene.status < 400
              ? { Id: ID, Warnings: played.scene.warnings }
              : { message: 'not "made".' },
          );
        else if (url.endsWith('/start')) {
          const [status, message] = played.scene.start;
          if (status >= 400) json(status, { message });
          else response.writeHead(status).end();
          for (const happens of played.atStart) happens();
        } else if (url.includes('/wait')) {
          response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
          played.atStart.push(() => setTimeout(() => response.end(`${played.scene.code}\n`), 20));
        } else if (url.includes('/containers/json'))
          response.writeHead(200, { 'Content-Type': 'application/json' }).end(played.scene.list);
        else json(404, { message: 'page not found' });
      });
    });
    server.on('upgrade', (request, connection: Socket) => {
      played.asked.push({ method: request.method ?? '', url: request.url ?? '', body: undefined });
      // A client that has failed closes before the end.
      connection.on('error', () => undefined);
      const type = played.scene.raw ? 'raw-stream' : 'multiplexed-stream';
      connection.write(
        `HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.${type}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
      );
      played.atStart.push(() => {
        // In pieces that are no frames.
        const bytes = Buffer.concat(played.scene.output.map(frame));
        connection.write(bytes.subarray(0, 5));
        setTimeout(() => connection.end(bytes.subarray(5)), 20);
      });
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    mkdirSync(join(folder, 'home/.docker'), { recursive: true });
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
}

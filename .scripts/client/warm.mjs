// Makes the client's code cache: runs commands until V8 has compiled most of what such commands run, each with what the
// one before it left in the cache. Runs on the pinned Node, which reads the TypeScript of gRPC. Argument: the client's folder.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildkit,
  GrpcClient,
  GrpcServer,
  method,
  packetType,
  timestamp,
  unary,
} from '../../packages/grpc/src/index.ts';
import { root } from '../lib.mjs';
import { CLIENT_FLAGS } from './flags.mjs';

const client = process.argv[2];

/** Runs a command of the client; how it ends does not matter. */
async function warm(...words) {
  const script = join(root, '.scripts/client/cache.cjs');
  const child = spawn(process.execPath, [...CLIENT_FLAGS, script, client, ...words], { stdio: 'ignore' });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await once(child, 'exit');
  clearTimeout(timer);
}

/** Reads a folder of the client as the daemon does, the bytes of the first file with it. */
async function readFolder(session, name) {
  const call = session.call('/moby.filesync.v1.FileSync/DiffCopy', 'Packet', 'Packet', { 'dir-name': name });
  for await (const packet of call.responses) {
    if (packet.type === packetType.stat && !packet.stat?.path)
      await call.send({ type: packetType.request, ID: 0 });
    else if (packet.type === packetType.data && packet.data.length === 0)
      await call.send({ type: packetType.fin });
    else if (packet.type === packetType.fin) call.end();
  }
}

/** A builder that reads the context, tells of one step and answers: no daemon is needed to make the cache. */
function builder() {
  let session;
  const done = Promise.withResolvers();
  const digest = `sha256:${'0'.repeat(64)}`;
  const grpc = new GrpcServer({
    '/moby.buildkit.v1.Control/Status': method('StatusRequest', 'StatusResponse', async (call) => {
      const now = timestamp(Date.now());
      await call.send({ vertexes: [{ digest, name: '[1/1] FROM x', started: now }] });
      await done.promise;
      await call.send({ vertexes: [{ digest, name: '[1/1] FROM x', started: now, completed: now }] });
      return undefined;
    }),
    '/moby.buildkit.v1.Control/Solve': unary('SolveRequest', 'SolveResponse', async () => {
      for (const name of ['dockerfile', 'context']) await readFolder(session, name);
      done.resolve();
      return { ExporterResponse: { 'containerimage.digest': digest } };
    }),
  });
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Api-Version': '1.52', 'Builder-Version': '2', Ostype: 'linux' }).end('OK');
  });
  server.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    if (request.url.endsWith('/session')) session = new GrpcClient(socket, buildkit);
    else void grpc.accept(socket);
  });
  return server;
}

const folder = mkdtempSync(join(tmpdir(), 'berth-warm-'));
try {
  // Ends with an error, for want of a daemon, after most of what such a command runs.
  await warm('-H', 'unix:///nonexistent', 'run', '--rm', 'busybox', 'true');
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\n');
  const socket = join(folder, 'socket');
  const server = builder().listen(socket);
  await once(server, 'listening');
  await warm('-H', `unix://${socket}`, 'build', '-t', 'x', folder);
  server.close();
  server.closeAllConnections();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit();

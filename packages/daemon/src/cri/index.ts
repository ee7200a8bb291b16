import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { GrpcServer } from '@berth/grpc';
import type { Services } from '../services.ts';
import type { Cri } from './api.ts';
import type { Rooms } from './context.ts';
import { criMethods } from './service.ts';
import { openStreaming } from './streaming/server.ts';

export type { Cri } from './api.ts';

/** Serves the interface at `settings.criSocket`. @throws Error when the socket is another's, or cannot be made. */
export async function openCri(services: Services): Promise<Cri> {
  const { pods } = services;
  if (!pods) throw new Error('pods are not open');
  const rooms: Rooms = { ...services, pods };
  const path = services.settings.criSocket.slice('unix://'.length);
  const streaming = openStreaming(rooms);
  const grpc = new GrpcServer(criMethods(rooms, streaming));
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    socket.on('error', () => undefined);
    void grpc.accept(socket);
  });
  await listen(server, path);
  return {
    address: services.settings.criSocket,
    close() {
      server.close();
      streaming.close();
      for (const connection of connections) connection.destroy();
      rmSync(path, { force: true });
    },
  };
}

/** Only root may speak to it: who does is root of the machine. */
async function listen(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  await clear(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The daemon's umask leaves it to its owner.
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
}

/** Removes the socket of a daemon that has gone. */
async function clear(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new Error(`${path} is there and is no socket`);
  const answers = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => resolve(true));
    probe.once('error', () => resolve(false));
    probe.once('close', () => resolve(false));
    probe.on('connect', () => probe.destroy());
  });
  if (answers) throw new Error(`${path} is served by another process`);
  rmSync(path);
}

import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { nativeProgram } from '@berth/native';
import type { WebSocket } from 'ws';
import type { Rooms } from '../context.ts';
import type { ForwardedStream, Offer } from './api.ts';
import { Channels } from './channels.ts';
import type { Upgraded } from './handshake.ts';
import { SpdySession, type SpdyStream } from './spdy/session.ts';

const PORTFORWARD = 'portforward.k8s.io';
/** SPDY within a WebSocket, as kubectl speaks it. */
const TUNNEL = `SPDY/3.1+${PORTFORWARD}`;

/** The protocols that a client of a port's forwarding may speak, on each carrier. */
export const FORWARD_PROTOCOLS = {
  websocket: [TUNNEL, 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io'],
  spdy: [PORTFORWARD],
} as const;

/** Connections of one client at once, each a process; more are refused one by one. */
const CONNECTIONS_MAX = 256;
/** Ports that a client may name: on a WebSocket each has two of its channels. */
export const PORTS_MAX = 64;
/** How long one half of a forwarded connection is waited for, in milliseconds. */
const PAIRING = 30_000;

/** Carries connections of a client to ports of a pod, until it goes. */
export async function serveForward(
  rooms: Rooms,
  { pod, ports }: Extract<Offer, { kind: 'portforward' }>,
  upgraded: Upgraded,
  asked: number[],
): Promise<void> {
  const record = rooms.pods.get(pod);
  const namespace = rooms.pods.networkNamespace(record) || '-';
  const allowed = (port: number) => ports.length === 0 || ports.includes(port);
  let connections = 0;
  const forward = (stream: ForwardedStream) => {
    if (!allowed(stream.port)) return refuse(stream, `port ${stream.port} was not asked for`);
    if (connections === CONNECTIONS_MAX)
      return refuse(stream, `more than ${CONNECTIONS_MAX} connections are forwarded at once`);
    connections += 1;
    carry(namespace, stream).once('close', () => {
      connections -= 1;
    });
  };
  const { protocol } = upgraded;
  if (upgraded.carrier === 'spdy') return overSpdy(upgraded.connection, forward);
  if (protocol !== TUNNEL) return overChannels(upgraded.connection, protocol, asked, forward);
  const { createWebSocketStream } = await import('ws');
  return overSpdy(createWebSocketStream(upgraded.connection), forward);
}

/** Two streams make a connection: one for its data, one for an error. */
async function overSpdy(connection: Duplex, forward: (stream: ForwardedStream) => void): Promise<void> {
  const halves = new Map<string, { stream: SpdyStream; timer: NodeJS.Timeout }>();
  const session = new SpdySession(connection, (stream) => {
    const { streamtype = '', port = '', requestid } = stream.headers;
    if ((streamtype !== 'data' && streamtype !== 'error') || !/^\d{1,5}$/.test(port))
      return void stream.destroy();
    // Older clients number no requests, and open one connection to a port at a time.
    const key = requestid ?? `port ${port}`;
    const other = halves.get(key);
    if (!other) {
      const timer = setTimeout(() => {
        halves.delete(key);
        stream.destroy();
      }, PAIRING);
      halves.set(key, { stream, timer });
      return;
    }
    clearTimeout(other.timer);
    halves.delete(key);
    const [data, error] = streamtype === 'data' ? [stream, other.stream] : [other.stream, stream];
    forward({ port: Number(port), data, error });
  });
  await session.closed;
  for (const { timer } of halves.values()) clearTimeout(timer);
}

/** Each port has a channel for data and one for an error; the first message on each is the port's number. */
async function overChannels(
  connection: WebSocket,
  protocol: string,
  ports: number[],
  forward: (stream: ForwardedStream) => void,
): Promise<void> {
  const channels = new Channels(connection, protocol.includes('base64'));
  for (const [index, port] of ports.entries()) {
    const data = channels.channel(index * 2);
    const error = channels.channel(index * 2 + 1);
    const number = Buffer.from([port & 0xff, port >> 8]);
    data.write(number);
    error.write(number);
    forward({ port, data, error });
    // To make a process takes a while: others come in between.
    await setImmediate();
  }
  await channels.closed;
}

function refuse({ data, error }: ForwardedStream, text: string): void {
  error.end(text);
  data.end();
  data.resume();
}

/** A process in the pod's network namespace makes the connection. */
function carry(namespace: string, forwarded: ForwardedStream): ChildProcess {
  const { data, error, port } = forwarded;
  const child: ChildProcessWithoutNullStreams = spawn(nativeProgram, ['forward', namespace, String(port)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(0, 1024);
  });
  child.stdin.on('error', () => undefined);
  child.on('error', (cause) => refuse(forwarded, `port ${port} cannot be forwarded: ${cause.message}`));
  data.pipe(child.stdin);
  child.stdout.pipe(data);
  data.once('close', () => child.kill('SIGKILL'));
  child.once('close', (status) => {
    if (status !== 0 && status !== null && !error.destroyed)
      error.end(said || `port ${port} cannot be forwarded`);
    else error.end();
    data.end();
  });
  return child;
}

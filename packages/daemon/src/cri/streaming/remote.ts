import type { Duplex } from 'node:stream';
import type { Offer, RemoteStreams } from './api.ts';
import { Channels } from './channels.ts';
import type { Upgraded } from './handshake.ts';
import { SpdySession, type SpdyStream } from './spdy/session.ts';

/** The protocols that a client of exec and attach may speak, on each carrier. */
export const REMOTE_PROTOCOLS = {
  websocket: [
    'v5.channel.k8s.io',
    'v4.channel.k8s.io',
    'v4.base64.channel.k8s.io',
    'channel.k8s.io',
    'base64.channel.k8s.io',
    '',
  ],
  spdy: [
    'v5.channel.k8s.io',
    'v4.channel.k8s.io',
    'v3.channel.k8s.io',
    'v2.channel.k8s.io',
    'channel.k8s.io',
    '',
  ],
} as const;

/** The channels of a WebSocket, by what they carry. */
const CHANNELS = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;
/** How long a client may take to open its streams, in milliseconds. */
const OPENING = 30_000;
/** Bytes of one size of a terminal, as text. */
const SIZE_MAX = 1024;

type Wanted = Extract<Offer, { kind: 'exec' | 'attach' }>;

/** The streams of a client that was let in. @throws Error when it does not open them. */
export function openRemote(upgraded: Upgraded, wanted: Wanted): Promise<RemoteStreams> {
  return upgraded.carrier === 'websocket' ? overWebSocket(upgraded, wanted) : overSpdy(upgraded, wanted);
}

async function overWebSocket(
  { connection, protocol }: Extract<Upgraded, { carrier: 'websocket' }>,
  wanted: Wanted,
): Promise<RemoteStreams> {
  const channels = new Channels(connection, protocol.includes('base64'));
  const open = (name: keyof typeof CHANNELS) => channels.channel(CHANNELS[name]);
  const error = open('error');
  const resize = wanted.tty ? open('resize') : undefined;
  return {
    stdin: wanted.stdin ? open('stdin') : undefined,
    stdout: wanted.stdout ? open('stdout') : undefined,
    stderr: wanted.stderr ? open('stderr') : undefined,
    finish: (status) => written(error, protocol.startsWith('v') ? status : plainly(status)),
    onResize: (resized) => resize && readSizes(resize, resized),
    gone: channels.closed,
    close: () => channels.close(),
  };
}

async function overSpdy(
  { connection, protocol }: Extract<Upgraded, { carrier: 'spdy' }>,
  wanted: Wanted,
): Promise<RemoteStreams> {
  const awaited = new Set<string>(['error']);
  for (const name of ['stdin', 'stdout', 'stderr'] as const) if (wanted[name]) awaited.add(name);
  const sized = wanted.tty && /^v[345]/.test(protocol);
  if (sized) awaited.add('resize');
  const streams = new Map<string, SpdyStream>();
  const all = Promise.withResolvers<void>();
  const session = new SpdySession(connection, (stream) => {
    const name = stream.headers['streamtype'] ?? '';
    if (!awaited.has(name) || streams.has(name)) return void stream.destroy();
    streams.set(name, stream);
    if (streams.size === awaited.size) all.resolve();
  });
  const timer = setTimeout(() => all.reject(new Error('the client did not open its streams')), OPENING);
  void session.closed.then(() => all.reject(new Error('the client is gone')));
  try {
    await all.promise;
  } catch (error) {
    session.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  const error = streams.get('error')!;
  const resize = streams.get('resize');
  return {
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout'),
    stderr: streams.get('stderr'),
    finish: (status) => written(error, /^v[45]/.test(protocol) ? status : plainly(status)),
    onResize: (resized) => resize && readSizes(resize, resized),
    gone: session.closed,
    close: () => session.close(),
  };
}

/** Protocols before v4 are told a failure's text, and of a success nothing. */
function plainly(status: string): string {
  const { status: how, message = '' } = JSON.parse(status) as { status: string; message?: string };
  return how === 'Success' ? '' : message;
}

function written(stream: Duplex, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', () => resolve());
    stream.end(text, () => resolve());
  });
}

/** Sizes come as JSON values one after another. */
function readSizes(stream: Duplex, resized: (height: number, width: number) => void): void {
  let held = '';
  stream.on('data', (chunk: Buffer) => {
    held += chunk.toString();
    for (let end = held.indexOf('}'); end >= 0; end = held.indexOf('}')) {
      const value = held.slice(0, end + 1);
      held = held.slice(end + 1);
      try {
        const { Height, Width } = JSON.parse(value) as { Height: unknown; Width: unknown };
        if (typeof Height === 'number' && typeof Width === 'number') resized(Height, Width);
      } catch {
        // It is no size.
      }
    }
    if (held.length > SIZE_MAX) held = '';
  });
}

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { allRead, hungUp } from '@berth/native/ffi.ts';

/** How long a client may go on sending what nobody reads before its connection is closed, in milliseconds. */
const DISCARD_AT_MOST = 10_000;
/** A client that has sent nothing for so long, in milliseconds, has sent all. */
const SILENCE = 1000;

/**
 * Ends a raw connection after what was written to it. What the client still sends is read and thrown away for a while:
 * a socket that is closed with unread input resets its peer, who then loses the output that it has not read yet.
 */
export function endConnection(connection: Duplex): void {
  if (connection.destroyed) return;
  connection.end();
  const close = () => connection.destroy();
  if (connection.readableEnded) {
    connection.once('finish', close);
    if (connection.writableFinished) close();
    return;
  }
  const limit = setTimeout(close, DISCARD_AT_MOST);
  let silence = setTimeout(close, SILENCE);
  connection.on('data', () => {
    clearTimeout(silence);
    silence = setTimeout(close, SILENCE);
  });
  connection.once('end', () => {
    if (connection.writableFinished) close();
    else connection.once('finish', close);
  });
  connection.once('close', () => {
    clearTimeout(limit);
    clearTimeout(silence);
  });
  connection.resume();
}

/** How often clients that have ended their input are looked at, in milliseconds. */
const LOOK = 1000;

/** The watched connections, each with the callback for when its client has gone. */
const watched = new Map<Duplex, () => void>();
let timer: NodeJS.Timeout | undefined;

/**
 * Calls `gone` once a client has closed its connection altogether, which Node does not tell of one whose input has ended
 * (a half close, by which many clients only say that they send nothing) or is not read. Returns what ends the watch.
 */
export function whenGone(connection: Duplex, gone: () => void): () => void {
  watched.set(connection, gone);
  look([connection]);
  if (watched.size > 0) timer ??= setInterval(() => look([...watched.keys()]), LOOK).unref();
  return () => {
    watched.delete(connection);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function look(connections: Duplex[]): void {
  const open = connections.flatMap((connection) => {
    const fd = descriptor(connection);
    return fd === undefined ? [] : [{ connection, fd }];
  });
  const over = hungUp(open.map(({ fd }) => fd));
  open.forEach(({ connection }, index) => {
    if (over[index]) watched.get(connection)?.();
  });
}

/** How long the head of an answer may wait to be read before what follows it is sent all the same, in milliseconds. */
const HEAD_AT_MOST = 100;

/**
 * Resolves when a client on a socket of the file system has read what it was sent. Clients exist (docker-py) that read an
 * answer's head through a buffer and what follows it from the socket itself: what is in that buffer by then, they lose.
 */
export async function whenRead(connection: Duplex): Promise<void> {
  if (!(connection instanceof Socket) || connection.remoteAddress !== undefined) return;
  for (let waited = 0; waited < HEAD_AT_MOST; waited += 1) {
    const fd = descriptor(connection);
    if (fd === undefined || allRead(fd)) return;
    await sleep(1);
  }
}

/** The descriptor of a socket; undefined for what is none, or is closed. */
function descriptor(connection: Duplex): number | undefined {
  const fd = (connection as { _handle?: { fd?: number } | null })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}

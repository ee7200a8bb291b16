import type { Duplex } from 'node:stream';

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

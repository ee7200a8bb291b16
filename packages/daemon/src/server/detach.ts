import type { Socket } from 'node:net';

/**
 * The one place that knows Node's HTTP server from inside: how a connection whose request was read is taken away from its
 * parser. Node offers that (`upgrade`) only for requests that ask for it in a header, and attach and exec of old clients
 * do not. `detach.test.ts` says whether a new version of Node still behaves.
 */

/** Takes a connection from its HTTP parser: nothing of HTTP listens to it any more, its bytes stay unread. */
export function detachParser(socket: Socket): void {
  // Listening for data is what makes the parser give the handle back.
  socket.on('data', () => undefined);
  for (const event of ['data', 'end', 'close', 'drain', 'error', 'timeout', 'pause', 'resume'])
    socket.removeAllListeners(event);
  const owned = socket as unknown as { parser: { remove?(): void; socket?: unknown } | null };
  owned.parser?.remove?.();
  if (owned.parser) owned.parser.socket = null;
  owned.parser = null;
  stopFlowing(socket);
}

/** Makes a stream that was read by listeners one that nobody reads yet: whoever comes next gets every byte. */
export function stopFlowing(socket: Socket): void {
  (socket as unknown as { readableFlowing: boolean | null }).readableFlowing = null;
}

/** Whether a response to the request on this connection has begun. */
export function hasAnswered(socket: Socket): boolean {
  return (socket as { _httpMessage?: { headersSent: boolean } })._httpMessage?.headersSent ?? false;
}

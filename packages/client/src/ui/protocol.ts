/**
 * The frames between the page and `berth ui` on the one WebSocket that carries all streams of the engine: events,
 * numbers, logs, progress, terminals. A stream is a request to the engine under a number that the page chose.
 *
 * Texts are JSON of the types below. A binary frame is the stream's number (4 bytes, big endian) and bytes of it, in either
 * direction. The engine's bytes are sent as long as the page has not more than WINDOW of them unread: a page that
 * cannot keep up slows its stream down, and no other one.
 */
export type FromPage =
  /** Makes a request. With `upgrade` the connection becomes a stream in both directions, as attach and exec have it. */
  | { open: number; method: 'GET' | 'POST'; path: string; body?: unknown; upgrade?: boolean }
  /** So many more bytes of a stream have been read. */
  | { read: number; bytes: number }
  /** The page wants nothing more of a stream. */
  | { close: number };

export type ToPage =
  /** The engine's answer began. */
  | { head: number; status: number; type: string }
  /** A stream ended; with an error when it broke. */
  | { end: number; error?: string };

/** Bytes of one stream that may be on their way unread. */
export const WINDOW = 256 * 1024;

/** The subprotocol of the WebSocket; the other one that the page offers is its key. */
export const PROTOCOL = 'berth';

/** The header that carries the page's key. */
export const KEY_HEADER = 'x-berth-key';

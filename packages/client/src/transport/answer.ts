import type { Duplex } from 'node:stream';
import type { Body } from './body.ts';

/** An answer of the daemon, once its header is here. */
export interface Answer {
  status: number;
  reason: string;
  headers: Record<string, string>;
  body: Body;
  /** Taken over after a 101 or a successful attach: the raw connection; bytes that came early are unshifted. */
  socket?: Duplex;
}

/** The header of an answer, and what it says of the body and the connection. */
interface AnswerHead extends Pick<Answer, 'status' | 'reason' | 'headers'> {
  /** Another request may follow on the connection. */
  keepAlive: boolean;
  chunked: boolean;
  /** Bytes of the body, where they are told. */
  length: number | undefined;
}

/** Reads the header of an answer, without the empty line at its end. @throws Error for what is no HTTP/1 */
export function readHead(text: string): AnswerHead {
  const [first, ...lines] = text.split('\r\n');
  const start = /^HTTP\/1\.([01]) (\d{3}) ?(.*)$/.exec(first!);
  if (!start)
    throw new Error(
      `malformed HTTP response ${JSON.stringify(first!.slice(0, 60))}: is this the daemon's socket?`,
    );
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const length = headers['content-length'];
  if (length !== undefined && !(/^\d+$/.test(length) && Number.isSafeInteger(Number(length))))
    throw new Error(`the daemon sent a body of ${JSON.stringify(length.slice(0, 40))} bytes`);
  return {
    status: Number(start[2]),
    reason: start[3]!,
    headers,
    keepAlive: start[1] !== '0' && headers['connection']?.toLowerCase() !== 'close',
    chunked: headers['transfer-encoding']?.toLowerCase().includes('chunked') ?? false,
    length: length === undefined ? undefined : Number(length),
  };
}

import { codec } from './codec.ts';

/* Status codes of gRPC (google.rpc.Code). */
export const OK = 0;
export const CANCELLED = 1;
export const UNKNOWN = 2;
export const RESOURCE_EXHAUSTED = 8;
export const UNIMPLEMENTED = 12;
export const INTERNAL = 13;
export const UNAVAILABLE = 14;

/** A detail of an error: a message, and the name of its type. */
export interface StatusDetail {
  type_url: string;
  value: Buffer;
}

/** A call that ended with another status than OK. */
export class GrpcError extends Error {
  readonly code: number;
  /** The details of the status (google.rpc.Status), which a client's library unpacks into typed errors. */
  readonly details: readonly StatusDetail[];

  constructor(code: number, message: string, details: readonly StatusDetail[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** A block of headers that is longer is not sent: the stream is reset in its place. */
export const MAX_HEADERS = 256 * 1024;

/** UTF-16 units of a message: percent-encoded, each becomes nine bytes at most. */
const maxMessage = 6 * 1024;

/**
 * The trailers that tell how a call ended. They fit into `MAX_HEADERS`: of a message that is too long the middle is left out, and
 * details that do not fit beside the message are left out.
 */
export function trailersOf(code: number, message: string, details: readonly StatusDetail[]) {
  const text = shortened(message);
  const trailers: Record<string, string> = {
    'grpc-status': String(code),
    'grpc-message': encodeMessage(text),
  };
  if (details.length === 0) return trailers;
  const told = status.encode('Status', { code, message: text, details }).toString('base64');
  // The names and the framing of each header take less than 1 KiB.
  const room = MAX_HEADERS - 1024 - trailers['grpc-message']!.length;
  if (told.length <= room) trailers['grpc-status-details-bin'] = told;
  return trailers;
}

/** A message without its middle where it is too long: errors of programs end with the reason. */
function shortened(message: string): string {
  if (message.length <= maxMessage) return message;
  const half = maxMessage / 2 - 4;
  return `${message.slice(0, half)} [...] ${message.slice(-half)}`;
}

/** The error that a call ended with, by its trailers; undefined for none. `UNAVAILABLE` where there are no trailers. */
export function errorOf(trailers: Record<string, unknown>): GrpcError | undefined {
  const code = Number(trailers['grpc-status'] ?? UNAVAILABLE);
  if (code === OK) return undefined;
  return new GrpcError(
    code,
    decodeMessage(String(trailers['grpc-message'] ?? 'the session is gone')),
    detailsOf(trailers['grpc-status-details-bin']),
  );
}

/** google.rpc.Status, which carries the details of an error. */
const status = codec({
  Any: { type_url: '1 string', value: '2 bytes' },
  Status: { code: '1 int32', message: '2 string', details: '3 repeated Any' },
});

/** Percent-encoding of gRPC's status message: everything but printable ASCII, and `%`. */
const encodeMessage = (text: string) =>
  text.replace(/[^\x20-\x7e]|%/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join(''),
  );

const decodeMessage = (text: string) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** The details of a status (google.rpc.Status, base64 with or without padding); none where they cannot be read. */
function detailsOf(header: unknown): StatusDetail[] {
  if (typeof header !== 'string') return [];
  try {
    return status.decode('Status', Buffer.from(header, 'base64')).details;
  } catch {
    return [];
  }
}

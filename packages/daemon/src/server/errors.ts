import { BerthError, type ErrorKind } from '../base/errors.ts';

const STATUS: Record<ErrorKind, number> = {
  'invalid-parameter': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'not-acceptable': 406,
  conflict: 409,
  'not-modified': 304,
  unsupported: 501,
  unavailable: 503,
  system: 500,
};

/** Advice for errors of the kernel that any write may meet. */
const ADVICE: Record<string, string> = {
  ENOSPC: 'make room there, removals are still possible',
  EDQUOT: 'make room there, or raise the quota',
  EROFS: 'make its file system writable again; the kernel log says why it is not',
};

/** The status and the message that a client gets for an error, the one place where kinds become HTTP. */
export function toHttp(error: unknown): { status: number; message: string } {
  if (error instanceof BerthError) return { status: STATUS[error.kind], message: error.message };
  const { statusCode, message, code } = error as { statusCode?: number; message?: string; code?: string };
  const advice = ADVICE[code ?? ''];
  return { status: statusCode ?? 500, message: (message ?? String(error)) + (advice ? `: ${advice}` : '') };
}

import { GrpcError } from '@berth/grpc';
import { BerthError, type ErrorKind } from '../base/errors.ts';

/** Status codes of gRPC (https://grpc.io/docs/guides/status-codes/). */
export const code = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const CODES: Record<ErrorKind, number> = {
  'invalid-parameter': code.invalidArgument,
  unauthorized: code.unauthenticated,
  forbidden: code.permissionDenied,
  'not-found': code.notFound,
  'not-acceptable': code.invalidArgument,
  conflict: code.failedPrecondition,
  'not-modified': code.failedPrecondition,
  unsupported: code.unimplemented,
  unavailable: code.unavailable,
  system: code.unknown,
};

/** An error of this engine as a client of the Container Runtime Interface gets it. */
export function grpcError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  if (error instanceof BerthError) return new GrpcError(CODES[error.kind], error.message);
  return new GrpcError(code.unknown, error instanceof Error ? error.message : String(error));
}

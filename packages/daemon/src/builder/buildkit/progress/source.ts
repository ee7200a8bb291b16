import { GrpcError } from '@berth/grpc';
import { locationOf } from '../../../dockerfile/location.ts';

/** Lines that clients show on either side of the ones an error is about. */
const around = 4;
/** A status with its details is one header: what is larger is cut down to the lines that are shown, and so many of their bytes. */
const maxData = 16 * 1024;

/**
 * The error as a client gets it: with the lines of the Dockerfile it is about, where there are some, as BuildKit's
 * `errdefs.Source` in the status' details.
 */
export function withSource(error: unknown, filename: string, text: string): unknown {
  const at = locationOf(error);
  if (!at || !(error instanceof Error)) return error;
  let data = text;
  if (data.length > maxData) {
    // The lines before are there, empty: clients count them. Those behind are not.
    const first = Math.max(at.line - 1 - around, 0);
    const shown = text.split('\n').slice(first, at.endLine + around);
    data = '\n'.repeat(first) + shown.join('\n').slice(0, maxData);
  }
  const source = {
    info: { filename, data: Buffer.from(data).toString('base64'), language: 'Dockerfile' },
    ranges: [{ start: { line: at.line }, end: { line: at.endLine } }],
  };
  return new GrpcError(error instanceof GrpcError ? error.code : 2, error.message, [
    {
      type_url: 'github.com/moby/buildkit/errdefs.Source+json',
      value: Buffer.from(JSON.stringify(source)),
    },
  ]);
}

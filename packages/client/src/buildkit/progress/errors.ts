import { GrpcError } from '@berth/grpc';
import type { BuildState } from './state.ts';

/** Lines of a Dockerfile on either side of the ones an error is about, as BuildKit shows them. */
const AROUND = 3;

interface Source {
  info: { filename: string; data: string };
  ranges: Array<{ start: { line: number }; end?: { line?: number } }>;
}

/** The text of a failed build: the last output of the step that failed, its lines in the Dockerfile, and the reason. */
export function failureText(error: Error, state: BuildState, wide: boolean): string {
  const parts: string[] = [];
  const failed = state.failed();
  if (failed && failed.tail.length > 0) {
    const rule = '------';
    const lines = failed.tail.map(({ at, text }) =>
      wide ? `${((at - failed.started) / 1000).toFixed(3)} ${text}` : text,
    );
    parts.push(`${rule}\n > ${failed.name}:\n${lines.join('\n')}\n${rule}`);
  }
  if (error instanceof GrpcError)
    for (const { type_url, value } of error.details)
      if (String(type_url).startsWith('github.com/moby/buildkit/errdefs.Source')) parts.push(excerpt(value));
  parts.push(`ERROR: failed to solve: ${error.message}`);
  return parts.filter(Boolean).join('\n');
}

/** The lines of the Dockerfile that an error is about, marked, with those around them. */
function excerpt(value: Buffer): string {
  let source: Source;
  try {
    source = JSON.parse(value.toString()) as Source;
  } catch {
    return '';
  }
  const lines = Buffer.from(source.info.data, 'base64').toString().split('\n');
  const [first] = source.ranges;
  if (!first) return '';
  const [from, to] = [first.start.line, first.end?.line || first.start.line];
  const rule = '-'.repeat(20);
  const shown: string[] = [];
  for (let number = Math.max(1, from - AROUND); number <= Math.min(lines.length, to + AROUND); number++) {
    const text = lines[number - 1]!;
    if (number === lines.length && text === '') continue;
    shown.push(`${String(number).padStart(4)} | ${number >= from && number <= to ? '>>>' : '   '} ${text}`);
  }
  return `${source.info.filename}:${from}\n${rule}\n${shown.join('\n')}\n${rule}`;
}

/** The warnings of a build, one a line. */
export function warningText(state: BuildState): string {
  const { warnings } = state;
  if (warnings.length === 0) return '';
  const lines = warnings.map(({ text, url }) => ` - ${text}${url ? ` (${url})` : ''}`);
  return `\n ${warnings.length} warning${warnings.length === 1 ? '' : 's'} found:\n${lines.join('\n')}\n`;
}

import type { Reply } from './connection.ts';
import type { Box } from './model.ts';

/**
 * A container's output as runs: each counts from 1 on, but for the first, whose begin may have been rotated away. With
 * `gaps` numbers may be missing, but none comes back.
 */
export function runs(lines: string[], gaps = false): { runs: string[][]; broken: string | undefined } {
  const found: string[][] = [];
  let last = 0;
  for (const line of lines) {
    const number = Number(line);
    if (!/^\d+$/.test(line)) return { runs: found, broken: `"${line.slice(0, 80)}" is no number` };
    if (number === 1) found.push([]);
    else if (found.length > 0 && (gaps ? number <= last : number !== last + 1))
      return { runs: found, broken: `${number} follows ${last}` };
    else if (found.length === 0) found.push([]);
    found.at(-1)!.push(line);
    last = number;
  }
  return { runs: found, broken: undefined };
}

/** The lines of standard output in a reply of `logs`. */
export function logLines({ body }: Reply): string[] {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= body.length; ) {
    const size = body.readUInt32BE(at + 4);
    parts.push(body.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return Buffer.concat(parts).toString('latin1').split('\n').filter(Boolean);
}

/** The fault in the stored output of a box; undefined when there is none. */
export function brokenLog(box: Box, lines: string[]): string | undefined {
  if (box.program.kind === 'idle') return lines.length > 0 ? `an idle one wrote ${lines[0]}` : undefined;
  const rotated = box.request.HostConfig.LogConfig.Config['max-size'] !== undefined;
  const { runs: found, broken } = runs(lines);
  if (broken) return box.cut ? undefined : broken;
  if (!rotated && !box.cut && found[0] && found[0][0] !== '1') return `begins with ${found[0][0]}`;
  const most = box.starts + box.perhapsStarted;
  if (found.length > most) return `${found.length} runs in the log of ${most} starts`;
  if (box.program.kind === 'short' && box.is('exited') && box.codes?.has(box.program.code) && !box.cut) {
    const { lines: wanted } = box.program;
    const length = found.at(-1)?.at(-1) ?? '0';
    if (box.starts > 0 && box.perhapsStarted === 0 && Number(length) !== wanted)
      return `ends at ${length} of ${wanted}`;
  }
  return undefined;
}

/**
 * The fault in followed output beside the stored one; undefined when there is none. A follower of a log that is rotated
 * misses what is rotated away before it comes to it: a program can write faster than any client reads.
 */
export function brokenFollower(
  lines: string[],
  stored: string[],
  { whole, rotated }: { whole: boolean; rotated: boolean },
): string | undefined {
  const { broken, runs: found } = runs(lines, rotated);
  if (broken) return broken;
  if (whole && !rotated && found[0] && found[0][0] !== '1') return `begins with ${found[0][0]}`;
  const last = Number(lines.at(-1) ?? 0);
  const most = Math.max(0, ...runs(stored).runs.map((run) => Number(run.at(-1))));
  return last > most ? `tells line ${last}, and the log ends at ${most}` : undefined;
}

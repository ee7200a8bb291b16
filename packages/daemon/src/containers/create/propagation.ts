import { readFile, realpath } from 'node:fs/promises';
import { invalidParameter } from '../../base/errors.ts';
import type { MountPoint } from '../model/types.ts';

/** A line of mountinfo: where it is mounted, and how it propagates (`shared:1 master:2`). */
interface Mounted {
  place: string;
  optional: string;
}

/**
 * Mounts can propagate only through a source that is itself on a shared mount, or, one way, on a slave.
 * @throws system with dockerd's text
 */
export async function checkPropagation(point: MountPoint, dataRoot: string): Promise<void> {
  const kind = point.Propagation.replace(/^r/, '');
  if (kind !== 'shared' && kind !== 'slave') return;
  const source = await realpath(point.Source).catch(() => point.Source);
  const { place, optional } = mountOf(source, await readFile('/proc/self/mountinfo', 'utf8'));
  if (/\bshared:/.test(optional)) return;
  const refuse = (what: string) =>
    invalidParameter(`path ${point.Source} is mounted on ${place} but it is not a ${what} mount`);
  if (kind === 'shared') throw refuse('shared');
  if (/\bmaster:/.test(optional)) return;
  // These are slaves without having been asked to be: on a private mount they are private.
  if (point.Source.startsWith(dataRoot) || dataRoot.startsWith(point.Source)) return;
  throw refuse('shared or slave');
}

/** The mount that a path is on: of the deepest, the one mounted last. */
export function mountOf(path: string, table: string): Mounted {
  let found: Mounted = { place: '/', optional: '' };
  for (const line of table.split('\n')) {
    const [front = ''] = line.split(' - ');
    const fields = front.split(' ');
    const place = (fields[4] ?? '').replaceAll(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const above = place === '/' || path === place || path.startsWith(`${place}/`);
    if (!place || !above || place.length < found.place.length) continue;
    found = { place, optional: fields.slice(6).join(' ') };
  }
  return found;
}

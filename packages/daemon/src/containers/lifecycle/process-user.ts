import { readFileSync } from 'node:fs';
import type { IdRange } from '../../pods/api.ts';

/** The ids of a process, as its user namespace has them; undefined for one that is gone. */
export function processUser(
  pid: number,
  users?: { uids: IdRange[]; gids: IdRange[] },
): { uid: number; gid: number; groups: number[] } | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return undefined;
  }
  const numbers = (name: string) =>
    (new RegExp(`^${name}:(.*)$`, 'm').exec(status)?.[1] ?? '')
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .map(Number);
  const [uid] = numbers('Uid');
  const [gid] = numbers('Gid');
  if (uid === undefined || gid === undefined) return undefined;
  return {
    uid: inside(uid, users?.uids),
    gid: inside(gid, users?.gids),
    groups: numbers('Groups').map((group) => inside(group, users?.gids)),
  };
}

function inside(id: number, ranges: IdRange[] | undefined): number {
  const range = ranges?.find(({ hostID, size }) => id >= hostID && id < hostID + size);
  return range ? id - range.hostID + range.containerID : id;
}

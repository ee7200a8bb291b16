import { readFileSync } from 'node:fs';
import { systemError } from '../errors.ts';

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface Remapping {
  uids: IdMapping[];
  gids: IdMapping[];
}

/** The user that `--userns-remap=default` stands for. */
const DEFAULT_USER = 'dockremap';

/**
 * The id ranges of `--userns-remap USER[:GROUP]`, from /etc/subuid and /etc/subgid.
 * @returns undefined when nothing is to be remapped.
 * @throws system when the user has no ranges.
 */
export function readRemapping(
  option: string,
  files = { subuid: '/etc/subuid', subgid: '/etc/subgid' },
): Remapping | undefined {
  if (option === '') return undefined;
  const [user = '', group] = option === 'default' ? [DEFAULT_USER] : option.split(':');
  return { uids: ranges(files.subuid, user), gids: ranges(files.subgid, group ?? user) };
}

function ranges(file: string, name: string): IdMapping[] {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw systemError(`Can't create ID mappings: ${(cause as Error).message}`, cause);
  }
  const mappings: IdMapping[] = [];
  let next = 0;
  for (const line of text.split('\n')) {
    const [owner, first, count] = line.trim().split(':');
    if (owner !== name || !/^\d+$/.test(first ?? '') || !/^\d+$/.test(count ?? '')) continue;
    mappings.push({ containerID: next, hostID: Number(first), size: Number(count) });
    next += Number(count);
  }
  if (mappings.length === 0)
    throw systemError(
      `Can't create ID mappings: no ${file.endsWith('subuid') ? 'subuid' : 'subgid'} ranges found for user "${name}"`,
    );
  return mappings;
}

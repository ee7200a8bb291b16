import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { systemError } from '../base/errors.ts';
import type { IdMapping } from './oci/config.ts';

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
  if (option === 'default') makeDefaultUser(files);
  return { uids: ranges(files.subuid, user), gids: ranges(files.subgid, group ?? user) };
}

/** The default user is made where it is missing, as dockerd makes it. */
function makeDefaultUser(files: { subuid: string; subgid: string }): void {
  const passwd = readFileSync('/etc/passwd', 'utf8');
  if (!new RegExp(`^${DEFAULT_USER}:`, 'm').test(passwd))
    run('useradd', '-r', '-s', '/bin/false', DEFAULT_USER);
  for (const kind of ['subuid', 'subgid'] as const) {
    const text = existsSync(files[kind]) ? readFileSync(files[kind], 'utf8') : '';
    if (parseRanges(text, DEFAULT_USER).length > 0) continue;
    const first = nextRange(text);
    run('usermod', `--add-${kind}s`, `${first}-${first + RANGE - 1}`, DEFAULT_USER);
  }
}

/** Milliseconds for a program that changes a file of users; it may wait for the file's lock. */
const PROGRAM_LIMIT = 60_000;

function run(program: string, ...args: string[]): void {
  const { status, error, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: PROGRAM_LIMIT,
    killSignal: 'SIGKILL',
  });
  if (status !== 0)
    throw systemError(
      `couldn't create user or group for "${DEFAULT_USER}": ${program}: ${error?.message ?? stderr.trim()}`,
    );
}

/** As many ids as a new range has. */
const RANGE = 65536;

/** The beginning of a new range: behind all that there are. */
export function nextRange(text: string): number {
  let next = 100_000;
  for (const line of text.split('\n')) {
    const [, first, count] = line.trim().split(':');
    const end = Number(first) + Number(count);
    if (end > next) next = end;
  }
  return next;
}

function ranges(file: string, name: string): IdMapping[] {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw systemError(`Can't create ID mappings: ${(cause as Error).message}`, cause);
  }
  const mappings = parseRanges(text, name);
  if (mappings.length === 0)
    throw systemError(
      `Can't create ID mappings: no ${file.endsWith('subuid') ? 'subuid' : 'subgid'} ranges found for user "${name}"`,
    );
  return mappings;
}

function parseRanges(text: string, name: string): IdMapping[] {
  const mappings: IdMapping[] = [];
  let next = 0;
  for (const line of text.split('\n')) {
    const [owner, first, count] = line.trim().split(':');
    if (owner !== name || !/^\d+$/.test(first ?? '') || !/^\d+$/.test(count ?? '')) continue;
    mappings.push({ containerID: next, hostID: Number(first), size: Number(count) });
    next += Number(count);
  }
  return mappings;
}

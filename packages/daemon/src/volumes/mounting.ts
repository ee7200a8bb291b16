import { execFile } from 'node:child_process';
import { getServers } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { systemError } from '../base/errors.ts';

const run = promisify(execFile);

/** mount(2)'s flags by the words of mount(8). */
const FLAGS: Record<string, number> = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  sync: 0x10,
  remount: 0x20,
  mand: 0x40,
  dirsync: 0x80,
  noatime: 0x400,
  nodiratime: 0x800,
  bind: 0x1000,
  rbind: 0x5000,
  relatime: 0x200000,
  strictatime: 0x1000000,
};

/** The messages of mount(8), with the kernel's words that dockerd has for the same. */
const REASONS: ReadonlyArray<[RegExp, string]> = [
  [/does not exist|mount point does not exist/, 'no such file or directory'],
  [/unknown filesystem type/, 'no such device'],
  [/is not a block device/, 'block device required'],
  [/wrong fs type, bad option/, 'invalid argument'],
  [/permission denied|must be superuser/, 'permission denied'],
  [/already mounted|busy/, 'device or resource busy'],
];

/**
 * Mounts what a volume's options name at its folder.
 * @throws system with dockerd's text, in which a password is covered.
 */
export async function mountOptions(target: string, options: Record<string, string>): Promise<void> {
  const { type = 'none', device = '' } = options;
  const o = await withAddress(target, type, options['o'] ?? '');
  try {
    await run('mount', ['-t', type, ...(o ? ['-o', o] : []), '--', device, target]);
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr || (error as Error).message);
    const text = `error while mounting volume '${target}': failed to mount local volume: ${describe(device, target, o)}: ${reason(said)}`;
    throw systemError(text.replaceAll(/password=[^,\s:]*/g, 'password=********'));
  }
}

/** Takes such a mount away, as soon as nothing uses it any more. */
export async function unmountOptions(target: string): Promise<void> {
  await run('umount', ['-l', target]).catch(() => undefined);
}

/** The options of a network's file system: the kernel knows addresses only, and asks no name server. */
async function withAddress(target: string, type: string, o: string): Promise<string> {
  const host = type === 'nfs' || type === 'cifs' ? /(?:^|,)addr=([^,]+)/.exec(o)?.[1] : undefined;
  if (host === undefined || isIP(host) !== 0) return o;
  try {
    const { address } = await lookup(host);
    return o.replace(`addr=${host}`, `addr=${address}`);
  } catch (error) {
    const server = getServers()[0];
    const at = server === undefined ? '' : ` on ${server.includes(':') ? server : `${server}:53`}`;
    const why = (error as { code?: string }).code === 'ENOTFOUND' ? 'no such host' : 'server misbehaving';
    throw systemError(
      `error while mounting volume '${target}': error resolving passed in network volume address: lookup ${host}${at}: ${why}`,
      error,
    );
  }
}

function describe(device: string, target: string, o: string): string {
  const words = o.split(',').filter(Boolean);
  const flags = words.reduce((sum, word) => sum | (FLAGS[word] ?? 0), 0);
  const data = words.filter((word) => !Object.hasOwn(FLAGS, word)).join(',');
  return `mount ${device}:${target}${flags ? `, flags: 0x${flags.toString(16)}` : ''}${data ? `, data: ${data}` : ''}`;
}

function reason(said: string): string {
  for (const [pattern, words] of REASONS) if (pattern.test(said)) return words;
  const [first = ''] = said.trim().split('\n');
  return first.replace(/^mount: /, '').replace(/\.$/, '');
}

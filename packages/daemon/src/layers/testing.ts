import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { openStore, type Store } from '../store/index.ts';
import type { Change, Layers } from './api.ts';
import { openLayers } from './index.ts';

/** For the tests of this room: a place of its own, tars made by hand, and real mounts of the results. */
export interface Bench {
  root: string;
  store: Store;
  layers: Layers;
  /** Opens the same folder again, as the next daemon would. */
  reopen(): Promise<Layers>;
  close(): Promise<void>;
}

export const BINARY = fileURLToPath(new URL('../../../native/build/berth-native', import.meta.url));

/** Opens a room of layers of that driver in a temporary folder, which `close` removes. */
export async function openBench(driver: 'erofs' | 'folder'): Promise<Bench> {
  const root = mkdtempSync(join(tmpdir(), 'berth-layers-'));
  const store: Store = openStore(join(root, 'berth.db'));
  const open = () =>
    openLayers({
      root: join(root, 'layers'),
      binary: BINARY,
      store,
      storageOpts: [`berth.layers=${driver}`],
    });
  const bench: Bench = {
    root,
    store,
    layers: await open(),
    async reopen() {
      bench.layers = await open();
      return bench.layers;
    },
    async close() {
      // Files that were thrown away go a moment later.
      await new Promise((resolve) => setTimeout(resolve, 60));
      store.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return bench;
}

export interface Member {
  name: string;
  type?: string;
  mode?: number;
  uid?: number;
  link?: string;
  content?: string | Buffer;
  mtime?: number;
  /** Written into a pax header before the member. */
  pax?: Record<string, string>;
  /** Overrides what the header says. */
  size?: number;
  major?: number;
  minor?: number;
}

/** A tar of these members, made as plainly as possible, so that it can be as wrong as a test wants. */
export function tarOf(members: Member[], { trailer = true } = {}): Buffer {
  const parts: Buffer[] = [];
  for (const member of members) {
    if (member.pax) {
      const records = Object.entries(member.pax).map(([key, value]) => record(key, value));
      const body = Buffer.concat(records.map((text) => Buffer.from(text)));
      parts.push(header({ name: 'pax', type: 'x' }, body.length), padded(body));
    }
    const body = Buffer.from(member.content ?? '');
    parts.push(header(member, member.size ?? body.length), padded(body));
  }
  if (trailer) parts.push(Buffer.alloc(1024));
  return Buffer.concat(parts);
}

export const stream = (bytes: Buffer): Readable => Readable.from([bytes], { objectMode: false });

function record(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 511)]);
}

function header(member: Member, size: number): Buffer {
  const block = Buffer.alloc(512);
  const octal = (at: number, width: number, value: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  block.write(member.name.slice(0, 100), 0);
  octal(100, 8, member.mode ?? (member.type === '5' ? 0o755 : 0o644));
  octal(108, 8, member.uid ?? 0);
  octal(116, 8, member.uid ?? 0);
  octal(124, 12, size);
  octal(136, 12, member.mtime ?? 1700000000);
  block.write(member.type ?? '0', 156);
  block.write((member.link ?? '').slice(0, 100), 157);
  block.write('ustar\0' + '00', 257, 'latin1');
  octal(329, 8, member.major ?? 0);
  octal(337, 8, member.minor ?? 0);
  block.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Runs a shell script in the container's root, mounted by mount(8) in a mount namespace of its own. */
export function inRoot(layers: Layers, owner: string, script: string): string {
  const { lower, upper, work } = layers.rootFilesystem(owner);
  const lines = ['set -e', 'mount -t tmpfs stage /mnt', 'cd /mnt', 'mkdir root'];
  lower.forEach((layer, index) => {
    lines.push(`mkdir ${index}`);
    if (layer.kind === 'folder') lines.push(`mount --bind ${layer.path} ${index}`);
    else lines.push(`mount -t erofs -o ro,device=${layer.devices[0]} ${layer.image} ${index}`);
  });
  lines.push(
    `mount -t overlay -o lowerdir=${lower.map((_, index) => index).join(':')},upperdir=${upper},workdir=${work} overlay root`,
    'cd root',
    script,
  );
  return execFileSync('unshare', ['-m', 'sh', '-c', lines.join('\n')], { encoding: 'utf8' });
}

/** Lists a tar as `ls` would. */
export function listed(tar: Buffer, root: string): string[] {
  const file = join(root, 'listed.tar');
  writeFileSync(file, tar);
  return execFileSync('tar', ['-tPvf', file, '--numeric-owner', '--full-time', '--utc'], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' '));
}

/** The changes of a container's files, as `docker diff` shows them. */
export const changesOf = async ({ layers }: Bench, owner: string): Promise<Change[]> =>
  JSON.parse(Buffer.concat(await layers.changes(owner)).toString());

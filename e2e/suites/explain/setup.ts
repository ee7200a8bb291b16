import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';
import { tarOfEntries } from '../../support/tar.ts';

export let daemon: TestDaemon;
/** A folder of a full disk. */
export let full: string;
/** A table of somebody else's firewall. */
export const table = `why-${process.pid}`;

/** A table of it for one case alone. */
export const fence = `fence-${process.pid}`;
/** Folders where a file system of the host was mounted. */
const mounted: string[] = [];

/** Members of a request to create a container. */
export type Options = Record<string, unknown>;

/** Starts a daemon for the tests of a file, with three networks and a full disk, and ends it after them. */
export function withDaemon(): void {
  beforeAll(async () => {
    daemon = await TestDaemon.start();
    full = join(daemon.folder, 'full');
    mkdirSync(full);
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', full]);
    spawnSync('dd', ['if=/dev/zero', `of=${full}/x`, 'bs=1k', 'count=100']);
    for (const [Name, Internal] of [
      ['one', false],
      ['two', false],
      ['inner', true],
    ] as const)
      await daemon.call('POST', '/networks/create', { Name, Internal });
  }, 60_000);

  afterAll(async () => {
    for (const close of silent) close();
    spawnSync('nft', ['delete', 'table', 'inet', table]);
    spawnSync('umount', ['-l', full]);
    spawnSync('nft', ['delete', 'table', 'ip', fence]);
    for (const path of mounted) spawnSync('umount', ['-l', path]);
    await daemon.dispose();
  }, 60_000);
}

/** A container that may fail to start; its files are put into its root before. */
export async function make(
  command: string[],
  options: Options = {},
  files: Record<string, { text: string | Buffer; mode?: number }> = {},
): Promise<string> {
  const { json, text } = await daemon.call('POST', '/containers/create', {
    Image: 'bb',
    Cmd: command,
    ...options,
  });
  if (!json?.Id) throw new Error(text);
  for (const [name, { text: content, mode = 0o755 }] of Object.entries(files))
    await daemon.call(
      'PUT',
      `/containers/${json.Id}/archive?path=/`,
      tarOfEntries([{ name, body: Buffer.from(content), mode }]),
    );
  await daemon.call('POST', `/containers/${json.Id}/start`);
  return json.Id;
}

/** Waits for the end of a container; its id. */
export async function ended(id: string): Promise<string> {
  await daemon.call('POST', `/containers/${id}/wait`);
  return id;
}

/** The answers to why a container does not work. */
export const why = async (id: string, query = '') =>
  (await daemon.call('GET', `/berth/explain/containers/${id}/why${query}`)).json as {
    Answers: Array<{
      Cause: string;
      Sure: boolean;
      Text: string;
      Evidence: Array<{ Source: string; Found: string }>;
    }>;
    Looked: Array<{ Question: string; Sources: string[] }>;
  };

/** The head of a program for a processor, by its number in ELF. */
export const elf = (machine: number) => {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0x7f454c46, 0);
  head.set([2, 1, 1], 4);
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(machine, 18);
  return head;
};
/** A program of this machine that asks for a loader (PT_INTERP of elf(5)). */
export const elfWithLoader = (path: string) => {
  const place = 64 + 56;
  const program = Buffer.alloc(place + path.length + 1);
  elf(process.arch === 'arm64' ? 183 : 62).copy(program);
  program.writeUInt32LE(1, 20);
  program.writeUInt32LE(64, 32);
  for (const [index, size] of [64, 56, 1].entries()) program.writeUInt16LE(size, 52 + 2 * index);
  program.writeUInt32LE(3, 64);
  program.writeUInt32LE(place, 72);
  program.writeUInt32LE(path.length + 1, 96);
  program.write(path, place);
  return program;
};
export const sh = (text: string) => ['sh', '-c', text];
/** A container that publishes a port. */
export const published = (port: number, host: Options = {}) => ({
  ExposedPorts: { [`${port}/tcp`]: {} },
  HostConfig: { PortBindings: { [`${port}/tcp`]: [{ HostPort: '', ...host }] } },
});
/** Ends the name servers that were started. */
export const silent: Array<() => void> = [];

/** A name server of this machine that hears and never answers; gateways answer for addresses that nobody has. */
export async function silentServer(): Promise<{ address: string; close: () => void }> {
  const { json } = await daemon.call('GET', '/networks/one');
  const address: string = json.IPAM.Config[0].Gateway;
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(53, address, resolve));
  return { address, close: () => socket.close() };
}

export const on = (network: string) => ({ HostConfig: { NetworkMode: network } });
export const host = (HostConfig: Options) => ({ HostConfig });
export const FOREVER = 'while :; do sleep 100; done';
export const HTTPD = ['httpd', '-f', '-p', '80'];

/** A container with that name; the name. */
export async function named(name: string, options: Options): Promise<string> {
  await daemon.box(sh(FOREVER), options, name);
  return name;
}

/** A new folder of the host. */
export function folder(name: string, mode = 0o755): string {
  const path = join(daemon.folder, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

/** A folder of the host with a file `conf`. */
export function withFile(name: string, mode = 0o644): string {
  const path = folder(name);
  writeFileSync(join(path, 'conf'), 'a\n', { mode });
  return path;
}

/** A new folder of the host with a file system in memory that has those options. */
export function memory(name: string, options: string): string {
  const path = folder(name);
  spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  mounted.push(path);
  return path;
}

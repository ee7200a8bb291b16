import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Launcher, LaunchRecord, StartOptions, Supervisor } from './api.ts';
import { nativeProgram } from './index.ts';
import { openLauncher } from './launcher.ts';

export const SIGTERM = 15;
export const SIGKILL = 9;
export const OUTPUT = { stdin: false, stdout: true, stderr: true };

export const folder = realpathSync(mkdtempSync(join(tmpdir(), 'berth-launcher-')));
const root = join(folder, 'root');
/** The launcher of a file of tests, from its first test on. */
export let launcher: Launcher;

beforeAll(() => {
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(root, name), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'bin/plain'), 'not a program', { mode: 0o644 });
  launcher = openLauncher({ program: nativeProgram });
});

afterAll(async () => {
  // Processes that a failed test left, also of containers that another process started.
  const runs = join(folder, 'run');
  for (const id of readdirSync(runs)) {
    const supervisor = await launcher.reconnect(id, join(runs, id));
    await supervisor?.kill(SIGKILL).catch(() => undefined);
    await supervisor?.exited.catch(() => undefined);
    supervisor?.release();
  }
  launcher.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A container of busybox's applets without a network, cgroups or limits. */
export function options(args: string[], more: Partial<StartOptions> = {}): StartOptions {
  const id = randomBytes(32).toString('hex');
  const own = join(folder, id.slice(0, 12));
  for (const name of ['upper', 'work']) mkdirSync(join(own, name), { recursive: true });
  const namespaces = ['mnt', 'pid', 'net', 'ipc', 'uts'];
  return {
    id,
    runFolder: join(folder, 'run', id),
    launch: [
      ['id', id],
      ...namespaces.map((kind): LaunchRecord => ['namespace', kind]),
      ['lower', 'folder', root],
      ['overlay', join(own, 'upper'), join(own, 'work')],
      ['mount', 'proc', 'proc', '/proc'],
      ['mount', 'tmpfs', 'tmpfs', '/dev', 'mode=755'],
      ['mount', 'devpts', 'devpts', '/dev/pts', 'newinstance', 'ptmxmode=0666'],
      ['device', '/dev/null', 'c', '1', '3', '666', '0', '0'],
      ['hostname', 'inside'],
      ...processRecords(args),
    ],
    log: { driver: 'json-file', path: join(own, 'log'), maxSize: 0, maxFile: 1, compress: false },
    openStdin: false,
    stdinOnce: false,
    tty: false,
    ...more,
  };
}

export const processRecords = (args: string[]): LaunchRecord[] => [
  ['caps', 'a80425fb', 'a80425fb', 'a80425fb', '0', '0'],
  ['user', ''],
  ['cwd', '/'],
  ['env', 'PATH=/bin'],
  ['arg', ...args],
];
export const sh = (script: string) => ['busybox', 'sh', '-c', script];

/** Waits for a container's end; returns its exit code. */
export async function finish(supervisor: Supervisor): Promise<number> {
  const { code } = await supervisor.exited;
  supervisor.release();
  return code;
}

/** All that a stream gives, byte for byte as Latin-1. */
export async function text(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

/** Reads a stream until `wanted` has come; returns what was read. */
export async function until(stream: Duplex, wanted: string): Promise<string> {
  let seen = '';
  const take = (chunk: Buffer) => {
    seen += chunk.toString();
  };
  stream.on('data', take);
  while (!seen.includes(wanted)) await once(stream, 'data');
  stream.off('data', take);
  return seen;
}

/** Waits until something holds. @throws Error after five seconds */
export async function eventually(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !holds(); await sleep(5))
    if (Date.now() > end) throw new Error('did not come true');
}

export const entries = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { log: string; stream: string; time: string });

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeProgram } from '@berth/native';
import { DEFAULTS } from '../config/defaults.ts';
import type { Settings } from '../config/settings.ts';
import { openEvents } from '../events/index.ts';
import { openStore, type Store } from '../store/index.ts';
import type { NetworkRequest, Networks } from './api.ts';
import { openNetworks } from './index.ts';
import { defaultRequest } from './request.ts';

const root = mkdtempSync(join(tmpdir(), 'berth-networks-'));
/** The subnet of the default bridge without its last number. */
export const SUBNET = '10.199.41';
/** Settings of the daemon. */
export const settings: Settings = {
  ...DEFAULTS,
  dataRoot: root,
  execRoot: root,
  bip: `${SUBNET}.1/24`,
  defaultAddressPools: [{ base: '10.199.64.0/18', size: 24 }],
  mtu: 0,
  ip: '',
};

let store: Store;
/** The room under test. */
export let networks: Networks;
const processes: ChildProcess[] = [];

async function open(): Promise<void> {
  store = openStore(join(root, 'berth.db'));
  networks = await openNetworks({ settings, store, events: openEvents(), program: nativeProgram });
}

/** Opens the room on the real kernel, as of a daemon of its own, and clears after the tests of a file. Needs root. */
export function withNetworks(): void {
  beforeAll(async () => {
    await open();
    await networks.reconcile([]);
  });

  afterAll(async () => {
    for (const child of processes) child.kill('SIGKILL');
    await networks.reconcile([]);
    await networks.prune({});
    const bridge = options('bridge')['com.docker.network.bridge.name']!;
    const table = ownTable();
    networks.close();
    store.close();
    if (table) run('nft', 'delete', 'table', 'inet', table);
    run('ip', 'link', 'delete', bridge);
    rmSync(root, { recursive: true });
  });
}

/** Runs a program; its output. @throws where it fails */
export const run = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8' });
/** Runs a program in a network namespace. */
export const inside = (path: string, ...args: string[]) => run('nsenter', `--net=${path}`, ...args);
/** The options of a network. */
export const options = (name: string) => networks.inspect(name)['Options'] as Record<string, string>;

/** The name of the daemon's table: the one that has its bridge. */
export function ownTable(): string | undefined {
  const bridge = options('bridge')['com.docker.network.bridge.name']!;
  const { nftables } = JSON.parse(run('nft', '-j', 'list', 'sets')) as {
    nftables: Array<{ set?: { name: string; table: string; elem?: string[] } }>;
  };
  return nftables.find(({ set }) => set?.name === 'bridges' && set.elem?.includes(bridge))?.set?.table;
}

let count = 0;
/** The request of a container, each of a name of its own. */
export function request(change: Partial<NetworkRequest> = {}): NetworkRequest {
  const id = String(++count).padStart(64, 'b');
  const names = { name: `box${count}`, hostname: `host${count}` };
  return defaultRequest({ id, ...names, folder: join(root, id), ...change });
}

/** A process in the namespace, as a container's would be; its pid. */
export async function resident(path: string): Promise<number> {
  const child = spawn('nsenter', [`--net=${path}`, 'sleep', '100'], { stdio: 'ignore' });
  processes.push(child);
  const here = run('readlink', '/proc/self/ns/net');
  while (run('readlink', `/proc/${child.pid}/ns/net`) === here)
    await new Promise((done) => setTimeout(done, 5));
  return child.pid!;
}

/** Starts the room anew with other settings, as a daemon that finds these containers running. */
export async function reopen(
  change: Partial<Settings>,
  running: Parameters<Networks['reconcile']>[0] = [],
): Promise<void> {
  networks.close();
  store.close();
  Object.assign(settings, change);
  await open();
  await networks.reconcile(running);
}

/** The addresses of a link, without those of the link alone. */
export const addressesOf = (link: string) =>
  run('ip', '-o', 'address', 'show', link)
    .match(/inet6? \S+/g)!
    .filter((line) => !line.includes(' fe80:'))
    .sort();

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../support/daemon.ts';
import { OWN_HOST, OWN_NAMESPACES } from '../support/own-host.ts';

/** The node's address in its own network namespace. */
export const NODE_ADDRESS = '10.202.7.2';
/** The group of cgroups that a kubelet is confined to: one for each run, by the environment for the process in the namespaces. */
process.env['BERTH_KUBERNETES_CGROUP'] ??= `berth-kubernetes-${process.pid}`;
export const CGROUP = process.env['BERTH_KUBERNETES_CGROUP'];
/** The cgroups of the machine's hierarchies, or of the one there is. */
const CGROUPS = '/sys/fs/cgroup';

/** Parameters that a kubelet sets for the whole machine, with what it wants. */
const TUNED: Record<string, string> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

function run(...[command = '', ...args]: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

/** Runs this program again in network, mount and PID namespaces of its own; resolves with its exit status. */
export async function inOwnPlace(program: string, args: string[]): Promise<number> {
  const child = spawn(
    'unshare',
    [...OWN_NAMESPACES, process.execPath, ...process.execArgv, program, ...args],
    {
      stdio: 'inherit',
    },
  );
  const status = await new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  // Processes that ended with the namespaces have left their cgroups.
  for (const folder of cgroupRoots()) removeCgroups(folder);
  return status;
}

/** The folder of `CGROUP` in each hierarchy. */
export function cgroupRoots(): string[] {
  const unified = existsSync(join(CGROUPS, 'cgroup.controllers'));
  const hierarchies = unified ? [CGROUPS] : readdirSync(CGROUPS).map((name) => join(CGROUPS, name));
  return hierarchies.map((hierarchy) => join(hierarchy, CGROUP));
}

function removeCgroups(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroups(join(folder, entry.name));
  try {
    rmdirSync(folder);
  } catch {
    // A process is still in it.
  }
}

/** A node's network, folders and cgroups, none of them the machine's: called within `inOwnPlace`. */
export function furnish(folder: string): void {
  run('env', `FOLDER=${folder}`, `ADDRESS=${NODE_ADDRESS}`, 'bash', '-c', OWN_HOST);
  for (const name of ['etc', 'var']) overlay(folder, name);
  // Volumes are id-mapped below this folder, which an overlay's files cannot be.
  const state = join(folder, 'state');
  mkdirSync(state);
  run('mount', '--bind', state, '/var/lib');
  for (const [name, value] of Object.entries(TUNED)) {
    const file = join(folder, name.replaceAll('/', '-'));
    writeFileSync(file, value);
    if (existsSync(join('/proc/sys', name))) run('mount', '--bind', file, join('/proc/sys', name));
  }
  // A kubelet's volumes must be seen by what it starts, and mounts of containers by it.
  mkdirSync('/var/lib/kubelet', { recursive: true });
  run('mount', '-t', 'tmpfs', 'tmpfs', '/var/lib/kubelet');
  run('mount', '--make-rshared', '/');
  for (const root of cgroupRoots()) mkdirSync(root, { recursive: true });
}

/** Files that are written below a folder of the root go elsewhere. */
function overlay(folder: string, name: string): void {
  const [upper, work] = [join(folder, `${name}-upper`), join(folder, `${name}-work`)];
  for (const made of [upper, work]) mkdirSync(made);
  run(
    'mount',
    '-t',
    'overlay',
    'overlay',
    '-o',
    `lowerdir=/${name},upperdir=${upper},workdir=${work}`,
    `/${name}`,
  );
}

/** A program that runs until it is ended; its output goes to a file of its name. */
export class Program {
  readonly name: string;
  readonly log: string;
  readonly #child: ChildProcess;

  constructor(folder: string, name: string, path: string, args: string[]) {
    this.name = name;
    this.log = join(folder, `${name}.log`);
    const log = openSync(this.log, 'a');
    this.#child = spawn(path, args, { stdio: ['ignore', log, log], cwd: folder });
    closeSync(log);
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async end(): Promise<void> {
    if (this.ended) return;
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill();
    await Promise.race([ended, sleep(10_000).then(() => this.#child.kill('SIGKILL'))]);
    await ended;
  }
}

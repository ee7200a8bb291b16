import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Acknowledged } from '../support/chaos.ts';
import { Chaos } from '../support/chaos.ts';
import { sleep, TestDaemon, until } from '../support/daemon.ts';
import { damagedLayers, leaks } from '../support/leaks.ts';
import { removeTraces } from '../support/traces.ts';
import { Random } from './random.ts';

/** The file systems that a data root is tried on. */
export type FileSystem = 'ext4' | 'ext4-without-journal' | 'xfs' | 'btrfs';

const FORMAT: Record<FileSystem, string[]> = {
  ext4: ['mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0'],
  'ext4-without-journal': ['mkfs.ext4', '-q', '-F', '-O', '^has_journal'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  btrfs: ['mkfs.btrfs', '-q', '-f'],
};
const MEGABYTES = 384;
/** Rounds after which what has gathered is removed, so that the disk does not fill. */
const TIDY = 10;

export interface PowerCutOptions {
  rounds: number;
  seed: number;
  /** Only this round, with those that it stands on. */
  round?: number | undefined;
  fileSystem?: FileSystem;
  /** A registry to push to and to pull from. */
  registry?: string;
  onRound?: (round: number, problems: string[]) => void;
}

/**
 * Lets users work on a daemon whose data root is on a disk that loses its power at a random instant, starts another
 * daemon on what the disk has then, and compares: what was acknowledged before the cut must be there, what was
 * acknowledged as removed must not, and every layer of every image must be whole. Returns what was not so.
 */
export async function powerCutRounds(options: PowerCutOptions): Promise<string[]> {
  const { rounds, seed, fileSystem = 'ext4' } = options;
  const parent = `berth-power-${randomBytes(4).toString('hex')}`;
  const machine = new Machine(fileSystem, ['--cgroup-parent', parent]);
  const problems: string[] = [];
  try {
    await machine.build();
    await machine.daemon.importBusybox();
    // The state that a round finds has been growing since the last tidying: the rounds from there on are played again, too.
    const first = options.round === undefined ? 0 : options.round - (options.round % TIDY);
    const end = options.round === undefined ? rounds : options.round + 1;
    for (let round = first; round < end; round++) {
      const random = new Random(seed, round);
      const chaos = new Chaos(machine.daemon, options.registry, () => random.next());
      const cut = new Random(seed, round, 'cut');
      for (const Name of ['net-a', 'net-b']) await machine.daemon.call('POST', '/networks/create', { Name });
      const users = chaos.run(4);
      await sleep(cut.between(50, 500));
      const known = copy(chaos.known);
      await machine.cut(cut.between(0, 2 ** 31));
      removeCgroups(parent);
      chaos.stop();
      await users;
      await machine.start();
      const found = [
        ...chaos.surprises.map((what) => `before the cut: ${what}`),
        ...(await lost(machine.daemon, known)),
        ...damagedLayers(machine.daemon).map((layer) => `damaged layer ${layer}`),
        ...(await leaks(machine.daemon, parent)),
      ].map((what) => `power cut, ${fileSystem}, seed ${seed}, round ${round}: ${what}`);
      options.onRound?.(round, found);
      problems.push(...found);
      if (round % TIDY === TIDY - 1) await tidy(machine.daemon);
    }
  } finally {
    await machine.scrap(parent);
  }
  return problems;
}

/** A daemon whose data root is on a disk of `power-disk.ts`. */
class Machine {
  readonly daemon: TestDaemon;
  readonly #fileSystem: FileSystem;
  readonly #disk: string;
  readonly #data: string;
  #loop = '';

  constructor(fileSystem: FileSystem, extra: string[]) {
    this.daemon = new TestDaemon(extra);
    this.#fileSystem = fileSystem;
    this.#disk = `${this.daemon.folder}-disk`;
    this.#data = join(this.daemon.folder, 'data');
    for (const folder of [this.#disk, this.#data]) mkdirSync(folder);
  }

  async build(): Promise<void> {
    const program = join(import.meta.dirname, 'power-disk.ts');
    const disk = spawn(process.execPath, [program, this.#disk, String(MEGABYTES)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      disk.stdout.once('data', () => resolve());
      disk.once('exit', () => reject(new Error('the disk could not be mounted')));
    });
    const [command = '', ...args] = FORMAT[this.#fileSystem];
    run(command, ...args, join(this.#disk, 'disk'));
    await this.start();
  }

  /** Power on, and a daemon. */
  async start(): Promise<void> {
    writeFileSync(join(this.#disk, 'control'), 'on');
    const image = join(this.#disk, 'disk');
    // As a machine that starts does it: without a journal, what is not consistent is brought in order.
    if (this.#fileSystem === 'ext4-without-journal') spawnSync('e2fsck', ['-fy', image]);
    this.#loop = run('losetup', '--show', '-f', image).trim();
    run('mount', this.#loop, this.#data);
    // The kernel has not started again, though its machine has; this is how the daemon would know.
    rmSync(join(this.#data, 'layers/boot'), { force: true });
    await this.daemon.up();
  }

  /** Power off: nothing reaches the disk from here on, and everything that runs ends. */
  async cut(seed: number): Promise<void> {
    writeFileSync(join(this.#disk, 'control'), `cut ${seed}`);
    await this.daemon.down('SIGKILL');
    await until('all processes to end', () => {
      const left = users([`${this.daemon.folder}/`]);
      for (const pid of left) kill(pid);
      return left.length === 0;
    });
    await this.#detach();
    rmSync(join(this.daemon.folder, 'exec'), { recursive: true, force: true });
  }

  async #detach(): Promise<void> {
    await until('the data root to be unmounted', () => spawnSync('umount', [this.#data]).status === 0);
    run('losetup', '-d', this.#loop);
    await until('the loop device to be free', () => !run('losetup', '-a').includes(`${this.#disk}/`));
  }

  async scrap(parent: string): Promise<void> {
    if (this.daemon.process) await tidy(this.daemon).catch(() => undefined);
    const bridge = this.daemon.process ? await this.daemon.bridge().catch(() => '') : '';
    await this.daemon.down('SIGKILL');
    if (bridge) removeTraces(bridge);
    for (const pid of users([`${this.daemon.folder}/`])) kill(pid);
    await this.#detach().catch(() => undefined);
    spawnSync('umount', [this.#disk]);
    for (const folder of [this.daemon.folder, this.#disk]) rmSync(folder, { recursive: true, force: true });
    removeCgroups(parent);
  }
}

/** A machine that starts again has no cgroups: also one whose owner was not noted yet, of a container whose record is lost. */
function removeCgroups(parent: string): void {
  const roots = ['', ...readdirSync('/sys/fs/cgroup')].map((name) => join('/sys/fs/cgroup', name, parent));
  for (const root of roots) spawnSync('find', [root, '-depth', '-type', 'd', '-delete'], { stdio: 'ignore' });
}

/** The objects that were acknowledged before the cut and do not hold. */
async function lost(daemon: TestDaemon, known: Acknowledged): Promise<string[]> {
  const problems: string[] = [];
  const get = async (path: string) => {
    const { status, json, text } = await daemon.call('GET', path);
    if (status >= 500) problems.push(`GET ${path}: ${status} ${text}`);
    return json;
  };
  const list = (await get('/containers/json?all=1')) as Array<{ Id: string; State: string }>;
  const there = new Map(list.map(({ Id, State }) => [Id, State]));
  for (const [id, state] of known.containers) {
    if (state === 'unsure') continue;
    const now = there.get(id);
    // Nothing runs any more.
    if (now !== 'created' && (state === 'created' || now !== 'exited'))
      problems.push(`lost: container ${id} was ${state} and is ${now}`);
  }
  for (const id of there.keys()) await get(`/containers/${id}/json`);
  const volumes = ((await get('/volumes')).Volumes ?? []) as Array<{ Name: string }>;
  const networks = (await get('/networks')) as Array<{ Id: string }>;
  const present = new Set([
    ...there.keys(),
    ...volumes.map(({ Name }) => Name),
    ...networks.map(({ Id }) => Id),
  ]);
  for (const kind of ['volumes', 'networks'] as const)
    for (const [id, state] of known[kind])
      if (state === 'there' && !present.has(id)) problems.push(`lost: ${kind} ${id}`);
  for (const id of known.removed) if (present.has(id)) problems.push(`back again: ${id}`);
  for (const [tag, id] of known.images) {
    const found = (await get(`/images/${tag}/json`))?.Id;
    if (found !== id) problems.push(`lost: image ${tag} was ${id} and is ${found}`);
  }
  const layers = new Set(readdirSync(join(daemon.folder, 'data/layers/layers')));
  for (const { Id, RepoTags } of (await get('/images/json?all=1')) as Array<{
    Id: string;
    RepoTags: string[];
  }>) {
    const missing = ((await get(`/images/${Id}/json`))?.RootFS?.Layers ?? []).filter(
      (layer: string) => !layers.has(layer.slice('sha256:'.length)),
    );
    if (missing.length > 0) problems.push(`image ${Id} (${RepoTags}) lacks ${missing}`);
  }
  await get('/system/df');
  return problems;
}

async function tidy(daemon: TestDaemon): Promise<void> {
  const list = (await daemon.call('GET', '/containers/json?all=1')).json as Array<{ Id: string }>;
  for (const { Id } of list) await daemon.call('DELETE', `/containers/${Id}?force=1&v=1`);
  await daemon.call('POST', '/networks/prune');
  await daemon.call('POST', '/volumes/prune?filters={"all":["1"]}');
  await daemon.call('POST', '/build/prune?all=1');
  const images = (await daemon.call('GET', '/images/json')).json as Array<{ Id: string; RepoTags: string[] }>;
  for (const { Id, RepoTags } of images)
    if (!RepoTags?.includes('bb:latest')) await daemon.call('DELETE', `/images/${Id}?force=1`);
}

function copy(known: Acknowledged): Acknowledged {
  return {
    containers: new Map(known.containers),
    images: new Map(known.images),
    volumes: new Map(known.volumes),
    networks: new Map(known.networks),
    removed: new Set(known.removed),
  };
}

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || error?.message}`);
  return stdout;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

/** Processes that have something open below these folders, or a root there; this one and the disk's excepted. */
function users(folders: string[]): number[] {
  const within = (path: string) => folders.some((folder) => path.startsWith(folder));
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!pid || pid === process.pid) return [];
    const links = [`/proc/${pid}/cwd`, ...list(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`)];
    return links.some((link) => within(target(link))) ? [pid] : [];
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

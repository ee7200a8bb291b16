import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { dist, sleep, type TestDaemon } from './daemon.ts';

interface Listed {
  Id: string;
  ImageID: string;
  State: string;
  Ports?: Array<{ PublicPort?: number }>;
}

type Compare = (what: string, there: Iterable<string>, wanted: Iterable<string>) => void;

/** So many interfaces may be ready for containers to come. */
const AHEAD = 4;

const folder = (...parts: string[]): string[] => {
  try {
    return readdirSync(join(...parts)).sort();
  } catch {
    return []; // not there, or gone meanwhile
  }
};

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

const run = (...[command = '', ...args]: string[]) =>
  spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '';

/**
 * The leaks of a daemon: things its lists do not account for on disk, in the kernel, in the process table. Work that
 * goes on
 * behind an answer gets `patience` milliseconds to end. `parent` is the daemon's `--cgroup-parent`.
 */
export async function leaks(daemon: TestDaemon, parent: string, patience = 8000): Promise<string[]> {
  for (const deadline = Date.now() + patience; ; await sleep(50)) {
    const found = await look(daemon, parent);
    if (found.length === 0 || Date.now() > deadline) return found;
  }
}

async function look(daemon: TestDaemon, parent: string): Promise<string[]> {
  const get = async (path: string) => (await daemon.call('GET', path)).json;
  const containers = (await get('/containers/json?all=1')) as Listed[];
  const running = containers.filter(({ State }) => State === 'running' || State === 'paused');
  const found: string[] = [];
  const { data } = daemon;
  const compare: Compare = (what, there, wanted) => {
    const [left, right] = [new Set(there), new Set(wanted)];
    for (const one of left) if (!right.has(one)) found.push(`${what}: ${one} is left over`);
    for (const one of right) if (!left.has(one)) found.push(`${what}: ${one} is missing`);
  };
  const ids = containers.map(({ Id }) => Id);
  // One whose removal failed has what could not be removed yet.
  const dead = new Set(containers.filter(({ State }) => State === 'dead').map(({ Id }) => Id));
  const owners = (there: string[]) => ids.filter((id) => !dead.has(id) || there.includes(id));
  const [folders, writables] = [folder(data, 'containers'), folder(data, 'layers/writable')];
  const exec = join(daemon.folder, 'exec');

  compare('containers', folders, owners(folders));
  compare('writable layers', writables, owners(writables));
  compare(
    'run folders',
    folder(exec, 'c'),
    running.map(({ Id }) => Id.slice(0, 32)),
  );
  for (const part of ['layers/made', 'layers/trash', 'build/work', 'build/steps', 'volumes/.removed'])
    compare(part, folder(data, part), []);
  compare('build runs', folder(exec, 'build'), []);
  const volumes = ((await get('/volumes')).Volumes ?? []) as Array<{ Name: string }>;
  compare(
    'volumes',
    folder(data, 'volumes').filter((name) => name !== '.removed'),
    volumes.map(({ Name }) => Name),
  );

  const own = encodeURIComponent('{"dangling":["true"],"label":["com.docker.volume.anonymous"]}');
  const nobodys = ((await get(`/volumes?filters=${own}`)).Volumes ?? []) as Array<{ Name: string }>;
  compare(
    'anonymous volumes',
    nobodys.map(({ Name }) => Name),
    [],
  );

  const images = (await get('/images/json?all=1')) as Array<{ Id: string }>;
  const layers = new Set<string>();
  for (const { Id } of images) {
    const image = await get(`/images/${Id}/json`);
    for (const layer of image.RootFS.Layers ?? []) layers.add((layer as string).slice('sha256:'.length));
  }
  const cached = ((await get('/system/df')).BuildCache ?? []) as unknown[];
  const kept = folder(data, 'layers/layers');
  // A container keeps the layers of its image, which may have been deleted by force: nothing tells which they are.
  const orphaned = containers.some(({ ImageID }) => !images.some(({ Id }) => Id === ImageID));
  if (cached.length === 0)
    compare('layers', orphaned ? kept.filter((layer) => layers.has(layer)) : kept, layers);

  const pods = (((await get('/pods')) ?? []) as Array<{ Id: string; State: string }>)
    .filter(({ State }) => State === 'ready')
    .map(({ Id }) => Id);
  kernel(daemon, parent, { running: running.map(({ Id }) => Id), pods }, compare);
  await network(daemon, { running, pods }, compare);
  for (const { Id } of running) {
    const { Pid } = (await get(`/containers/${Id}/json`)).State;
    if (!existsSync(`/proc/${Pid}`)) found.push(`container ${Id}: its process ${Pid} is not there`);
  }
  return found;
}

/** Cgroups, mounts, loop devices and processes: one set for each container that runs, and what pods that are ready may have. */
function kernel(
  daemon: TestDaemon,
  parent: string,
  { running, pods }: { running: string[]; pods: string[] },
  compare: Compare,
): void {
  for (const hierarchy of folder('/sys/fs/cgroup')) {
    const path = join('/sys/fs/cgroup', hierarchy, parent);
    const groups = folder(path).filter((name) => /^[0-9a-f]{64}$/.test(name) && !pods.includes(name));
    // Not every hierarchy is used.
    if (groups.length > 0) compare(`cgroups ${path}`, groups, running);
  }
  const ofDaemon = (text: string) =>
    text.split('\n').filter(
      (line) =>
        // The data root itself may be a mount.
        (line.includes(`${daemon.folder}/`) || line.includes(`${daemon.data}/`)) &&
        !line.includes(`${daemon.data} `),
    );
  const mounts = ofDaemon(readFileSync('/proc/self/mounts', 'utf8'));
  const ofPod = (line: string) => pods.some((id) => line.includes(`/pods/${id.slice(0, 32)}/`));
  compare(
    'mounts',
    mounts.filter((line) => !ofPod(line)),
    [],
  );
  const loops = folder('/sys/block').map((name) => read(`/sys/block/${name}/loop/backing_file`));
  compare('loop devices', ofDaemon(loops.join('\n')), []);
  const own = processes(daemon);
  const named = new Set(own.filter(isSupervisor).map(({ pid }) => pid));
  // A supervisor's child that is not a program yet, and is frozen with its container, has its name.
  const names = own.filter((one) => isSupervisor(one) && !named.has(one.parent)).map(({ name }) => name);
  compare(
    'supervisors',
    names,
    running.map((id) => `berth:${id.slice(0, 9)}`),
  );
  if (names.length > running.length) compare('supervisors', [`${names}`], []);
  // A pod with ports of the host has a process that holds them.
  const holders = own.filter(({ name }) => name === 'berth-ports').slice(0, pods.length);
  const helpers = own.filter((one) => !isSupervisor(one) && !holders.includes(one));
  compare(
    'processes',
    helpers.map(({ pid, name }) => `${pid} ${name}`),
    [],
  );
}

interface Link {
  kind: 'bridge' | 'veth' | 'other';
  plugged: boolean;
}

/** The links of a link group in this network namespace. */
function linksOf(group: string): Link[] {
  const all = '/sys/class/net';
  return folder(all).flatMap((name): Link[] => {
    const value = (file: string) => read(`${all}/${name}/${file}`);
    if (value('netdev_group') !== group) return [];
    const is = (file: string) => existsSync(`${all}/${name}/${file}`);
    const kind = is('bridge') ? 'bridge' : value('iflink') !== value('ifindex') ? 'veth' : 'other';
    return [{ kind, plugged: is('master') }];
  });
}

/**
 * Links and firewall elements: those of the networks, and of the endpoints and ports of what runs. A pod has at most one
 * published port in tests.
 */
async function network(
  daemon: TestDaemon,
  { running, pods }: { running: Listed[]; pods: string[] },
  compare: Compare,
): Promise<void> {
  const worker = helpers(daemon).find(({ args }) => args[1] === 'net');
  if (!worker) return compare('network workers', [], ['one']);
  const [, , group = '', table = ''] = worker.args;
  const links = linksOf(group);
  const networks = (await daemon.call('GET', '/networks')).json as Array<{ Id: string; Driver: string }>;
  const bridged = networks.filter(({ Driver }) => Driver === 'bridge');
  let endpoints = 0;
  for (const { Id } of bridged) {
    const { json } = await daemon.call('GET', `/networks/${Id}`);
    endpoints += Object.keys(json.Containers ?? {}).length;
  }
  const count = (kind: string, plugged: boolean) =>
    links.filter((link) => link.kind === kind && link.plugged === plugged).length;
  const same = (what: string, there: number, wanted: number, most = wanted) =>
    (there >= wanted && there <= most) || compare(what, [`${there} for ${wanted}`], []);
  same('bridges', count('bridge', false), bridged.length);
  same('interfaces', count('veth', true), endpoints);
  // A few are made ahead.
  if (count('veth', false) > AHEAD) compare('unplugged interfaces', [`${count('veth', false)}`], []);
  const published = running.flatMap(({ Ports }) => Ports ?? []).filter(({ PublicPort }) => PublicPort).length;
  const { nftables = [] } = JSON.parse(run('nft', '-j', 'list', 'table', 'inet', table) || '{}') as {
    nftables?: Array<{ map?: { name: string; elem?: unknown[] } }>;
  };
  const elements = nftables
    .filter(({ map }) => ['publish4', 'anywhere4'].includes(map?.name ?? ''))
    .reduce((sum, { map }) => sum + (map?.elem?.length ?? 0), 0);
  same('published ports in the firewall', elements, published, published + pods.length);
}

interface Process {
  pid: number;
  parent: number;
  name: string;
  args: string[];
}

/** The daemon's own children: the launcher, the network worker, helpers at work. */
export const helpers = (daemon: TestDaemon): Process[] =>
  everyProcess().filter(({ parent }) => parent === daemon.process?.pid);

/** The supervisors of the daemon's containers. */
export const supervisors = (daemon: TestDaemon): Process[] => processes(daemon).filter(isSupervisor);

const isSupervisor = ({ name }: Process) => name.startsWith('berth:');

/** Processes that have a file of the daemon's open, but the daemon itself and those that end with it. */
function processes(daemon: TestDaemon): Process[] {
  const within = (path: string) => path.startsWith(`${daemon.folder}/`) || path.startsWith(`${daemon.data}/`);
  return everyProcess().filter(({ pid, parent, args }) => {
    if (pid === daemon.process?.pid || pid === process.pid) return false;
    if (parent === daemon.process?.pid && ['launcher', 'net'].includes(args[1] ?? '')) return false;
    return args.some(within) || openFiles(pid).some(within);
  });
}

function openFiles(pid: number): string[] {
  return folder(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
}

function everyProcess(): Process[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!pid) return [];
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return [{ pid, parent, args, name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() }];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

/** The layers on disk whose bytes are not what their names say; of many, the `most` that were made last are looked at. */
export function damagedLayers(daemon: TestDaemon, most = 1000): string[] {
  const layers = join(daemon.data, 'layers/layers');
  const made = (name: string) => statSync(join(layers, name)).mtimeMs;
  const newest = readdirSync(layers).sort((a, b) => made(b) - made(a));
  return newest.slice(0, most).filter((name) => {
    const { driver } = JSON.parse(readFileSync(join(layers, name, 'layer.json'), 'utf8')) as {
      driver: string;
    };
    const verified = spawnSync(
      join(dist, 'lib/berth-native'),
      ['layer', 'verify', '--folder', join(layers, name), '--digest', name, '--driver', driver],
      { stdio: ['ignore', 'ignore', 'inherit', 'ignore'] },
    );
    return verified.status !== 0;
  });
}

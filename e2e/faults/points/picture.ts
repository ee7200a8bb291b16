import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestDaemon } from '../../support/daemon.ts';
import { call } from '../connection.ts';

/* What a daemon says that there is, in words that do not depend on ids and times: so two daemons can be compared. */

const DEFAULT_NETWORKS = ['bridge', 'host', 'none'];

// biome-ignore lint/suspicious/noExplicitAny: inspections as they came
type Inspected = any;

/** @throws Lost, Hung; an error naming an answer that is none of a success */
export async function picture(daemon: TestDaemon): Promise<string[]> {
  const get = async (path: string) => {
    const { status, json, text } = await call(daemon.socket, { method: 'GET', path });
    if (status !== 200 && status !== 404) throw new Error(`GET ${path}: ${status} ${text.slice(0, 300)}`);
    return json as Inspected;
  };
  const lines: string[] = [];
  const list: Inspected[] = await get('/containers/json?all=1');
  for (const { Id } of list) {
    const one = await get(`/containers/${Id}/json`);
    if (one?.Id) lines.push(`container ${container(one)}`);
  }
  for (const { Id, Name } of (await get('/networks')) as Inspected[]) {
    if (DEFAULT_NETWORKS.includes(Name)) continue;
    const { Labels, Containers } = await get(`/networks/${Id}`);
    const inside = Object.values<Inspected>(Containers ?? {}).map((one) => one.Name);
    lines.push(`network ${Name} ${said(Labels)} of ${inside.sort()}`);
  }
  for (const { Name, Labels, Mountpoint } of ((await get('/volumes')).Volumes ?? []) as Inspected[]) {
    const named = /^[0-9a-f]{64}$/.test(Name) ? 'an anonymous volume' : `volume ${Name} ${said(Labels)}`;
    const files = existsSync(Mountpoint)
      ? (readdirSync(Mountpoint, { recursive: true }) as string[])
      : ['no folder'];
    lines.push(`${named} of ${files.sort()}`);
  }
  for (const { RepoTags, Labels } of (await get('/images/json')) as Inspected[])
    lines.push(`image ${(RepoTags ?? []).toSorted()} ${said(Labels)}`);
  for (const kind of ['secrets', 'configs'])
    for (const { Spec } of ((await get(`/${kind}`)) ?? []) as Inspected[])
      lines.push(`${kind} ${Spec.Name} ${said(Spec.Labels)}`);
  for (const { Name, State } of ((await get('/pods')) ?? []) as Inspected[])
    lines.push(`pod ${Name} ${State}`);
  return lines.map((line) => line.replace(/[0-9a-f]{64}/g, 'ID')).sort();
}

function container(one: Inspected): string {
  const { Name, State, Config, HostConfig, NetworkSettings, Mounts } = one;
  const { Memory, PortBindings, Binds, RestartPolicy, AutoRemove, LogConfig } = HostConfig;
  const networks = Object.keys(NetworkSettings.Networks ?? {}).sort();
  const mounts = (Mounts as Inspected[])
    .map(({ Type, Destination, Name: volume }) =>
      [Type, Destination, /^[0-9a-f]{64}$/.test(volume) ? 'anonymous' : volume].join(' '),
    )
    .sort();
  const joined = HostConfig.NetworkMode;
  return said({
    Name,
    Status: State.Status,
    Labels: Config.Labels,
    Env: Config.Env,
    networks,
    mounts,
    joined,
    settings: { Memory, PortBindings, Binds, RestartPolicy, AutoRemove, LogConfig },
  });
}

/** Where the records of containers that run and the kernel disagree: mounts and the limit of memory. */
export async function untrue(daemon: TestDaemon): Promise<string[]> {
  const wrong: string[] = [];
  const list: Inspected[] = (await call(daemon.socket, { method: 'GET', path: '/containers/json' })).json;
  for (const { Id } of list) {
    const { json } = await call(daemon.socket, { method: 'GET', path: `/containers/${Id}/json` });
    if (!json?.State?.Running) continue;
    const { Pid } = json.State;
    const told = (json.Mounts as Inspected[]).map(({ Destination }) => Destination as string).sort();
    const found = read(`/proc/${Pid}/mountinfo`)
      .split('\n')
      .flatMap((line) => /^\d+ \d+ \S+ \S+ (\S+)/.exec(line)?.[1] ?? [])
      .filter((place) => place.startsWith('/m/'))
      .sort();
    const wanted = told.filter((place) => place.startsWith('/m/'));
    if (found.join() !== wanted.join())
      wrong.push(`${json.Name} is told to have the mounts ${wanted} and has ${found}`);
    const limit = memoryLimit(Pid);
    const { Memory } = json.HostConfig;
    if (limit !== undefined && Memory > 0 && limit !== Memory)
      wrong.push(`${json.Name} is told to have ${Memory} bytes of memory and has ${limit}`);
  }
  return wrong;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

function memoryLimit(pid: number): number | undefined {
  for (const line of read(`/proc/${pid}/cgroup`).split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const file =
      controllers === 'memory'
        ? join('/sys/fs/cgroup/memory', path, 'memory.limit_in_bytes')
        : join('/sys/fs/cgroup', path, 'memory.max');
    if ((controllers === 'memory' || controllers === '') && existsSync(file)) return Number(read(file));
  }
  return undefined;
}

/** JSON with the names of objects in order. */
const said = (value: unknown): string =>
  JSON.stringify(value ?? {}, (_, one) =>
    one && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );

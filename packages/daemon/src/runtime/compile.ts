import type { LaunchRecord } from '@berth/native';
import type { Resources, RuntimeRequest, RuntimeSpec } from './api.ts';
import { capabilityMask } from './capabilities.ts';
import type { Cgroups } from './cgroups/index.ts';
import type { Device, DeviceRule } from './devices.ts';

/* The records are documented in native/c/container/spec/spec.h. */

/** How many strings one record can hold besides its name. */
const RECORD_STRINGS = 254;

const NAMESPACES: Record<string, string> = {
  mount: 'mnt',
  pid: 'pid',
  uts: 'uts',
  ipc: 'ipc',
  network: 'net',
  cgroup: 'cgroup',
  user: 'user',
  time: 'time',
};

/** Names in /dev that every program expects. */
const LINKS: Array<[path: string, target: string]> = [
  ['/dev/fd', '/proc/self/fd'],
  ['/dev/stdin', '/proc/self/fd/0'],
  ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
  ['/dev/ptmx', 'pts/ptmx'],
];

/** The facts that compile needs besides the spec. */
export interface CompileContext {
  cgroups: Cgroups;
  /** The limits that the kernel can apply. */
  resources(resources: Resources): Resources;
  /** The compiled filter of the spec's `linux.seccomp`. */
  seccompFile(spec: RuntimeSpec): string | undefined;
  seccompFlags(spec: RuntimeSpec): string[];
  /** Marks cgroups as this daemon's. */
  owner: string;
  hasKcore: boolean;
}

export function compileSpec(
  spec: RuntimeSpec,
  request: RuntimeRequest,
  context: CompileContext,
): LaunchRecord[] {
  const records: LaunchRecord[] = [['id', request.id]];
  for (const { type, path } of spec.linux.namespaces) {
    const kind = NAMESPACES[type] ?? type;
    records.push(path === undefined ? ['namespace', kind] : ['namespace', kind, path]);
  }
  records.push(...mapRecords(spec.linux));
  rootFilesystem(spec, request, records);
  for (const { destination, lower } of request.mounts)
    for (const layer of lower ?? []) records.push(['image-lower', destination, ...layerWords(layer)]);
  for (const { type = 'bind', source = '', destination, options = [] } of spec.mounts)
    records.push(['mount', type, source, destination, ...options]);
  // A /dev of the user's has its own devices.
  if (spec.mounts.some(({ destination, type }) => destination === '/dev' && type === 'tmpfs')) {
    for (const device of spec.linux.devices ?? []) records.push(deviceRecord(device));
    for (const [path, target] of LINKS) records.push(['link', path, target]);
    if (context.hasKcore) records.push(['link', '/dev/core', '/proc/kcore']);
  }
  for (const path of spec.linux.maskedPaths ?? []) if (path) records.push(['mask', path]);
  for (const path of spec.linux.readonlyPaths ?? []) if (path) records.push(['readonly', path]);
  if (has(spec, 'uts')) {
    if (spec.hostname) records.push(['hostname', spec.hostname]);
    if (spec.domainname) records.push(['domainname', spec.domainname]);
  }
  for (const [key, value] of Object.entries(spec.linux.sysctl ?? {})) records.push(['sysctl', key, value]);
  cgroup(spec, request, context, records);
  if (request.init) records.push(['init']);
  if (spec.process.consoleSize)
    records.push([
      'console-size',
      String(spec.process.consoleSize.height),
      String(spec.process.consoleSize.width),
    ]);
  confinement(spec, request, context, records);
  records.push(['user', request.user], ['cwd', spec.process.cwd, 'create']);
  strings('env', spec.process.env, records);
  strings('arg', spec.process.args, records);
  return records;
}

/** One exec, confined as its container is but for what it asks to have of its own. */
export function compileExecRecords(
  spec: RuntimeSpec,
  request: RuntimeRequest,
  exec: {
    args: string[];
    env: string[];
    cwd: string;
    user: string;
    capabilities: string[];
    apparmor: string | undefined;
    consoleSize?: [number, number];
  },
  context: CompileContext,
): LaunchRecord[] {
  const { process } = spec;
  const own: RuntimeSpec = {
    ...spec,
    process: {
      ...process,
      capabilities: {
        ...process.capabilities!,
        bounding: exec.capabilities,
        effective: exec.capabilities,
        permitted: exec.capabilities,
      },
      apparmorProfile: exec.apparmor,
    },
  };
  const records: LaunchRecord[] = [['id', request.id]];
  if (exec.consoleSize)
    records.push(['console-size', String(exec.consoleSize[0]), String(exec.consoleSize[1])]);
  confinement(own, request, context, records);
  records.push(['user', exec.user || request.user], ['cwd', exec.cwd || process.cwd]);
  strings('env', exec.env, records);
  strings('arg', exec.args, records);
  return records;
}

const has = (spec: RuntimeSpec, type: string): boolean =>
  spec.linux.namespaces.some((namespace) => namespace.type === type && namespace.path === undefined);

/** The records of a user namespace. */
export function mapRecords({
  uidMappings = [],
  gidMappings = [],
}: Pick<RuntimeSpec['linux'], 'uidMappings' | 'gidMappings'>): LaunchRecord[] {
  const records = (name: string, list: typeof uidMappings): LaunchRecord[] =>
    list.map(({ containerID, hostID, size }) => [name, String(containerID), String(hostID), String(size)]);
  return [...records('uid-map', uidMappings), ...records('gid-map', gidMappings)];
}

function rootFilesystem(
  spec: RuntimeSpec,
  { rootFilesystem: root }: RuntimeRequest,
  records: LaunchRecord[],
): void {
  for (const layer of root.lower) records.push(['lower', ...layerWords(layer)]);
  records.push(['overlay', root.upper, root.work, ...(root.volatile ? ['volatile'] : [])]);
  if (root.places) records.push(['own-places']);
  if (spec.root.readonly) records.push(['root-readonly']);
}

function layerWords(layer: RuntimeRequest['rootFilesystem']['lower'][number]): string[] {
  return layer.kind === 'erofs' ? ['erofs', layer.image, ...layer.devices] : ['folder', layer.path];
}

function deviceRecord(device: Device): LaunchRecord {
  const { path, type, major, minor, fileMode, uid, gid } = device;
  return ['device', path, type, String(major), String(minor), fileMode.toString(8), String(uid), String(gid)];
}

function cgroup(
  spec: RuntimeSpec,
  request: RuntimeRequest,
  context: CompileContext,
  records: LaunchRecord[],
): void {
  const { cgroups } = context;
  for (const { name, path } of cgroups.folders(spec.linux.cgroupsPath))
    records.push(['cgroup', String(cgroups.version), name, path]);
  records.push(['cgroup-owner', context.owner]);
  const resources = context.resources(request.resources);
  for (const { controller, file, value } of cgroups.writes(resources))
    records.push(['cgroup-write', controller, file, value]);
  if (resources.Memory) records.push(['oom-watch']);
  const rules = spec.linux.resources?.['devices'] as DeviceRule[] | null | undefined;
  for (const { type, major, minor, access } of rules ?? [])
    records.push(['device-rule', type, String(major ?? '*'), String(minor ?? '*'), access]);
}

/** The confinement of a process, for a container's first and for execs alike. */
function confinement(
  spec: RuntimeSpec,
  request: RuntimeRequest,
  context: CompileContext,
  records: LaunchRecord[],
): void {
  const { process } = spec;
  for (const { type, soft, hard } of process.rlimits ?? [])
    records.push(['rlimit', type.replace(/^RLIMIT_/, '').toLowerCase(), String(soft), String(hard)]);
  records.push(['oom-score-adj', String(process.oomScoreAdj ?? 0)]);
  if (process.noNewPrivileges) records.push(['no-new-privileges']);
  const sets = process.capabilities!;
  records.push([
    'caps',
    capabilityMask(sets.bounding),
    capabilityMask(sets.effective),
    capabilityMask(sets.permitted),
    capabilityMask(sets.inheritable),
    capabilityMask(sets.ambient),
  ]);
  const filter = context.seccompFile(spec);
  if (filter) records.push(['seccomp', filter, ...context.seccompFlags(spec)]);
  if (process.apparmorProfile) records.push(['apparmor', process.apparmorProfile]);
  for (const group of request.groupAdd) records.push(['group', group]);
}

/** A list of any length, over as many records as it takes. */
function strings(name: string, list: string[], records: LaunchRecord[]): void {
  for (let at = 0; at < list.length; at += RECORD_STRINGS)
    records.push([name, ...list.slice(at, at + RECORD_STRINGS)]);
}

import type { LaunchRecord } from '@berth/native';
import type { RootFilesystem } from '../layers/api.ts';
import { capabilityMask } from './capabilities.ts';
import type { Cgroups } from './cgroups/index.ts';
import type { OciDevice, OciMount, OciNamespace, OciProcess, OciSeccomp, RuntimeSpec } from './oci/config.ts';
import { type OwnSpec, ownOf, preparedIndex } from './oci/own.ts';
import { DOMAIN_NAME } from './spec.ts';

/* The records are documented in native/c/container/spec/spec.h. */

/** How many strings one record can hold besides its name. */
const RECORD_STRINGS = 254;

const NAMESPACES: Record<OciNamespace['type'], string> = {
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

/** The facts of this machine and daemon that a compilation needs besides the spec. */
export interface CompileContext {
  cgroups: Cgroups;
  /** The compiled form of a filter, on the host. */
  seccompFile(filter: OciSeccomp): string;
  /** Marks cgroups as this daemon's. */
  owner: string;
  hasKcore: boolean;
}

/** The launch of a container under Berth's own runtime: all of it stands in the spec. */
export function compileSpec(spec: RuntimeSpec, context: CompileContext): LaunchRecord[] {
  const own = ownOf(spec);
  const { process, linux } = spec;
  const records: LaunchRecord[] = [['id', own.id]];
  for (const { type, path } of linux.namespaces) {
    const kind = NAMESPACES[type];
    records.push(path === undefined ? ['namespace', kind] : ['namespace', kind, path]);
  }
  records.push(...mapRecords(linux), ...rootRecords(own));
  if (spec.root.readonly) records.push(['root-readonly']);
  for (const mount of spec.mounts) records.push(mountRecord(mount, own));
  // A /dev of the user's has its own devices.
  if (spec.mounts.some(({ destination, type }) => destination === '/dev' && type === 'tmpfs')) {
    for (const device of linux.devices) records.push(deviceRecord(device));
    for (const [path, target] of LINKS) records.push(['link', path, target]);
    if (context.hasKcore) records.push(['link', '/dev/core', '/proc/kcore']);
  }
  for (const path of linux.maskedPaths) if (path) records.push(['mask', path]);
  for (const path of linux.readonlyPaths) if (path) records.push(['readonly', path]);
  if (spec.hostname) records.push(['hostname', spec.hostname]);
  for (const [key, value] of Object.entries(linux.sysctl))
    records.push(key === DOMAIN_NAME ? ['domainname', value] : ['sysctl', key, value]);
  records.push(...cgroupRecords(spec, context), ...limitRecords(spec, context));
  if (own.init) records.push(['init']);
  records.push(...processRecords(process, linux.seccomp, context), ...ownerRecords(own));
  records.push(['cwd', process.cwd, 'create']);
  strings('env', process.env, records);
  strings('arg', process.args, records);
  return records;
}

/** One more process in a container under Berth's own runtime. */
export function compileExec(
  process: OciProcess,
  own: Pick<OwnSpec, 'id' | 'user' | 'groups' | 'groupsPolicy'>,
  filter: OciSeccomp | undefined,
  context: CompileContext,
): LaunchRecord[] {
  const records: LaunchRecord[] = [['id', own.id]];
  records.push(...processRecords(process, filter, context), ...ownerRecords(own), ['cwd', process.cwd]);
  strings('env', process.env, records);
  strings('arg', process.args, records);
  return records;
}

/** The records of a user namespace. */
export function mapRecords({
  uidMappings = [],
  gidMappings = [],
}: Pick<RuntimeSpec['linux'], 'uidMappings' | 'gidMappings'>): LaunchRecord[] {
  const records = (name: string, list: typeof uidMappings): LaunchRecord[] =>
    list.map(({ containerID, hostID, size }) => [name, String(containerID), String(hostID), String(size)]);
  return [...records('uid-map', uidMappings), ...records('gid-map', gidMappings)];
}

/** The root's layers, and those of mounted images. */
export function rootRecords({ root, prepared }: OwnSpec): LaunchRecord[] {
  const records: LaunchRecord[] = root.lower.map((layer) => ['lower', ...layerWords(layer)]);
  records.push(['overlay', root.upper, root.work, ...(root.volatile ? ['volatile'] : [])]);
  if (root.places) records.push(['init-mount-points']);
  for (const { destination, lower } of prepared)
    for (const layer of lower ?? []) records.push(['image-lower', destination, ...layerWords(layer)]);
  return records;
}

function layerWords(layer: RootFilesystem['lower'][number]): string[] {
  return layer.kind === 'erofs' ? ['erofs', layer.image, ...layer.devices] : ['folder', layer.path];
}

/** @param mount of the spec, or what one with that index is made of */
export function mountRecord(mount: OciMount, own: OwnSpec): LaunchRecord {
  const { type = 'bind', source = '', destination, options = [] } = mount;
  const made = own.prepared[preparedIndex(source)];
  const forced = own.forcedReadOnly.includes(destination) ? ['force-recursive'] : [];
  if (own.idmapped && Object.hasOwn(own.idmapped, destination)) forced.push(own.idmapped[destination]!);
  if (!made) return ['mount', type, source, destination, ...options, ...forced];
  const record: LaunchRecord = ['mount', made.type, made.source, destination];
  if (made.type === 'bind') record.push(...options, ...forced);
  if (made.type === 'image') record.push('ro');
  if (made.subpath) record.push(`subpath=${made.subpath}`);
  return record;
}

function deviceRecord({ path, type, major, minor, fileMode, uid, gid }: OciDevice): LaunchRecord {
  return ['device', path, type, String(major), String(minor), fileMode.toString(8), String(uid), String(gid)];
}

/** The cgroup that a container is put into, whatever runtime it has. */
export function cgroupRecords(spec: RuntimeSpec, { cgroups, owner }: CompileContext): LaunchRecord[] {
  const records: LaunchRecord[] = cgroups
    .folders(spec.linux.cgroupsPath)
    .map(({ name, path }) => ['cgroup', String(cgroups.version), name, path]);
  records.push(['cgroup-owner', owner]);
  if (spec.linux.resources.memory?.limit) records.push(['oom-watch']);
  return records;
}

function limitRecords({ linux: { resources } }: RuntimeSpec, { cgroups }: CompileContext): LaunchRecord[] {
  const records: LaunchRecord[] = cgroups
    .writes(resources)
    .map(({ controller, file, value }) => ['cgroup-write', controller, file, value]);
  // With no such record every device is allowed, with one only those that are named.
  const [first, ...rules] = resources.devices ?? [];
  if (first && !first.allow)
    for (const { type = 'a', major, minor, access } of rules)
      records.push(['device-rule', type, String(major ?? '*'), String(minor ?? '*'), access]);
  return records;
}

/** The confinement of a process, for a container's first and for execs alike. */
function processRecords(
  process: OciProcess,
  filter: OciSeccomp | undefined,
  context: CompileContext,
): LaunchRecord[] {
  const records: LaunchRecord[] = [];
  if (process.consoleSize)
    records.push(['console-size', String(process.consoleSize.height), String(process.consoleSize.width)]);
  for (const { type, soft, hard } of process.rlimits ?? [])
    records.push(['rlimit', type.slice('RLIMIT_'.length).toLowerCase(), String(soft), String(hard)]);
  records.push(['oom-score-adj', String(process.oomScoreAdj)]);
  if (process.noNewPrivileges) records.push(['no-new-privileges']);
  const { bounding, effective, permitted, inheritable, ambient } = process.capabilities;
  records.push(['caps', ...[bounding, effective, permitted, inheritable, ambient].map(capabilityMask)]);
  if (filter) records.push(['seccomp', context.seccompFile(filter), ...seccompFlags(filter)]);
  if (process.apparmorProfile) records.push(['apparmor', process.apparmorProfile]);
  return records;
}

function seccompFlags({ flags }: OciSeccomp): string[] {
  // Without word of its own a filter does not slow the processor down (runc's default).
  if (flags.length === 0) return ['spec-allow'];
  return flags
    .map((flag) => flag.replace('SECCOMP_FILTER_FLAG_', '').toLowerCase().replaceAll('_', '-'))
    .filter((flag) => flag !== 'tsync');
}

/** The user and the groups, which the C side looks up. */
export function ownerRecords({
  user,
  groups,
  groupsPolicy,
}: Pick<OwnSpec, 'user' | 'groups' | 'groupsPolicy'>): LaunchRecord[] {
  const records: LaunchRecord[] = [...groups.map((group): LaunchRecord => ['group', group]), ['user', user]];
  return groupsPolicy ? [...records, ['groups-policy', groupsPolicy]] : records;
}

/** A list of any length, over as many records as it takes. */
export function strings(name: string, list: string[], records: LaunchRecord[]): void {
  for (let at = 0; at < list.length; at += RECORD_STRINGS)
    records.push([name, ...list.slice(at, at + RECORD_STRINGS)]);
}

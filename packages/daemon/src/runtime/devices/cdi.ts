import { statSync } from 'node:fs';
import { invalidParameter } from '../../base/errors.ts';
import type { OciHooks } from '../oci/config.ts';
import { majorOf, minorOf } from '../resources.ts';
import { type CdiDeviceNode, type ContainerEdits, readCdiFiles } from './cdi-files.ts';
import type { CdiEdits, DeviceNode } from './types.ts';

/*
 * Devices of the Container Device Interface (https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md): a
 * vendor's files say what a container needs to use a device, which is then asked for by a name, `vendor.com/class=name`.
 */

/** The names of all devices, sorted. */
export async function cdiDevices(folders: readonly string[]): Promise<string[]> {
  return [...(await readCdiFiles(folders)).devices.keys()].sort();
}

/**
 * The changes that devices make to a container. Of a name that stands in several folders the last one's holds.
 * @throws invalid-parameter for a device that is not known, and for one that needs what is not supported
 */
export async function cdiEdits(folders: readonly string[], names: readonly string[]): Promise<CdiEdits> {
  const { devices, problems } = await readCdiFiles(folders);
  const missing = names.filter((name) => !devices.has(name));
  if (missing.length > 0) {
    const unused = [...problems].map(([path, why]) => `; ${path} is not used: ${why}`).join('');
    throw failed(`unresolvable CDI devices ${missing.join(', ')}${unused}`);
  }
  const edits: CdiEdits = { env: [], devices: [], mounts: [], groups: [], hooks: {}, netDevices: {} };
  const common = new Set<ContainerEdits>();
  for (const name of names) {
    const device = devices.get(name)!;
    if (!common.has(device.common)) apply(edits, `${device.path}: containerEdits`, device.common);
    common.add(device.common);
    apply(edits, `${device.path}: containerEdits of ${name}`, device.edits);
  }
  return edits;
}

const failed = (why: string) => invalidParameter(`CDI device injection failed: ${why}`);

const PROPAGATIONS = new Set([
  'private',
  'rprivate',
  'shared',
  'rshared',
  'slave',
  'rslave',
  'unbindable',
  'runbindable',
]);

function apply(edits: CdiEdits, at: string, change: ContainerEdits): void {
  edits.env.push(...(change.env ?? []));
  for (const [index, node] of (change.deviceNodes ?? []).entries())
    edits.devices.push(deviceNode(node, `${at}.deviceNodes[${index}]`));
  for (const [index, mount] of (change.mounts ?? []).entries())
    edits.mounts.push(mountOf(mount, `${at}.mounts[${index}]`));
  edits.groups.push(...(change.additionalGids ?? []).filter((gid) => gid > 0).map(String));
  for (const { hookName, ...hook } of change.hooks ?? []) {
    const name = hookName as keyof OciHooks;
    edits.hooks[name] = [...(edits.hooks[name] ?? []), hook];
    edits.beyond ??= { field: 'hooks', at: `${at}.hooks` };
  }
  if (change.intelRdt) {
    edits.intelRdt = change.intelRdt;
    edits.beyond ??= { field: 'intelRdt', at: `${at}.intelRdt` };
  }
  for (const { hostInterfaceName, name } of change.netDevices ?? []) {
    edits.netDevices[hostInterfaceName] = { name };
    // Runtimes that know no network devices are many; those that do know hooks, too.
    edits.beyond = { field: 'netDevices', at: `${at}.netDevices` };
  }
}

function mountOf(
  { hostPath, containerPath, options = [], type = 'bind' }: NonNullable<ContainerEdits['mounts']>[number],
  at: string,
): CdiEdits['mounts'][number] {
  if (type !== 'bind' && type !== 'tmpfs' && type !== '')
    throw failed(`${at}.type: a mount of type ${type} is not supported; use bind or tmpfs`);
  if (type !== 'tmpfs' && !hostPath.startsWith('/'))
    throw failed(`${at}.hostPath: ${JSON.stringify(hostPath)} is not an absolute path`);
  const propagation = options.findLast((option) => PROPAGATIONS.has(option));
  return {
    type: type === 'tmpfs' ? 'tmpfs' : 'bind',
    source: hostPath,
    destination: containerPath,
    readonly: options.findLast((option) => option === 'ro' || option === 'rw') === 'ro',
    options: [
      ...(type === 'tmpfs' || options.includes('rbind') ? [] : ['bind']),
      ...options.filter((option) => !PROPAGATIONS.has(option) && !['ro', 'rw', 'bind'].includes(option)),
    ],
    ...(propagation !== undefined && { propagation }),
  };
}

const S_IFMT = 0o170000;
const TYPES = new Map<number, DeviceNode['type']>([
  [0o020000, 'c'],
  [0o060000, 'b'],
  [0o010000, 'p'],
]);

/** A node with its numbers: those that the specification gives, or else those of the device on this host. */
function deviceNode(node: CdiDeviceNode, at: string): DeviceNode {
  const { path, hostPath = path, permissions } = node;
  // `u` is a character device without a buffer.
  const asked = node.type === 'u' ? 'c' : ((node.type || undefined) as DeviceNode['type'] | undefined);
  const known = asked !== undefined && (node.major || asked === 'p');
  const host = known ? undefined : onHost(hostPath, at);
  if (host && asked !== undefined && host.type !== asked)
    throw failed(`${at}.type: ${hostPath} is of type ${host.type}, not ${asked}`);
  return {
    path,
    type: asked ?? host!.type,
    major: node.major || (host?.major ?? 0),
    minor: node.major ? (node.minor ?? 0) : (host?.minor ?? 0),
    ...(node.fileMode !== undefined && { fileMode: node.fileMode & 0o7777 }),
    ...(node.uid !== undefined && { uid: node.uid }),
    ...(node.gid !== undefined && { gid: node.gid }),
    access: permissions || 'rwm',
  };
}

function onHost(path: string, at: string): Pick<DeviceNode, 'type' | 'major' | 'minor'> {
  let stats: ReturnType<typeof statSync>;
  try {
    stats = statSync(path);
  } catch (error) {
    throw failed(`${at}: ${path} is not there: ${(error as NodeJS.ErrnoException).code}`);
  }
  const type = TYPES.get(stats.mode & S_IFMT);
  if (!type) throw failed(`${at}: ${path} is not a device`);
  return { type, major: majorOf(stats.rdev), minor: minorOf(stats.rdev) };
}

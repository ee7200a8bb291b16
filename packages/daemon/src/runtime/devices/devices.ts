import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemError } from '../../base/errors.ts';
import type { RuntimeRequest } from '../api.ts';
import type { OciDevice as Device, OciDeviceRule as DeviceRule } from '../oci/config.ts';
import { majorOf, minorOf } from '../resources.ts';

const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

const node = (name: string, major: number, minor: number): Device => ({
  path: `/dev/${name}`,
  type: 'c',
  major,
  minor,
  fileMode: 0o666,
  uid: 0,
  gid: 0,
});

/** In every container's /dev, as the OCI runtime specification lists them. */
const DEFAULT_DEVICES = [
  node('null', 1, 3),
  node('zero', 1, 5),
  node('full', 1, 7),
  node('random', 1, 8),
  node('urandom', 1, 9),
  node('tty', 5, 0),
];

/** The first rule of a container that may not open everything. */
const DENY_ALL: DeviceRule = { allow: false, access: 'rwm' };
const ALLOW_ALL: DeviceRule = { allow: true, access: 'rwm' };

/** `null` is any number. */
const rule = (
  type: 'a' | 'b' | 'c',
  major: number | null,
  minor: number | null,
  access: string,
): DeviceRule => ({
  allow: true,
  type,
  ...(major !== null && { major }),
  ...(minor !== null && { minor }),
  access,
});

/**
 * Nodes of any device may be made, few may be opened: those above, the console, ptmx, the terminals, and tun, which is
 * the network namespace's.
 */
const DEFAULT_RULES = [
  rule('c', null, null, 'm'),
  rule('b', null, null, 'm'),
  rule('c', 1, 3, 'rwm'),
  rule('c', 1, 5, 'rwm'),
  rule('c', 1, 7, 'rwm'),
  rule('c', 1, 8, 'rwm'),
  rule('c', 1, 9, 'rwm'),
  rule('c', 5, 0, 'rwm'),
  rule('c', 5, 1, 'rwm'),
  rule('c', 5, 2, 'rwm'),
  rule('c', 10, 200, 'rwm'),
  rule('c', 136, null, 'rwm'),
];

/** Devices of a container, and the rules of its devices cgroup in their order: the last that fits decides. */
export interface ContainerDevices {
  devices: Device[];
  rules: DeviceRule[];
}

/**
 * @throws system in dockerd's words when a device is not there or a rule is malformed.
 */
export function containerDevices(
  request: Pick<RuntimeRequest, 'devices' | 'cdi' | 'deviceCgroupRules' | 'privileged' | 'user'>,
): ContainerDevices {
  const asked = request.devices.flatMap(({ PathOnHost, PathInContainer, CgroupPermissions }) =>
    devicesAt(PathOnHost, PathInContainer || PathOnHost).map((device) => ({
      device,
      access: CgroupPermissions || 'rwm',
    })),
  );
  for (const { access, ...node } of request.cdi?.devices ?? [])
    asked.push({ device: { fileMode: 0o666, ...numericUser(request.user), ...node }, access });
  // Privileged containers see all devices of the host; only what is renamed for them is made besides.
  const devices = new Map(
    [
      ...DEFAULT_DEVICES,
      ...(request.privileged ? hostDevices() : []),
      ...asked.map(({ device }) => device),
    ].map((device) => [device.path, device]),
  );
  if (request.privileged) return { devices: [...devices.values()], rules: [ALLOW_ALL] };
  const rules = [
    DENY_ALL,
    ...DEFAULT_RULES,
    ...asked.flatMap(({ device, access }) =>
      device.type === 'p'
        ? []
        : rule(device.type === 'b' ? 'b' : 'c', device.major, device.minor, sanitizeAccess(access)),
    ),
    ...request.deviceCgroupRules.map(parseRule),
  ];
  return { devices: [...devices.values()], rules };
}

/** The owner of a CDI device that names none: the container's user, as CDI has it, where that is a number. */
function numericUser(user: string): { uid: number; gid: number } {
  const [, uid = '0', gid = '0'] = /^(\d+)(?::(\d+))?$/.exec(user) ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

/** dockerd passes the letters on; what the kernel does not know has no effect. */
const sanitizeAccess = (access: string): string =>
  ['r', 'w', 'm'].filter((letter) => access.includes(letter)).join('');

/** `c 1:3 rwm` of `--device-cgroup-rule`. */
function parseRule(text: string): DeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (!match) throw systemError(`invalid device cgroup rule format: '${text}'`);
  const number = (part: string) => (part === '*' ? null : Number(part));
  return rule(match[1] as 'a' | 'b' | 'c', number(match[2]!), number(match[3]!), match[4]!);
}

function gatherError(path: string, reason: string, cause?: unknown) {
  return systemError(
    `error gathering device information while adding custom device "${path}": ${reason}`,
    cause,
  );
}

/** The device at a path, or all below a folder, as they are to be in the container. */
function devicesAt(host: string, inContainer: string): Device[] {
  let stats: Stats;
  let real: string;
  try {
    real = realpathSync(host);
    stats = statSync(real);
  } catch (cause) {
    const words =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : String(cause);
    throw gatherError(host, words, cause);
  }
  const device = asDevice(inContainer, stats);
  const devices = stats.isDirectory() ? devicesBelow(real, inContainer) : device ? [device] : [];
  if (devices.length === 0) throw gatherError(host, 'not a device node');
  return devices;
}

/** Names in /dev that belong to a mount rather than to the machine, or are made for every container by itself. */
const SKIPPED = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console', 'ptmx']);

function devicesBelow(host: string, inContainer: string): Device[] {
  const devices: Device[] = [];
  for (const name of readdirSync(host)) {
    if (SKIPPED.has(name)) continue;
    const path = join(host, name);
    let stats: Stats;
    try {
      stats = lstatSync(path);
    } catch {
      continue; // gone since it was listed
    }
    if (stats.isDirectory()) devices.push(...devicesBelow(path, join(inContainer, name)));
    const device = asDevice(join(inContainer, name), stats);
    if (device) devices.push(device);
  }
  return devices;
}

function hostDevices(): Device[] {
  return devicesBelow('/dev', '/dev');
}

function asDevice(path: string, stats: Stats): Device | undefined {
  const kind = stats.mode & S_IFMT;
  if (kind !== S_IFCHR && kind !== S_IFBLK) return undefined;
  return {
    path,
    type: kind === S_IFBLK ? 'b' : 'c',
    major: majorOf(stats.rdev),
    minor: minorOf(stats.rdev),
    fileMode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
  };
}

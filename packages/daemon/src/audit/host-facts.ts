import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Settings } from '../config/settings.ts';
import type { HostSubject } from './rules/host.ts';

const VULNERABILITIES = '/sys/devices/system/cpu/vulnerabilities';
/** The places of the engine's configuration, of certificates of registries and of units. */
const CONFIGURATION = [
  '/etc/berth',
  '/etc/berth/daemon.json',
  '/etc/berth/certs.d',
  '/etc/default/berth',
  ...['/etc/systemd/system', '/usr/lib/systemd/system'].flatMap((folder) => [
    `${folder}/berthd.service`,
    `${folder}/berthd.socket`,
  ]),
];
const SYSCTLS = ['kernel.randomize_va_space', 'kernel.unprivileged_bpf_disabled', 'net.ipv4.ip_forward'];

/** The facts of this host, as the kernel and the file system have them. */
export function hostFacts(
  settings: Settings,
  hasAppArmor: boolean,
  others: { rules: readonly { Rule: string }[] },
): HostSubject {
  return {
    settings,
    hasAppArmor,
    sockets: socketsOf(settings).flatMap(modeOf),
    files: [
      ...[settings.dataRoot].flatMap((path) =>
        modeOf(path).map((file) => ({ ...file, kind: 'folder' as const })),
      ),
      ...CONFIGURATION.flatMap((path) =>
        modeOf(path).map((file) => ({ ...file, kind: 'configuration' as const })),
      ),
      ...keys(settings),
    ],
    vulnerabilities: vulnerabilities(),
    sysctls: Object.fromEntries(
      SYSCTLS.flatMap((name) => {
        const value = read(`/proc/sys/${name.replaceAll('.', '/')}`);
        return value === '' ? [] : [[name, value]];
      }),
    ),
    forwardGuarded: others.rules.length > 0,
    onRootDisk: statSync('/').dev === statSync(settings.dataRoot).dev,
    members: members(settings.group),
    unwatched: unwatched(settings),
  };
}

/** Paths of the engine's Unix sockets. */
const socketsOf = ({ hosts, cri, criSocket }: Settings): string[] => [
  ...hosts.filter((host) => host.startsWith('unix://')).map((host) => host.slice('unix://'.length)),
  ...(cri ? [criSocket.replace(/^unix:\/\//, '')] : []),
];

/** Users that /etc/group (group(5)) counts to a group, beside root; a group by number is looked up by that. */
function members(group: string): string[] {
  const found = read('/etc/group')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name, , id]) => group !== '' && (name === group || id === group));
  return (found?.[3] ?? '').split(',').filter((user) => user !== '' && user !== 'root');
}

/** The engine's paths that no rule of audit.rules(7) watches. The rules are root's files, which only root may list. */
function unwatched(settings: Settings): string[] {
  const folder = '/etc/audit/rules.d';
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.rules')) : [];
  const rules = ['/etc/audit/audit.rules', ...files.map((name) => join(folder, name))].map(read).join('\n');
  const watched = [...rules.matchAll(/^\s*-(?:w|a .*-F (?:path|dir)=)\s*(\/[^\s,]*)/gm)].map(([, path]) =>
    path!.replace(/\/$/, ''),
  );
  return [settings.dataRoot, ...socketsOf(settings), ...CONFIGURATION]
    .filter((path) => existsSync(path))
    .filter((path) => !watched.some((rule) => path === rule || path.startsWith(`${rule}/`)));
}

function keys(settings: Settings): HostSubject['files'] {
  if (!settings.tls && !settings.tlsVerify) return [];
  return [
    ...modeOf(settings.tlsKey).map((file) => ({ ...file, kind: 'key' as const })),
    ...[settings.tlsCert, settings.tlsCaCert, dirname(settings.tlsCert)].flatMap((path) =>
      modeOf(path).map((file) => ({ ...file, kind: 'certificate' as const })),
    ),
  ];
}

function modeOf(path: string): Array<{ path: string; mode: number; uid: number }> {
  const found = path === '' ? undefined : lstatSync(path, { throwIfNoEntry: false });
  return found ? [{ path, mode: found.mode & 0o7777, uid: found.uid }] : [];
}

function vulnerabilities(): string[] {
  if (!existsSync(VULNERABILITIES)) return [];
  return readdirSync(VULNERABILITIES).flatMap((name) => {
    const text = read(join(VULNERABILITIES, name));
    return text.startsWith('Vulnerable') ? [`${name}: ${text}`] : [];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

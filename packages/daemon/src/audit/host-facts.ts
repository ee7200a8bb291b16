import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Settings } from '../config/settings.ts';
import type { HostSubject } from './rules/host.ts';

const VULNERABILITIES = '/sys/devices/system/cpu/vulnerabilities';
const SYSCTLS = ['kernel.randomize_va_space', 'kernel.unprivileged_bpf_disabled', 'net.ipv4.ip_forward'];

/** What the kernel and the file system tell of this host. */
export function hostFacts(
  settings: Settings,
  hasAppArmor: boolean,
  others: { rules: readonly { Rule: string }[] },
): HostSubject {
  return {
    settings,
    hasAppArmor,
    sockets: settings.hosts
      .filter((host) => host.startsWith('unix://'))
      .flatMap((host) => modeOf(host.slice('unix://'.length))),
    files: [
      ...[settings.dataRoot].flatMap((path) =>
        modeOf(path).map((file) => ({ ...file, kind: 'folder' as const })),
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
  };
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

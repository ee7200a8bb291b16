import { readFileSync } from 'node:fs';
import { invalidParameter } from '../base/errors.ts';

/** All capabilities, at the index of their number (linux/capability.h). */
const NAMES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`);

/** The capabilities of a container by default. */
export const DEFAULT_CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

let own: string[] | undefined;

/** The capabilities that this daemon has to give: those of its bounding set. */
export function availableCapabilities(): string[] {
  if (!own) {
    const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    const mask = BigInt(`0x${bounding}`);
    own = NAMES.filter((_, number) => (mask >> BigInt(number)) & 1n);
  }
  return own;
}

/**
 * `net_admin`, `CAP_NET_ADMIN` and the like in one form; `ALL` stays.
 * @throws invalid-parameter in dockerd's words; `field` is CapAdd or CapDrop.
 */
export function normalizeCapabilities(names: string[], field: 'CapAdd' | 'CapDrop'): string[] {
  return names.map((name) => {
    const upper = name.toUpperCase();
    if (upper === 'ALL') return upper;
    const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!NAMES.includes(full))
      throw invalidParameter(`invalid ${field}: unknown capability: ${JSON.stringify(full)}`);
    if (!availableCapabilities().includes(full))
      throw invalidParameter(
        `invalid ${field}: capability not supported by your kernel or not available in the current environment: ${JSON.stringify(full)}`,
      );
    return full;
  });
}

/** The bounding set of a container, by Docker's rules for ALL, additions and removals. */
export function containerCapabilities(request: {
  privileged: boolean;
  capAdd: string[];
  capDrop: string[];
  capAmbient?: string[];
}): string[] {
  return [...new Set([...asked(request), ...ambientCapabilities(request)])];
}

function asked(request: { privileged: boolean; capAdd: string[]; capDrop: string[] }): string[] {
  if (request.privileged) return availableCapabilities();
  if (request.capAdd.length === 0 && request.capDrop.length === 0) return defaults();
  const add = normalizeCapabilities(request.capAdd, 'CapAdd');
  const drop = normalizeCapabilities(request.capDrop, 'CapDrop');
  if (add.includes('ALL')) return availableCapabilities().filter((name) => !drop.includes(name));
  if (drop.includes('ALL')) return add;
  return [...new Set([...defaults().filter((name) => !drop.includes(name)), ...add])];
}

/** The capabilities that a container's users keep whatever they are; for a privileged one there is nothing to add. */
export function ambientCapabilities(request: { privileged: boolean; capAmbient?: string[] }): string[] {
  if (!request.capAmbient?.length) return [];
  const names = normalizeCapabilities(request.capAmbient, 'CapAdd');
  return names.includes('ALL') ? availableCapabilities() : names;
}

function defaults(): string[] {
  const available = availableCapabilities();
  return DEFAULT_CAPABILITIES.filter((name) => available.includes(name));
}

/** The set as the kernel's mask, hexadecimal. */
export function capabilityMask(names: string[]): string {
  let mask = 0n;
  for (const name of names) mask |= 1n << BigInt(NAMES.indexOf(name));
  return mask.toString(16);
}

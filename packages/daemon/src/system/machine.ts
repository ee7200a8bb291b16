import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';

/** Facts about this machine that do not change while the daemon runs; each is read once. */

/** The kernel's release. */
export const kernelVersion = release();

/** The architecture as Go names it (`amd64`). */
export const goArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** The architecture as uname names it (`x86_64`). */
export const machineName =
  process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch;

let distribution: { name: string; version: string } | undefined;

/** The distribution, from os-release. */
export function operatingSystem(): { name: string; version: string } {
  if (!distribution) {
    const file = ['/etc/os-release', '/usr/lib/os-release'].find((path) => existsSync(path));
    const members = new Map<string, string>();
    for (const line of file ? readFileSync(file, 'utf8').split('\n') : []) {
      const equals = line.indexOf('=');
      if (equals > 0)
        members.set(line.slice(0, equals), line.slice(equals + 1).replace(/^(["'])(.*)\1$/, '$2'));
    }
    distribution = {
      name: members.get('PRETTY_NAME') ?? 'Linux',
      version: members.get('VERSION_ID') ?? '',
    };
  }
  return distribution;
}

/** A number that the kernel keeps in a file; false when the file is missing. */
export function switchedOn(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').trim() === '1';
  } catch {
    return false;
  }
}

/** How many file descriptors the daemon has open. */
export function openFiles(): number {
  return readdirSync('/proc/self/fd').length - 1;
}

import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { DEFAULTS } from './defaults.ts';
import { FLAGS } from './flags.ts';
import { splitHost } from './hosts.ts';
import { knowsRuntime } from './runtimes.ts';
import type { Settings } from './settings.ts';
import { UsageError } from './usage-error.ts';

/**
 * The settings by what was asked for: defaults filled in, and checked as far as that goes without touching the machine.
 * @throws UsageError
 */
export function settle(asked: Map<string, unknown>): Settings {
  const settings: Settings = structuredClone(DEFAULTS);
  for (const flag of FLAGS) {
    const value = asked.get(flag.name);
    if (value === undefined) continue;
    const why = flag.refuse?.(value);
    if (why !== undefined) throw new UsageError(`--${flag.name} is not supported: ${why}`);
    if (flag.field !== undefined) Object.assign(settings, { [flag.field]: value });
  }
  if (settings.tlsVerify) settings.tls = true;
  if (settings.debug) settings.logLevel = 'debug';
  // A client of a socket that systemd holds waits until it is served, whatever else the daemon listens on.
  const activated =
    process.env['LISTEN_PID'] === String(process.pid) && Number(process.env['LISTEN_FDS']) > 0;
  if (activated && !settings.hosts.some((host) => host.startsWith('fd:'))) settings.hosts.push('fd://');
  if (settings.hosts.length === 0) settings.hosts = [`unix://${settings.execRoot}/berth.sock`];
  // An address that unit file and configuration both name is listened on once.
  settings.hosts = [...new Set(settings.hosts.map((host) => splitHost(host).join('://')))];
  if (settings.defaultCgroupnsMode === '')
    settings.defaultCgroupnsMode = existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'private' : 'host';
  check(settings);
  return settings;
}

function check(settings: Settings): void {
  const oneOf = (flag: string, value: string, values: string[]) => {
    if (!values.includes(value))
      throw new UsageError(`invalid value "${value}" for --${flag}: must be one of ${values.join(', ')}`);
  };
  oneOf('log-level', settings.logLevel, ['debug', 'info', 'warn', 'error', 'fatal']);
  oneOf('log-format', settings.logFormat, ['text', 'json']);
  oneOf('default-ipc-mode', settings.defaultIpcMode, ['private', 'shareable']);
  oneOf('default-cgroupns-mode', settings.defaultCgroupnsMode, ['host', 'private']);
  if (!knowsRuntime(settings))
    throw new UsageError(`specified default runtime '${settings.defaultRuntime}' does not exist`);
  for (const host of settings.hosts) {
    const [scheme, rest] = splitHost(host);
    if (!['unix', 'tcp', 'fd'].includes(scheme) || (scheme === 'unix' && rest === ''))
      throw new UsageError(`invalid bind address format: ${host}`);
  }
  for (const folder of [settings.dataRoot, settings.execRoot])
    if (!isAbsolute(folder)) throw new UsageError(`${folder} must be an absolute path`);
  for (const address of settings.dns)
    if (!isIP(address)) throw new UsageError(`invalid IP address: ${address}`);
  for (const label of settings.labels)
    if (!/^[^=\s]+=/.test(label)) throw new UsageError(`bad attribute format: ${label}`);
  if (!isIP(settings.ip)) throw new UsageError(`invalid IP address: ${settings.ip}`);
  const counts: Array<[string, number]> = [
    ['max concurrent downloads', settings.maxConcurrentDownloads],
    ['max concurrent uploads', settings.maxConcurrentUploads],
    ['max download attempts', settings.maxDownloadAttempts],
    ['default MTU', settings.mtu],
  ];
  for (const [what, count] of counts)
    if (count < 0 || (count === 0 && what === 'max download attempts'))
      throw new UsageError(`invalid ${what}: ${count}`);
  for (const mirror of settings.registryMirrors)
    if (!/^https?:\/\/[^/?#@]+\/?([^?#]*)$/.test(mirror)) throw new UsageError(`invalid mirror: ${mirror}`);
}

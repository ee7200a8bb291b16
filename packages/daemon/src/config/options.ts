import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { jsonProblem } from '../base/go-json.ts';
import { DEFAULT_CONFIG_FILE, DEFAULTS } from './defaults.ts';
import { type Flag, limitOf } from './flag.ts';
import { FLAGS } from './flags.ts';
import { splitHost } from './hosts.ts';
import { addRuntime, knowsRuntime, readRuntimes } from './runtimes.ts';
import type { Settings } from './settings.ts';

/** The parsed command line. */
export interface CommandLine {
  settings: Settings;
  action: 'run' | 'validate' | 'version' | 'help';
  configFile: string;
}

/** A mistake of the user's in flags or the configuration file: its message is all there is to say. */
export class UsageError extends Error {}

/**
 * Settings from flags, configuration file and defaults.
 * @throws UsageError naming the flag or the key.
 */
export function parseCommandLine(args: string[]): CommandLine {
  const flags = parseFlags(args);
  const action = flags.has('help')
    ? 'help'
    : flags.has('version')
      ? 'version'
      : flags.has('validate')
        ? 'validate'
        : 'run';
  const configFile = (flags.get('config-file') as string | undefined) ?? DEFAULT_CONFIG_FILE;
  const asked =
    action === 'help' || action === 'version' ? new Map<string, unknown>() : fromFile(configFile, flags);
  for (const [name, value] of flags) asked.set(name, value);
  return { settings: settle(asked), action, configFile };
}

/** Reads the configuration file again and takes over what may change while the daemon runs. Returns what it took. */
export function reload(settings: Settings, args: string[]): Record<string, unknown> {
  const { settings: next } = parseCommandLine(args);
  const taken: Record<string, unknown> = {};
  for (const { reload: may, field } of FLAGS) {
    if (!may || field === undefined) continue;
    const key = field as keyof Settings;
    if (JSON.stringify(settings[key]) === JSON.stringify(next[key])) continue;
    Object.assign(settings, { [key]: next[key] });
    taken[key] = next[key];
  }
  return taken;
}

/** The text of `--help`. */
export function usage(): string {
  const lines = FLAGS.map((flag) => {
    const { name, short, type, help } = flag;
    const left = `  ${short ? `-${short}, ` : '    '}--${name}${type === 'boolean' ? '' : ` ${type}`}`;
    const limit = limitOf(flag);
    return `${left.padEnd(42)} ${help}${limit ? ` (limited: ${limit})` : ''}`;
  });
  return `\nUsage:  berthd [OPTIONS]\n\nA container engine that speaks the Docker Engine API.\n\nOptions:\n${lines.join('\n')}\n`;
}

function parseFlags(args: string[]): Map<string, unknown> {
  const byName = new Map(FLAGS.map((flag) => [flag.name, flag]));
  const byShort = new Map(FLAGS.filter((flag) => flag.short).map((flag) => [flag.short!, flag]));
  const found = new Map<string, unknown>();
  const take = (flag: Flag, shown: string, given: string | undefined, next: () => string | undefined) => {
    let text = given;
    if (text === undefined && flag.type === 'boolean') text = 'true';
    if (text === undefined) text = next();
    if (text === undefined) throw new UsageError(`flag needs an argument: ${shown}`);
    found.set(flag.name, merge(flag, shown, found.get(flag.name), text));
  };
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index]!;
    const next = () => args[++index];
    if (argument.startsWith('--') && argument !== '--') {
      const equals = argument.indexOf('=');
      const name = argument.slice(2, equals === -1 ? undefined : equals);
      const flag = byName.get(name);
      if (!flag) throw new UsageError(`unknown flag: --${name}`);
      take(flag, `--${name}`, equals === -1 ? undefined : argument.slice(equals + 1), next);
    } else if (argument.startsWith('-') && argument.length > 1 && argument !== '--') {
      for (let rest = argument.slice(1); rest !== ''; ) {
        const flag = byShort.get(rest[0]!);
        if (!flag) throw new UsageError(`unknown shorthand flag: '${rest[0]}' in ${argument}`);
        const shown = `'${rest[0]}' in ${argument}`;
        rest = rest.slice(1);
        if (flag.type === 'boolean' && !rest.startsWith('=')) {
          take(flag, shown, undefined, next);
          continue;
        }
        take(flag, shown, rest === '' ? undefined : rest.replace(/^=/, ''), next);
        rest = '';
      }
    } else throw new UsageError(`"berthd" accepts no arguments: ${argument}`);
  }
  return found;
}

/** Adds a flag's text to what earlier ones of the same name gave. */
function merge(flag: Flag, shown: string, before: unknown, text: string): unknown {
  const invalid = (why: string) => new UsageError(`invalid argument "${text}" for "${shown}" flag: ${why}`);
  switch (flag.type) {
    case 'boolean':
      if (!/^(1|0|t|f|true|false)$/i.test(text))
        throw invalid(`strconv.ParseBool: parsing "${text}": invalid syntax`);
      return /^(1|t|true)$/i.test(text);
    case 'integer':
      if (!/^[+-]?\d+$/.test(text)) throw invalid(`strconv.ParseInt: parsing "${text}": invalid syntax`);
      return Number(text);
    case 'bytes': {
      const bytes = parseBytes(text);
      if (bytes === undefined) throw invalid(`invalid size: '${text}'`);
      return bytes;
    }
    case 'list':
      return [...((before as string[] | undefined) ?? []), ...(text === '' ? [] : splitList(flag, text))];
    case 'map': {
      const equals = text.indexOf('=');
      if (equals < 1) throw invalid(`${text} is not of the form key=value`);
      return { ...(before as object | undefined), [text.slice(0, equals)]: text.slice(equals + 1) };
    }
    case 'maps': {
      const [, name, key, value] = /^([^=]+)=([^=]+)=(.*)$/s.exec(text) ?? [];
      if (!name || !key) throw invalid(`${text} is not of the form name=key=value`);
      const maps = (before ?? {}) as Record<string, object>;
      return { ...maps, [name]: { ...maps[name], [key]: value } };
    }
    case 'ulimits': {
      const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
      if (!match) throw invalid(`invalid ulimit argument: ${text}`);
      const [, name = '', soft = '', hard = soft] = match;
      return {
        ...(before as object | undefined),
        [name]: { Name: name, Soft: Number(soft), Hard: Number(hard) },
      };
    }
    case 'runtimes':
      try {
        return addRuntime(before as Parameters<typeof addRuntime>[0], text);
      } catch (error) {
        throw invalid((error as Error).message);
      }
    case 'pools': {
      const parts = Object.fromEntries(text.split(',').map((part) => part.split('=', 2)));
      if (!parts['base'] || !/^\d+$/.test(parts['size'] ?? '')) throw invalid('want base=CIDR,size=BITS');
      return [
        ...((before as unknown[] | undefined) ?? []),
        { base: parts['base'], size: Number(parts['size']) },
      ];
    }
    default:
      return text;
  }
}

function splitList(flag: Flag, text: string): string[] {
  return ['dns', 'host-gateway-ip'].includes(flag.name) ? text.split(',') : [text];
}

function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text.trim());
  if (!match) return undefined;
  return Math.floor(Number(match[1]) * 1024 ** ' kmgtp'.indexOf(match[2]?.toLowerCase() || ' '));
}

/** Reads the settings of the configuration file, by flag name. */
function fromFile(path: string, flags: Map<string, unknown>): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const failed = (why: string) =>
    new UsageError(`unable to configure the Berth daemon with file ${path}: ${why}`);
  if (!existsSync(path)) {
    if (flags.has('config-file')) throw failed(`open ${path}: no such file or directory`);
    return found;
  }
  // Lines that begin with // are comments, of which JSON has none: they are blanked, so that positions stay.
  const text = readFileSync(path, 'utf8').replaceAll(/^[ \t]*\/\/.*$/gm, (line) => ' '.repeat(line.length));
  if (text.trim() === '') return found;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw failed(jsonProblem(text).message);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    throw failed('the file must hold a JSON object');
  const byKey = new Map<string, Flag>();
  for (const flag of FLAGS) if (!flag.flagOnly) byKey.set(flag.key ?? flag.name, flag);
  const unknown: string[] = [];
  const conflicts: string[] = [];
  for (const [key, value] of Object.entries(parsed)) {
    const flag = byKey.get(key);
    if (!flag) {
      unknown.push(key);
      continue;
    }
    if (flags.has(flag.name))
      conflicts.push(`${key}: (from flag: ${show(flags.get(flag.name))}, from file: ${show(value)})`);
    found.set(flag.name, fileValue(flag, key, value, failed));
  }
  if (unknown.length > 0)
    throw failed(`the following directives don't match any configuration option: ${unknown.join(', ')}`);
  if (conflicts.length > 0)
    throw failed(
      `the following directives are specified both as a flag and in the configuration file: ${conflicts.join(', ')}`,
    );
  return found;
}

function show(value: unknown): string {
  return Array.isArray(value)
    ? `[${value.join(' ')}]`
    : typeof value === 'object'
      ? JSON.stringify(value)
      : `${value}`;
}

function fileValue(flag: Flag, key: string, value: unknown, failed: (why: string) => Error): unknown {
  const wrong = (want: string) => failed(`${key} must be ${want}`);
  const strings = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((item) => typeof item === 'string');
  switch (flag.type) {
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong('true or false');
      return value;
    case 'integer':
      if (!Number.isInteger(value)) throw wrong('a whole number');
      return value;
    case 'bytes': {
      const bytes =
        typeof value === 'number' ? value : typeof value === 'string' ? parseBytes(value) : undefined;
      if (bytes === undefined) throw wrong('a size');
      return bytes;
    }
    case 'list':
      if (!strings(value)) throw wrong('a list of strings');
      return value;
    case 'pools': {
      const pools = value as Array<{ base?: unknown; size?: unknown }>;
      if (
        !Array.isArray(pools) ||
        !pools.every(({ base, size }) => typeof base === 'string' && Number.isInteger(size))
      )
        throw wrong('a list of {"base": CIDR, "size": BITS}');
      return pools;
    }
    case 'maps': {
      const isMap = (map: unknown) => map !== null && typeof map === 'object' && !Array.isArray(map);
      if (!isMap(value) || !Object.values(value as object).every(isMap)) throw wrong('an object of objects');
      for (const map of Object.values(value as object))
        if (!strings(Object.values(map))) throw wrong('an object of objects of strings');
      return value;
    }
    case 'runtimes':
      if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong('an object');
      try {
        return readRuntimes(value);
      } catch (error) {
        throw failed((error as Error).message);
      }
    case 'ulimits':
    case 'map': {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong('an object');
      if (flag.type === 'map') return value;
      const limits = value as Record<string, { Name?: string; Soft?: number; Hard?: number }>;
      return Object.fromEntries(
        Object.entries(limits).map(([name, { Soft, Hard }]) => {
          if (!Number.isInteger(Soft) || !Number.isInteger(Hard))
            throw wrong('objects with Name, Soft and Hard');
          return [name, { Name: name, Soft, Hard }];
        }),
      );
    }
    default:
      if (typeof value !== 'string') throw wrong('a string');
      return value;
  }
}

/** Fills in defaults and checks what can be checked without touching the machine. */
function settle(asked: Map<string, unknown>): Settings {
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
  // Whoever connects to a socket that systemd holds waits until it is served, whatever else the daemon listens on.
  const activated =
    process.env['LISTEN_PID'] === String(process.pid) && Number(process.env['LISTEN_FDS']) > 0;
  if (activated && !settings.hosts.some((host) => host.startsWith('fd:'))) settings.hosts.push('fd://');
  if (settings.hosts.length === 0) settings.hosts = [`unix://${settings.execRoot}/berth.sock`];
  // Said twice, as a unit file and a configuration may, it is one.
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

import { parseDuration } from '../base/durations.ts';
import { invalidParameter } from '../base/errors.ts';
import { parseSignal } from '../base/signals.ts';
import type { ImageRunConfig } from '../images/api.ts';
import { type Dockerfile, type Instruction, jsonForm, parseError } from './parse.ts';
import { expandWord, expandWords, type Lookup, splitWords } from './words.ts';

/** The parts of a stage that metadata instructions change. */
export interface StageConfig {
  config: ImageRunConfig;
  author: string;
  /** A CMD stood in this Dockerfile: then an ENTRYPOINT does not reset it. */
  cmdSet: boolean;
}

/** Arguments known before and in a stage. */
export class BuildArguments {
  /** What the client gave. */
  private readonly given: Record<string, string | null>;
  /** Declared in this stage, with default. */
  private readonly declared = new Map<string, string | undefined>();
  private readonly meta: ReadonlyMap<string, string | undefined>;
  readonly used: Set<string>;
  /** What the stage below it had (BuildKit: a stage goes on with the variables of the one it stands on). */
  inherited: ReadonlyMap<string, string | undefined> = new Map();

  constructor(
    given: Record<string, string | null>,
    meta: ReadonlyMap<string, string | undefined> = new Map(),
    used = new Set<string>(),
  ) {
    this.given = given;
    this.meta = meta;
    this.used = used;
  }

  declare(name: string, byDefault: string | undefined): void {
    this.declared.set(name, byDefault ?? this.meta.get(name));
    this.used.add(name);
  }

  get(name: string): string | undefined {
    if (this.declared.has(name)) {
      const given = this.given[name];
      return given ?? this.declared.get(name) ?? this.inherited.get(name);
    }
    if (this.inherited.has(name)) return this.inherited.get(name);
    if (predefined.has(name)) {
      const given = this.given[name];
      if (given !== undefined && given !== null) {
        this.used.add(name);
        return given;
      }
    }
    return undefined;
  }

  /** What RUN sees: all with a value, `predefined` ones included only in `env`. */
  forRun(env: ReadonlySet<string>): Array<[name: string, value: string, inKey: boolean]> {
    const names = new Set([
      ...this.inherited.keys(),
      ...this.declared.keys(),
      ...Object.keys(this.given).filter((name) => predefined.has(name)),
    ]);
    const out: Array<[string, string, boolean]> = [];
    for (const name of [...names].sort()) {
      const value = this.get(name);
      if (value !== undefined && !env.has(name)) out.push([name, value, this.declared.has(name)]);
    }
    return out;
  }

  /** Arguments that the client gave and nothing declared. */
  unused(): string[] {
    return Object.keys(this.given)
      .filter((name) => !this.used.has(name) && !predefined.has(name))
      .sort();
  }

  /** What is known at the end of the stage. */
  all(): ReadonlyMap<string, string | undefined> {
    return new Map([...this.inherited, ...this.asMeta()]);
  }

  asMeta(): ReadonlyMap<string, string | undefined> {
    return new Map([...this.declared.keys()].map((name) => [name, this.get(name)]));
  }
}

/** Proxy settings need no ARG and stay out of history and cache keys (Dockerfile reference, "Predefined ARGs"). */
const predefined = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
);

/** `a=b c="d e"` or the old `a b c`; values expanded. */
export function nameValues(
  instruction: Instruction,
  lookup: Lookup,
  escaper: string,
): Array<[string, string]> {
  return pairs(instruction, escaper).map(([name, value]) => [
    expandWord(name, lookup, escaper),
    expandWord(value, lookup, escaper),
  ]);
}

/** The pairs as written. @throws invalid-parameter with dockerd's text for another form. */
export function pairs(instruction: Instruction, escaper: string): Array<[string, string]> {
  const words = splitWords(instruction.rest, escaper);
  if (words.length === 0)
    throw parseError(instruction.line, `${instruction.name} requires at least one argument`);
  if (!words[0]!.includes('=')) {
    const match = /^(\S+)\s+([\s\S]+)$/.exec(instruction.rest);
    if (!match) throw invalidParameter(`${instruction.name} must have two arguments`);
    return [[match[1]!, match[2]!]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0)
      throw invalidParameter(`Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    if (equals === 0) throw parseError(instruction.line, `${instruction.name} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** The value of NAME in a list of NAME=VALUE. */
export function envValue(env: string[] | undefined, name: string): string | undefined {
  const found = env?.findLast((entry) => entry.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

export function setEnv(env: string[] | undefined, name: string, value: string): string[] {
  const kept = (env ?? []).slice();
  const at = kept.findIndex((entry) => entry.startsWith(`${name}=`));
  if (at < 0) kept.push(`${name}=${value}`);
  else kept[at] = `${name}=${value}`;
  return kept;
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Every stage has a PATH: the usual one where its base has none. */
export function withPath(config: ImageRunConfig): ImageRunConfig {
  if (envValue(config.Env ?? [], 'PATH') === undefined) config.Env = setEnv(config.Env, 'PATH', DEFAULT_PATH);
  return config;
}

const quote = (text: string) => JSON.stringify(text);
const quotedList = (items: string[]) => `[${items.map(quote).join(' ')}]`;

/** Default shell of shell forms. */
export const shellOf = (config: ImageRunConfig) => config.Shell ?? ['/bin/sh', '-c'];

/**
 * Applies an instruction that only changes the configuration. Returns the comment for the image's history, or null when
 * the instruction is none of those.
 */
export function applyConfig(
  instruction: Instruction,
  stage: StageConfig,
  lookup: Lookup,
  dockerfile: Pick<Dockerfile, 'escape'>,
): string | null {
  const { config } = stage;
  const escaper = dockerfile.escape;
  const word = (text: string) => expandWord(text, lookup, escaper);
  switch (instruction.name) {
    case 'ENV': {
      const pairs = nameValues(instruction, lookup, escaper);
      for (const [name, value] of pairs) config.Env = setEnv(config.Env, name, value);
      return `ENV ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`;
    }
    case 'LABEL': {
      const pairs = nameValues(instruction, lookup, escaper);
      config.Labels = { ...config.Labels, ...Object.fromEntries(pairs) };
      return `LABEL ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`;
    }
    case 'CMD': {
      const command =
        instruction.json ?? (instruction.rest === '' ? [] : [...shellOf(config), instruction.rest]);
      config.Cmd = command;
      stage.cmdSet = true;
      return `CMD ${quotedList(command)}`;
    }
    case 'ENTRYPOINT': {
      const entrypoint =
        instruction.json ?? (instruction.rest === '' ? [] : [...shellOf(config), instruction.rest]);
      config.Entrypoint = entrypoint.length > 0 ? entrypoint : null;
      if (!stage.cmdSet) config.Cmd = null;
      return `ENTRYPOINT ${quotedList(entrypoint)}`;
    }
    case 'EXPOSE': {
      // In whatever order they are written: the same ports are the same step to the cache.
      const words = expandWords(instruction.rest, lookup, escaper).sort();
      const ports = new Set([...Object.keys(config.ExposedPorts ?? {}), ...words.flatMap(exposedPorts)]);
      config.ExposedPorts = Object.fromEntries([...ports].sort().map((port) => [port, {}]));
      return `EXPOSE ${words.join(' ')}`;
    }
    case 'USER':
      config.User = word(instruction.rest);
      return `USER ${config.User}`;
    case 'VOLUME': {
      const paths = (instruction.json ?? splitWords(instruction.rest, escaper)).map(word);
      if (paths.length === 0) throw parseError(instruction.line, 'VOLUME requires at least one argument');
      if (paths.some((path) => path.trim() === ''))
        throw parseError(instruction.line, 'VOLUME specified can not be an empty string');
      config.Volumes = {
        ...config.Volumes,
        ...Object.fromEntries(paths.map((path) => [path, {}])),
      };
      return `VOLUME [${paths.join(' ')}]`;
    }
    case 'STOPSIGNAL':
      config.StopSignal = word(instruction.rest);
      parseSignal(config.StopSignal);
      return `STOPSIGNAL ${config.StopSignal}`;
    case 'SHELL':
      if (instruction.json?.length === 0)
        throw parseError(instruction.line, 'SHELL requires at least one argument');
      if (!instruction.json)
        throw parseError(instruction.line, 'SHELL requires the arguments to be in JSON form');
      config.Shell = instruction.json;
      return `SHELL [${instruction.json.join(' ')}]`;
    case 'MAINTAINER':
      stage.author = instruction.rest;
      return `MAINTAINER ${instruction.rest}`;
    case 'ONBUILD':
      config.OnBuild = [...(config.OnBuild ?? []), onbuildTrigger(instruction)];
      return `ONBUILD ${onbuildTrigger(instruction)}`;
    case 'HEALTHCHECK':
      config.Healthcheck = healthcheck(instruction);
      return `HEALTHCHECK ${goHealthcheck(config.Healthcheck)}`;
    default:
      return null;
  }
}

/** `8080`, `80/udp`, `8000-8002/tcp` as the keys of ExposedPorts. @throws invalid-parameter with dockerd's text. */
export function exposedPorts(text: string): string[] {
  const [range = '', protocol = 'tcp'] = text.toLowerCase().split('/');
  const match = /^(\d+)(?:-(\d+))?$/.exec(range);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? first);
  if (!match || first > 65535 || last > 65535 || last < first)
    throw invalidParameter(`Invalid containerPort: ${range}`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw invalidParameter(`Invalid proto: ${protocol}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

function onbuildTrigger(instruction: Instruction): string {
  const trigger = instruction.original.replace(/^ONBUILD\s+/i, '');
  const name = /^\S+/.exec(trigger)?.[0]?.toUpperCase() ?? '';
  if (name === 'ONBUILD')
    throw parseError(instruction.line, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (name === 'FROM' || name === 'MAINTAINER')
    throw parseError(instruction.line, `${name} isn't allowed as an ONBUILD trigger`);
  return trigger;
}

/** A health check as Go prints it with `%q`: that is how dockerd's history has it. */
function goHealthcheck(check: NonNullable<ImageRunConfig['Healthcheck']>): string {
  const times = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval].map(
    (time) => `"${formatDuration(time ?? 0)}"`,
  );
  const retries = check.Retries ?? 0;
  const escapes: Record<number, string> = {
    7: '\\a',
    8: '\\b',
    9: '\\t',
    10: '\\n',
    11: '\\v',
    12: '\\f',
    13: '\\r',
    39: "\\'",
    92: '\\\\',
  };
  const rune =
    escapes[retries] ??
    (retries < 32 || retries === 127
      ? `\\x${retries.toString(16).padStart(2, '0')}`
      : String.fromCodePoint(Math.min(retries, 0x10ffff)));
  return `&{${quotedList(check.Test ?? [])} ${times.join(' ')} '${rune}'}`;
}

/** Nanoseconds as Go writes a duration: `1m30s`, `500ms`. */
function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const hours = Math.floor(nanoseconds / 3600e9);
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9);
  const seconds = (nanoseconds % 60e9) / 1e9;
  return `${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`;
}

/** A duration as Go writes it (`1m30s`, `500ms`) in nanoseconds. */
function goDuration(text: string, flag: string, line: number): number {
  const duration = parseDuration(text);
  if (duration === undefined) throw parseError(line, `time: invalid duration "${text}"`);
  if (duration !== 0n && duration < 1_000_000n)
    throw parseError(line, `Interval "${flag}" cannot be less than 1ms`);
  return Number(duration);
}

function healthcheck(instruction: Instruction): NonNullable<ImageRunConfig['Healthcheck']> {
  const match = /^(\S+)(?:\s+([\s\S]*))?$/.exec(instruction.rest);
  const form = match?.[1]?.toUpperCase();
  if (form === 'NONE') {
    if (match?.[2]?.trim()) throw parseError(instruction.line, 'HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  if (form === undefined) throw parseError(instruction.line, 'HEALTHCHECK requires at least one argument');
  if (form !== 'CMD')
    throw parseError(instruction.line, `Unknown type "${match![1]!.toUpperCase()}" in HEALTHCHECK (try CMD)`);
  const command = match?.[2]?.trim() ?? '';
  if (command === '') throw parseError(instruction.line, 'Missing command after HEALTHCHECK CMD');
  const json = jsonForm(command);
  const check: NonNullable<ImageRunConfig['Healthcheck']> = {
    Test: json ? ['CMD', ...json] : ['CMD-SHELL', command],
  };
  for (const flag of instruction.flags) {
    if (flag.name === 'interval') check.Interval = goDuration(flag.value, 'interval', instruction.line);
    else if (flag.name === 'timeout') check.Timeout = goDuration(flag.value, 'timeout', instruction.line);
    else if (flag.name === 'start-period')
      check.StartPeriod = goDuration(flag.value, 'start-period', instruction.line);
    else if (flag.name === 'start-interval')
      check.StartInterval = goDuration(flag.value, 'start-interval', instruction.line);
    else if (flag.name === 'retries') {
      if (/^-\d+$/.test(flag.value))
        throw parseError(instruction.line, `--retries cannot be negative (${flag.value})`);
      if (!/^\d+$/.test(flag.value))
        throw parseError(instruction.line, `strconv.ParseInt: parsing "${flag.value}": invalid syntax`);
      check.Retries = Number(flag.value);
    }
  }
  return check;
}

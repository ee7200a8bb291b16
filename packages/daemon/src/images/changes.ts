import { posix } from 'node:path';
import { parseDuration } from '../base/durations.ts';
import { invalidParameter } from '../base/errors.ts';
import type { ImageRunConfig } from './api.ts';
import { expandWord, splitWords, type Variables } from './words.ts';

type Change = (config: ImageRunConfig, rest: string, state: { cmdSet: boolean }) => void;

const DEFAULT_SHELL = ['/bin/sh', '-c'];

/**
 * Applies Dockerfile instructions to a configuration (`--change` of commit and import); the given object stays as it is.
 * @throws invalid-parameter with the texts of dockerd's parser.
 */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig {
  const result = structuredClone(config);
  const lines = changes
    .join('\n')
    .replace(/\\[ \t]*\r?\n/g, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const instructions = lines.map((line) => {
    const [name = ''] = line.split(/\s/, 1);
    const apply = CHANGES[name.toUpperCase()];
    if (!apply) throw invalidParameter(`${name} is not a valid change command`);
    return { apply, rest: line.slice(name.length).trim() };
  });
  const state = { cmdSet: false };
  for (const { apply, rest } of instructions) apply(result, rest, state);
  return result;
}

const CHANGES: Record<string, Change> = {
  CMD(config, rest, state) {
    config.Cmd = command(config, rest);
    state.cmdSet = true;
  },
  ENTRYPOINT(config, rest, state) {
    config.Entrypoint = command(config, rest);
    // A command that belonged to another entry point would be given to this one as arguments.
    if (!state.cmdSet) config.Cmd = null;
  },
  ENV(config, rest) {
    for (const [name, value] of pairs('ENV', rest, variablesOf(config))) setEnv(config, name, value);
  },
  LABEL(config, rest) {
    const labels = { ...config.Labels };
    for (const [name, value] of pairs('LABEL', rest, variablesOf(config))) labels[name] = value;
    config.Labels = labels;
  },
  EXPOSE(config, rest) {
    const ports = atLeastOne('EXPOSE', splitWords(rest)).map((word) => expandWord(word, variablesOf(config)));
    config.ExposedPorts = { ...config.ExposedPorts };
    for (const port of ports.flatMap(exposedPorts)) config.ExposedPorts[port] = {};
  },
  HEALTHCHECK(config, rest) {
    config.Healthcheck = healthcheck(rest);
  },
  ONBUILD(config, rest) {
    atLeastOne('ONBUILD', rest === '' ? [] : [rest]);
    const trigger = rest.split(/\s/, 1)[0]!.toUpperCase();
    if (trigger === 'ONBUILD') throw invalidParameter("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (trigger === 'FROM' || trigger === 'MAINTAINER')
      throw invalidParameter(`${trigger} isn't allowed as an ONBUILD trigger`);
    config.OnBuild = [...(config.OnBuild ?? []), rest];
  },
  STOPSIGNAL(config, rest) {
    const signal = expandWord(exactlyOne('STOPSIGNAL', rest), variablesOf(config));
    if (!isSignal(signal)) throw invalidParameter(`invalid signal: ${signal}`);
    config.StopSignal = signal;
  },
  USER(config, rest) {
    config.User = expandWord(exactlyOne('USER', rest), variablesOf(config));
  },
  VOLUME(config, rest) {
    const words = atLeastOne('VOLUME', jsonStrings(rest) ?? splitWords(rest));
    config.Volumes = { ...config.Volumes };
    for (const word of words) {
      const path = expandWord(word, variablesOf(config)).trim();
      if (path === '') throw invalidParameter('VOLUME specified can not be an empty string');
      config.Volumes[path] = {};
    }
  },
  WORKDIR(config, rest) {
    const path = expandWord(exactlyOne('WORKDIR', rest), variablesOf(config));
    if (path === '') throw invalidParameter('cannot normalize nothing');
    config.WorkingDir = trimSlash(posix.resolve('/', config.WorkingDir ?? '', path));
  },
};

/** The value of an environment variable of a configuration. */
function variablesOf(config: ImageRunConfig): Variables {
  let known: Map<string, string> | undefined;
  return (name) => {
    known ??= new Map(
      // The first of a name counts.
      (config.Env ?? []).toReversed().map((entry) => {
        const equals = entry.indexOf('=');
        return equals === -1 ? ['', ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    );
    return known.get(name);
  };
}

/** Sets a variable where it is, or at the end. */
export function setEnv(config: ImageRunConfig, name: string, value: string): void {
  const env = [...(config.Env ?? [])];
  const index = env.findIndex((entry) => entry === name || entry.startsWith(`${name}=`));
  if (index === -1) env.push(`${name}=${value}`);
  else env[index] = `${name}=${value}`;
  config.Env = env;
}

function command(config: ImageRunConfig, rest: string): string[] | null {
  const list = jsonStrings(rest);
  if (list) return list;
  return rest === '' ? null : [...(config.Shell ?? DEFAULT_SHELL), rest];
}

/** The strings of a JSON list; undefined for what is none (that is then shell text). */
function jsonStrings(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  } catch {}
  return undefined;
}

/** `a=1 b=2`, or the old `a 1`. */
function pairs(instruction: string, rest: string, variables: Variables): Array<[string, string]> {
  const words = atLeastOne(instruction, splitWords(rest));
  if (!words[0]!.includes('=')) {
    const value = rest.slice(words[0]!.length).trim();
    if (words.length < 2) throw invalidParameter(`${instruction} must have two arguments`);
    return [[expandWord(words[0]!, variables), expandWord(value, variables)]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === -1)
      throw invalidParameter(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    if (equals === 0) throw invalidParameter(`${instruction} names can not be blank`);
    return [expandWord(word.slice(0, equals), variables), expandWord(word.slice(equals + 1), variables)];
  });
}

function atLeastOne(instruction: string, words: string[]): string[] {
  if (words.length === 0) throw invalidParameter(`${instruction} requires at least one argument`);
  return words;
}

function exactlyOne(instruction: string, rest: string): string {
  if (rest === '') throw invalidParameter(`${instruction} requires exactly one argument`);
  return rest;
}

/** `80`, `80/udp`, `80-82/tcp` as the API's names of ports. */
function exposedPorts(text: string): string[] {
  const [range = '', protocol = 'tcp', ...more] = text.split('/');
  const own = range.split(':').at(-1)!;
  const bad = () => invalidParameter(`Invalid containerPort: ${own}`);
  if (more.length > 0) throw bad();
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase()))
    throw invalidParameter(`Invalid proto: ${protocol}`);
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(own);
  if (!match) throw bad();
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first > 65535 || last > 65535 || last < first) throw bad();
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol.toLowerCase()}`);
}

const SIGNALS =
  'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ'.split(
    ' ',
  );

function isSignal(text: string): boolean {
  if (/^\d+$/.test(text)) return Number(text) >= 1 && Number(text) <= 64;
  const name = text.toUpperCase().replace(/^SIG/, '');
  return SIGNALS.includes(name) || /^RTMIN(\+([0-9]|1[0-5]))?$|^RTMAX(-([0-9]|1[0-4]))?$/.test(name);
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

type Healthcheck = NonNullable<ImageRunConfig['Healthcheck']>;

function healthcheck(rest: string): Healthcheck {
  let text = rest;
  const check: Healthcheck = {};
  for (let match = OPTION.exec(text); match; match = OPTION.exec(text)) {
    healthOption(check, match[1]!, match[2] ?? '');
    text = text.slice(match[0].length);
  }
  const [type = ''] = text.split(/\s/, 1);
  const body = text.slice(type.length).trim();
  atLeastOne('HEALTHCHECK', type === '' ? [] : [type]);
  if (type.toUpperCase() === 'NONE') {
    if (body !== '') throw invalidParameter('HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  if (type.toUpperCase() !== 'CMD')
    throw invalidParameter(`Unknown type "${type.toUpperCase()}" in HEALTHCHECK (try CMD)`);
  if (body === '') throw invalidParameter('Missing command after HEALTHCHECK CMD');
  const list = jsonStrings(body);
  return { Test: list ? ['CMD', ...list] : ['CMD-SHELL', body], ...check };
}

const OPTION = /^--([a-z-]+)(?:=(\S*))?\s+/;

function healthOption(check: Healthcheck, name: string, value: string): void {
  if (name === 'retries') {
    if (!/^\d+$/.test(value))
      throw invalidParameter(`--retries must be a whole number: ${JSON.stringify(value)}`);
    check.Retries = Number(value);
    return;
  }
  const member = (
    {
      interval: 'Interval',
      timeout: 'Timeout',
      'start-period': 'StartPeriod',
      'start-interval': 'StartInterval',
    } as const
  )[name];
  if (!member) throw invalidParameter(`unknown flag: --${name}`);
  const parsed = parseDuration(value);
  if (parsed === undefined) throw invalidParameter(`time: invalid duration ${JSON.stringify(value)}`);
  const duration = Number(parsed);
  if (duration !== 0 && duration < 1e6)
    throw invalidParameter(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  check[member] = duration;
}

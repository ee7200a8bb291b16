import { createHash } from 'node:crypto';
import { invalidParameter } from '../base/errors.ts';
import { parseJson, sortedMap } from '../base/go-json.ts';
import type { ImageConfig, ImageRunConfig } from './api.ts';
import { isDigest } from './references.ts';

/** The most bytes of an image configuration; real ones have a few KiB. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

const MAX_LAYERS = 4096;

/** Members of Docker's configurations that the OCI's do not name. */
export interface StoredConfig extends ImageConfig {
  comment?: string;
  docker_version?: string;
  container?: string;
  container_config?: Record<string, unknown>;
  'os.version'?: string;
  'os.features'?: string[];
}

/** The digest that names some bytes. */
export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

type MemberType = 'string' | 'boolean' | 'number' | 'strings' | 'map of strings' | 'set';

const TEXTS = [
  'architecture',
  'os',
  'variant',
  'created',
  'author',
  'comment',
  'docker_version',
  'container',
] as const;

const RUN_CONFIG: Record<string, MemberType> = {
  User: 'string',
  Env: 'strings',
  Cmd: 'strings',
  Entrypoint: 'strings',
  ExposedPorts: 'set',
  Volumes: 'set',
  WorkingDir: 'string',
  Labels: 'map of strings',
  StopSignal: 'string',
  OnBuild: 'strings',
  Shell: 'strings',
  ArgsEscaped: 'boolean',
};

/**
 * Reads an image's configuration: every member that we act on has the type that it must have, whoever wrote it.
 * @throws invalid-parameter saying what is wrong.
 */
export function parseConfig(raw: string): StoredConfig {
  if (raw.length > MAX_CONFIG_BYTES) throw invalidParameter('the image configuration is too large');
  let value: unknown;
  try {
    value = parseJson(raw);
  } catch (error) {
    throw invalidParameter(`the image configuration is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) throw bad('it is not an object');
  const config = value as Record<string, unknown>;
  const rootfs = config['rootfs'];
  if (!isObject(rootfs)) throw bad('rootfs is missing');
  const diffIds = (rootfs as Record<string, unknown>)['diff_ids'] ?? [];
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest) || diffIds.length > MAX_LAYERS)
    throw bad('rootfs.diff_ids is not a list of digests');
  for (const name of TEXTS) {
    checkType(config, name, 'string');
    // Builders write `"created": null` for a time that is not known: the same as none.
    if (config[name] === null) delete config[name];
  }
  const history = config['history'] ?? undefined;
  if (history !== undefined) checkHistory(history);
  const run = config['config'] ?? undefined;
  if (run !== undefined) checkRunConfig(run);
  const made = config['container_config'] ?? undefined;
  if (made !== undefined && !isObject(made)) throw bad('container_config is not an object');
  return {
    ...config,
    architecture: (config['architecture'] as string | undefined) ?? '',
    os: (config['os'] as string | undefined) ?? '',
    rootfs: { type: 'layers', diff_ids: diffIds as string[] },
    ...(history === undefined ? {} : { history }),
    ...(run === undefined ? {} : { config: run }),
  } as StoredConfig;
}

function checkHistory(history: unknown): void {
  if (!Array.isArray(history) || !history.every(isObject)) throw bad('history is not a list');
  for (const step of history as Array<Record<string, unknown>>) {
    for (const name of ['created', 'created_by', 'comment', 'author']) checkType(step, name, 'string');
    checkType(step, 'empty_layer', 'boolean');
  }
}

function checkRunConfig(run: unknown): void {
  if (!isObject(run)) throw bad('config is not an object');
  const config = run as Record<string, unknown>;
  for (const [name, type] of Object.entries(RUN_CONFIG)) {
    // Docker's client libraries let these two be one word.
    if ((name === 'Cmd' || name === 'Entrypoint') && typeof config[name] === 'string')
      config[name] = [config[name]];
    checkType(config, name, type);
  }
  const health = config['Healthcheck'] ?? undefined;
  if (health === undefined) return;
  if (!isObject(health)) throw bad('config.Healthcheck is not an object');
  checkType(health, 'Test', 'strings');
  for (const name of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'])
    checkType(health, name, 'number');
}

function checkType(object: object, name: string, type: MemberType): void {
  const value = (object as Record<string, unknown>)[name];
  if (value === undefined || value === null) return;
  const fits =
    type === 'strings'
      ? Array.isArray(value) && value.every((item) => typeof item === 'string')
      : type === 'map of strings'
        ? isObject(value) && Object.values(value).every((item) => typeof item === 'string')
        : type === 'set'
          ? isObject(value)
          : typeof value === type;
  if (!fits) throw bad(`${name} is not a ${type === 'strings' ? 'list of strings' : type}`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const bad = (why: string) => invalidParameter(`the image configuration is malformed: ${why}`);

/** A run configuration with all of the members that Docker's API writes, in its order. */
export function dockerConfig(
  config: Record<string, unknown> | ImageRunConfig | undefined,
): Record<string, unknown> {
  const given = (config ?? {}) as Record<string, unknown>;
  const optional = (name: string) => {
    const value = given[name];
    const empty =
      value === undefined || value === null || value === '' || value === false || isEmptyObject(value);
    return empty
      ? {}
      : { [name]: name === 'ExposedPorts' ? sortedMap(value as object as Record<string, unknown>) : value };
  };
  return {
    Hostname: given['Hostname'] ?? '',
    Domainname: given['Domainname'] ?? '',
    User: given['User'] ?? '',
    AttachStdin: given['AttachStdin'] ?? false,
    AttachStdout: given['AttachStdout'] ?? false,
    AttachStderr: given['AttachStderr'] ?? false,
    ...optional('ExposedPorts'),
    Tty: given['Tty'] ?? false,
    OpenStdin: given['OpenStdin'] ?? false,
    StdinOnce: given['StdinOnce'] ?? false,
    Env: given['Env'] ?? null,
    Cmd: given['Cmd'] ?? null,
    ...optional('Healthcheck'),
    ...optional('ArgsEscaped'),
    Image: given['Image'] ?? '',
    Volumes: isObject(given['Volumes']) ? sortedMap({ ...given['Volumes'] }) : null,
    WorkingDir: given['WorkingDir'] ?? '',
    Entrypoint: given['Entrypoint'] ?? null,
    ...optional('NetworkDisabled'),
    ...optional('MacAddress'),
    OnBuild: given['OnBuild'] ?? null,
    Labels: isObject(given['Labels']) ? sortedMap({ ...given['Labels'] }) : null,
    ...optional('StopSignal'),
    ...optional('StopTimeout'),
    ...optional('Shell'),
  };
}

function isEmptyObject(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

/** Now, as Go's RFC 3339 (of whose nanoseconds we know the microseconds). */
export function timestamp(): string {
  const now = performance.timeOrigin + performance.now();
  const seconds = Math.floor(now / 1000);
  const micros = Math.floor((now - seconds * 1000) * 1000);
  return goTime(`${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}Z`);
}

/** A time as Go writes it: no zeros at the end of its fraction. */
export function goTime(time: string): string {
  // Not a time: an image may say anything.
  if (time.length > 64) return time;
  return time.replace(/\.(\d*?)0+(?=\D*(?:\d\d:\d\d)?$)/, (_, digits: string) =>
    digits === '' ? '' : `.${digits}`,
  );
}

/** Unix seconds of a configuration's time; 0 without one, as dockerd. */
export function unixSeconds(created: string | undefined): number {
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(time) ? 0 : Math.floor(time / 1000);
}

/** Nanoseconds of a time for comparing; negative without one. */
export function unixNanos(created: string | undefined): bigint {
  const time = created === undefined ? Number.NaN : Date.parse(created);
  if (created === undefined || Number.isNaN(time)) return -1n;
  const fraction = /\.(\d+)/.exec(created)?.[1] ?? '';
  return BigInt(Math.floor(time / 1000)) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

/** The chain id of the layers up to and including each (image-spec, config.md): what dockerd names deleted layers by. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chain;
}

import { hostname as machineName } from 'node:os';
import { invalidParameter } from '../../base/errors.ts';
import { parseSignal } from '../../base/signals.ts';
import type { ImageRunConfig } from '../../images/api.ts';
import { isNetworkProbe, parseNetworkProbe } from '../lifecycle/probes.ts';
import type { Config, HealthConfig } from '../model/types.ts';

type Body = Record<string, unknown>;

/** A Cmd or Entrypoint as Go's strslice reads it: a lone string is a list of one. */
export function words(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? [value] : (value as string[]);
}

const text = (value: unknown) => (typeof value === 'string' ? value : '');
const flag = (value: unknown) => value === true;

/**
 * A container's Config from what the client sent and what its image brings, by dockerd's merge rules.
 * @throws invalid-parameter with dockerd's text.
 */
export function mergeConfig(body: Body, image: ImageRunConfig): Config {
  let cmd = words(body['Cmd']);
  let entrypoint = words(body['Entrypoint']);
  let argsEscaped = flag(body['ArgsEscaped']);
  // An Entrypoint of the user's own takes the image's Cmd away; an empty list keeps it and takes the Entrypoint away.
  if (!entrypoint?.length) {
    if (!cmd?.length) {
      cmd = image.Cmd ?? undefined;
      argsEscaped = image.ArgsEscaped ?? argsEscaped;
    }
    entrypoint ??= image.Entrypoint ?? undefined;
  }
  if (entrypoint?.length === 1 && entrypoint[0] === '') entrypoint = undefined;
  if (!entrypoint?.length && !cmd?.length) throw invalidParameter('no command specified');

  const health = mergeHealth(body['Healthcheck'] as HealthConfig | undefined, image.Healthcheck);
  const exposed = {
    ...image.ExposedPorts,
    ...(body['ExposedPorts'] as Record<string, object>),
  };
  const volumes = { ...image.Volumes, ...(body['Volumes'] as Record<string, object>) };
  const stopSignal = text(body['StopSignal']) || image.StopSignal || '';
  const config: Config = {
    Hostname: text(body['Hostname']),
    Domainname: text(body['Domainname']),
    User: text(body['User']) || image.User || '',
    AttachStdin: flag(body['AttachStdin']),
    AttachStdout: flag(body['AttachStdout']),
    AttachStderr: flag(body['AttachStderr']),
    ...(Object.keys(exposed).length > 0 && { ExposedPorts: exposed }),
    Tty: flag(body['Tty']),
    OpenStdin: flag(body['OpenStdin']),
    StdinOnce: flag(body['StdinOnce']),
    Env: mergeEnv((body['Env'] as string[]) ?? [], image.Env ?? []),
    Cmd: cmd ?? null,
    ...(health && { Healthcheck: health }),
    ...(argsEscaped && { ArgsEscaped: true }),
    Image: text(body['Image']),
    Volumes: Object.keys(volumes).length > 0 ? volumes : null,
    WorkingDir: cleanPath(text(body['WorkingDir']) || image.WorkingDir || ''),
    Entrypoint: entrypoint ?? null,
    ...(flag(body['NetworkDisabled']) && { NetworkDisabled: true }),
    ...(text(body['MacAddress']) && { MacAddress: text(body['MacAddress']) }),
    OnBuild: (body['OnBuild'] as string[]) ?? image.OnBuild ?? null,
    Labels: { ...image.Labels, ...(body['Labels'] as Record<string, string>) },
    ...(stopSignal && { StopSignal: stopSignal }),
    ...(typeof body['StopTimeout'] === 'number' && { StopTimeout: body['StopTimeout'] }),
    ...(Array.isArray(body['Shell'])
      ? { Shell: body['Shell'] as string[] }
      : image.Shell && { Shell: image.Shell }),
  };
  check(config);
  return config;
}

/** The user's variables first, then those of the image that the user did not name. */
export function mergeEnv(user: string[], image: string[]): string[] {
  const named = new Set(user.map((entry) => entry.split('=', 1)[0]));
  return [...user, ...image.filter((entry) => !named.has(entry.split('=', 1)[0]))];
}

/** The user's health check with what it leaves empty from the image's. */
export function mergeHealth(
  user: HealthConfig | undefined,
  image: HealthConfig | undefined,
): HealthConfig | undefined {
  if (!user) return image;
  const merged: HealthConfig = { ...image };
  for (const [key, value] of Object.entries(user) as Array<[keyof HealthConfig, never]>) {
    if (Array.isArray(value) ? (value as unknown[]).length > 0 : value) merged[key] = value;
  }
  return merged;
}

/** `80` means `80/tcp`. */
export function withProtocol(port: string): string {
  return port.includes('/') ? port.toLowerCase() : `${port}/tcp`;
}

/** Go's path.Clean for absolute paths; anything else is returned as it is. */
function cleanPath(path: string): string {
  if (!path.startsWith('/')) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

const MILLISECOND = 1_000_000;

function check(config: Config): void {
  if (config.WorkingDir !== '' && !config.WorkingDir.startsWith('/'))
    throw invalidParameter(
      `the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`,
    );
  if (config.StopSignal) parseSignal(config.StopSignal);
  for (const variable of config.Env ?? []) {
    if (variable === '' || variable.startsWith('='))
      throw invalidParameter(`invalid environment variable: ${variable}`);
  }
  const health = config.Healthcheck;
  if (!health) return;
  for (const member of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = health[member] ?? 0;
    if (value !== 0 && value < MILLISECOND)
      throw invalidParameter(`${member} in Healthcheck cannot be less than 1ms`);
  }
  if (isNetworkProbe(health.Test?.[0])) parseNetworkProbe(health.Test!);
  if (!['none', 'restart', 'stop', ''].includes(health.OnUnhealthy ?? ''))
    throw invalidParameter(
      `invalid Healthcheck: OnUnhealthy must be none, restart or stop, not ${health.OnUnhealthy}`,
    );
  if ((health.Retries ?? 0) < 0) throw invalidParameter('Retries in Healthcheck cannot be negative');
}

/** The program and its arguments. */
export function commandLine(config: Config): { path: string; args: string[] } {
  const [path = '', ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  return { path, args };
}

/** The name a container calls itself when it was given none. */
export function defaultHostname(id: string, networkMode: string): string {
  return networkMode === 'host' ? machineName() : id.slice(0, 12);
}

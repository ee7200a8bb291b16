import { log } from '../../base/log.ts';
import { count } from '../../base/meters.ts';
import { nowNanos, parseRfc3339, rfc3339 } from '../../base/time.ts';
import { runProbe } from '../io/probe.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { Monitor } from '../model/running.ts';
import type { Health, HealthConfig, HealthLogEntry } from '../model/types.ts';
import { isNetworkProbe, parseNetworkProbe, runNetworkProbe } from './probes.ts';

const MILLISECOND = 1_000_000;
const DEFAULT_INTERVAL = 30_000;
const DEFAULT_TIMEOUT = 30_000;
const DEFAULT_START_INTERVAL = 5_000;
const DEFAULT_RETRIES = 3;
const KEPT_RESULTS = 5;
const OUTPUT_LIMIT = 4096;

const milliseconds = (nanos: number | undefined, standard: number) =>
  nanos ? nanos / MILLISECOND : standard;

/** Runs one check of a container that runs. */
type Probe = (timeout: number) => ReturnType<typeof runProbe>;

/** Stops or restarts a container that has become unhealthy. */
export type Remedy = (container: Container, remedy: 'restart' | 'stop') => Promise<void>;

/** The command of a check, or undefined when there is none to run. */
export function probeCommand(
  config: HealthConfig | undefined,
  shell: string[] | undefined,
): string[] | undefined {
  const [kind, ...words] = config?.Test ?? [];
  if (kind === 'CMD' && words.length > 0) return words;
  if (kind === 'CMD-SHELL') return [...(shell?.length ? shell : ['/bin/sh', '-c']), words[0] ?? ''];
  return undefined;
}

/** The state after one result. Pure: `startedAgo` is how long the container ran when the check began, in milliseconds. */
export function afterProbe(
  health: Health,
  result: HealthLogEntry,
  config: HealthConfig,
  startedAgo: number,
): Health {
  const Log = [...health.Log, result].slice(-KEPT_RESULTS);
  if (result.ExitCode === 0) return { Status: 'healthy', FailingStreak: 0, Log };
  // While a container that was never healthy is within its start period, failures do not count.
  const counts = health.Status !== 'starting' || startedAgo >= milliseconds(config.StartPeriod, 0);
  const FailingStreak = health.FailingStreak + (counts ? 1 : 0);
  const failed = counts && FailingStreak >= (config.Retries || DEFAULT_RETRIES);
  return { Status: failed ? 'unhealthy' : health.Status, FailingStreak, Log };
}

/**
 * Milliseconds until the next probe, `ago` milliseconds after the container's start. While it starts, probes come at
 * `StartInterval`, or as often as usual but at least every 5 s: Docker 26 takes the usual interval then, 28 takes 5 s,
 * which found a container that is probed twice a second healthy after 5 s only.
 */
export function untilProbe(config: HealthConfig, status: string | undefined, ago: number): number {
  const usual = milliseconds(config.Interval, DEFAULT_INTERVAL);
  const starting = status === 'starting' && ago < milliseconds(config.StartPeriod, 0);
  return starting ? milliseconds(config.StartInterval, Math.min(usual, DEFAULT_START_INTERVAL)) : usual;
}

/** Runs a container's check at its interval until it is ended. */
class HealthMonitor implements Monitor {
  private readonly context: Context;
  private readonly container: Container;
  private readonly check: Probe;
  private readonly config: HealthConfig;
  private readonly remedy: Remedy;
  private timer: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(context: Context, container: Container, check: Probe, config: HealthConfig, remedy: Remedy) {
    this.context = context;
    this.container = container;
    this.check = check;
    this.config = config;
    this.remedy = remedy;
  }

  start(): void {
    this.schedule();
  }

  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.ended) return;
    const { config, container } = this;
    const pause = untilProbe(config, container.health?.Status, this.startedAgo());
    this.timer = setTimeout(() => {
      this.probe().catch((error) => log.debug({ container: container.id, err: error }, 'health check'));
    }, pause);
    this.timer.unref();
  }

  private startedAgo(at = nowNanos()): number {
    const started = parseRfc3339(this.container.state.startedAt);
    return started === undefined ? 0 : Number(at - started) / MILLISECOND;
  }

  /** Does what the container asks for when it is unhealthy. Returns whether its run ends with that. */
  private async act(): Promise<boolean> {
    const { OnUnhealthy } = this.config;
    if (OnUnhealthy !== 'restart' && OnUnhealthy !== 'stop') return false;
    const { container } = this;
    log.warn({ container: container.id, remedy: OnUnhealthy }, 'a container is unhealthy');
    this.end();
    await this.remedy(container, OnUnhealthy).catch((error) =>
      log.error({ container: container.id, err: error }, 'an unhealthy container'),
    );
    return true;
  }

  private async probe(): Promise<void> {
    const { container, config } = this;
    if (container.state.status !== 'running') return this.schedule();
    const timeout = milliseconds(config.Timeout, DEFAULT_TIMEOUT);
    const began = nowNanos();
    const { exitCode, output, timedOut } = await this.check(timeout);
    if (this.ended) return;
    count('health checks');
    if (timedOut || exitCode !== 0) count('health checks failed');
    const told = timedOut
      ? `Health check exceeded timeout (${goDuration(timeout)})${output === '' ? '' : `: ${output}`}`
      : output;
    const result: HealthLogEntry = {
      Start: rfc3339(began),
      End: rfc3339(nowNanos()),
      ExitCode: timedOut ? -1 : exitCode,
      Output: told,
    };
    const before = container.health ?? { Status: 'starting', FailingStreak: 0, Log: [] };
    const after = afterProbe(before, result, config, this.startedAgo(began));
    container.health = after;
    if (after.Status !== before.Status) {
      this.context.healths.put(container.id, after);
      this.context.emit(container, `health_status: ${after.Status}`);
      if (after.Status === 'unhealthy' && (await this.act())) return;
    }
    this.schedule();
  }
}

function probeOf(
  context: Context,
  container: Container,
  config: HealthConfig | undefined,
  shell: string[] | undefined,
): Probe | undefined {
  if (isNetworkProbe(config?.Test?.[0])) {
    const probe = parseNetworkProbe(config!.Test!);
    return (timeout) => runNetworkProbe(probe, container.state.pid, timeout, OUTPUT_LIMIT);
  }
  const command = probeCommand(config, shell);
  return command && ((timeout) => runProbe(context, container, command, timeout, OUTPUT_LIMIT));
}

/** Begins a running container's checks, if it has any. */
export function watchHealth(context: Context, container: Container, remedy: Remedy): void {
  container.monitor?.end();
  container.monitor = undefined;
  const { Healthcheck: config, Shell } = container.record.config;
  const check = probeOf(context, container, config, Shell);
  if (!check) {
    container.health = undefined;
    return;
  }
  container.health = { Status: 'starting', FailingStreak: 0, Log: container.health?.Log ?? [] };
  const monitor = new HealthMonitor(context, container, check, config!, remedy);
  container.monitor = monitor;
  monitor.start();
}

/** Ends the checks; a container that does not run is not healthy. */
export function endHealth(context: Context, container: Container): void {
  container.monitor?.end();
  container.monitor = undefined;
  if (!container.health || container.health.Status === 'unhealthy') return;
  container.health = { ...container.health, Status: 'unhealthy' };
  context.healths.put(container.id, container.health);
}

/** Milliseconds as Go prints a duration of whole or half seconds. */
function goDuration(ms: number): string {
  return ms % 1000 === 0 && ms >= 1000 ? `${ms / 1000}s` : ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}

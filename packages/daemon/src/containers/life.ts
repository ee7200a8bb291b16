import type { ExitStatus, Supervisor } from '@berth/native';
import { conflict, invalidParameter, systemError } from '../errors.ts';
import { log } from '../log.ts';
import type { Container } from './container.ts';
import { type Context, setState } from './context.ts';
import { endHealth, watchHealth } from './health.ts';
import { isKnownSignal, parseSignal } from './signals.ts';
import { clearRunFolder, launch, release, startFailure } from './startup.ts';
import { type LifeEffect, type LifeEvent, transition } from './state.ts';
import { nowNanos, rfc3339 } from './time.ts';

const SIGKILL = 9;
const SIGTERM = 15;
const SIGCONT = 18;
const DEFAULT_STOP_SECONDS = 10;
/** How long a killed process may take to be gone, in milliseconds. */
const KILL_PATIENCE = 10_000;

/** Carries out what the state machine decides. */
export class Life {
  private readonly context: Context;
  /** Set by the room: removes a container that was to go with its end. */
  autoRemove: (container: Container) => void = () => undefined;

  constructor(context: Context) {
    this.context = context;
  }

  /** Feeds one event and carries out its effects. @throws what the state does not allow */
  async apply(container: Container, event: LifeEvent): Promise<void> {
    const step = () => {
      const { record, state } = container;
      return transition(state, event, {
        id: record.id,
        name: record.name,
        restartPolicy: record.hostConfig.RestartPolicy,
        autoRemove: record.hostConfig.AutoRemove,
      });
    };
    let next = step();
    // Frozen and thawed in the kernel first: a state that says so must be true. Meanwhile a stop may have been noted.
    for (const effect of next.effects) {
      if (effect.do !== 'freeze' && effect.do !== 'thaw') continue;
      const { runtime } = this.context.rooms;
      await (effect.do === 'freeze' ? runtime.pause(container.id) : runtime.unpause(container.id));
      next = step();
    }
    setState(this.context, container, next.state);
    for (const effect of next.effects) await this.carryOut(container, effect, event);
  }

  private async carryOut(container: Container, effect: LifeEffect, event: LifeEvent): Promise<void> {
    switch (effect.do) {
      case 'launch':
        return this.launch(container, event.type === 'start' && event.automatic);
      case 'emit':
        // As dockerd tells it, the stop comes before the end that it brought; compose goes by the first.
        if (effect.action === 'die')
          for (; container.stopping > 0; container.stopping--) this.context.emit(container, 'stop');
        return this.context.emit(container, effect.action, effect.attributes);
      case 'watch-health':
        return watchHealth(this.context, container);
      case 'end-health':
        return endHealth(this.context, container);
      case 'clean-up':
        return this.cleanUp(container);
      case 'settle':
        return container.settle(false);
      case 'restart-later':
        return this.restartLater(container, effect.delay);
      case 'restart-now':
        return this.restartLater(container, 0);
      case 'cancel-restart':
        clearTimeout(container.restartTimer);
        container.restartTimer = undefined;
        return;
      case 'auto-remove':
        return this.autoRemove(container);
      case 'freeze':
      case 'thaw':
        return;
    }
  }

  /** Starts by hand. @throws not-modified when it runs; what went wrong, when it can't */
  start(container: Container): Promise<void> {
    return container.queue(() => this.apply(container, { type: 'start', automatic: false }));
  }

  private async launch(container: Container, automatic: boolean): Promise<void> {
    container.starting = true;
    container.abandoned = false;
    let supervisor: Supervisor;
    try {
      supervisor = await launch(this.context, container);
    } catch (cause) {
      container.starting = false;
      const { exitCode, error } = startFailure(cause);
      const at = rfc3339(nowNanos());
      await this.apply(container, { type: 'start-failed', exitCode, error: error.message, automatic, at });
      throw error;
    }
    container.starting = false;
    await this.adopt(container, supervisor);
    if (container.abandoned) await supervisor.kill(SIGKILL).catch(() => undefined);
  }

  private async adopt(container: Container, supervisor: Supervisor): Promise<void> {
    await this.apply(container, { type: 'started', pid: supervisor.pid, at: rfc3339(nowNanos()) });
    this.follow(container, supervisor);
  }

  /** Watches a running container for its end, and for what the OOM killer takes of it. */
  follow(container: Container, supervisor: Supervisor): void {
    container.supervisor = supervisor;
    supervisor.whenOomKilled(() => {
      const kills = supervisor.oomKills;
      void container.queue(async () => {
        if (container.supervisor === supervisor) await this.apply(container, { type: 'oom', kills });
      });
    });
    supervisor.exited.then(
      (exit) => container.queue(() => this.ended(container, supervisor, exit)),
      (error) => {
        log.error({ container: container.id, err: error }, 'a supervisor was lost');
        const finishedAt = nowNanos().toString();
        return container.queue(() =>
          this.ended(container, supervisor, { code: 255, oomKilled: false, finishedAt }),
        );
      },
    );
  }

  private async ended(container: Container, supervisor: Supervisor, exit: ExitStatus): Promise<void> {
    if (container.supervisor !== supervisor) return;
    container.supervisor = undefined;
    container.request = undefined;
    for (const exec of container.execs.values()) exec.containerEnded();
    await this.apply(container, {
      type: 'exited',
      exitCode: exit.code,
      oomKilled: exit.oomKilled,
      at: rfc3339(BigInt(exit.finishedAt)),
    });
    // The supervisor forgets the exit only when the store has it: commits are made at the end of a tick.
    await new Promise((resolve) => setImmediate(resolve));
    supervisor.release();
  }

  /** Network and volumes are given back now; for the cgroup only the next start and the removal wait. */
  private async cleanUp(container: Container): Promise<void> {
    const warn = (error: unknown) =>
      log.warn({ container: container.id, err: error }, 'could not give back all that a container held');
    container.cleaning = this.context.rooms.runtime.removeCgroup(container.id).catch(warn);
    await release(this.context, container).catch(warn);
  }

  private restartLater(container: Container, delay: number): void {
    if (this.context.closing) return;
    clearTimeout(container.restartTimer);
    container.restartTimer = setTimeout(() => {
      container.restartTimer = undefined;
      container
        .queue(async () => {
          if (container.removing || container.alive || this.context.closing) return;
          await this.apply(container, { type: 'start', automatic: true });
        })
        .catch((error) => log.warn({ container: container.id, err: error }, 'a restart failed'));
    }, delay);
  }

  /**
   * Stops by signal, then by force. `timeout` in seconds, negative: for ever.
   * @returns false when it did not run.
   */
  async stop(container: Container, options: { timeout?: number; signal?: string }): Promise<boolean> {
    const restarting = container.state.status === 'restarting';
    if (!restarting && !container.alive) return false;
    const { config } = container.record;
    const named = options.signal || config.StopSignal;
    const signal = named ? parseSignal(named) : SIGTERM;
    if (restarting) {
      await this.apply(container, { type: 'stop-asked' });
      this.context.emit(container, 'stop');
      return true;
    }
    const seconds = options.timeout ?? config.StopTimeout ?? DEFAULT_STOP_SECONDS;
    const ended = container.wait('next-exit');
    container.stopping++;
    try {
      await this.apply(container, { type: 'stop-asked' });
      await this.signal(container, signal).catch(() => undefined); // gone already, or to be killed below
      await this.thawToDie(container);
      if (!(await within(ended, seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000)))
        await this.killAndWait(container, ended);
    } catch (error) {
      container.stopping = Math.max(0, container.stopping - 1);
      throw error;
    }
    return true;
  }

  /** Sends a signal as `docker kill` does; SIGKILL waits for the end. @throws conflict when it does not run */
  async kill(container: Container, signalText: string | undefined): Promise<void> {
    const signal = parseSignal(signalText || 'KILL');
    if (!isKnownSignal(signal)) throw invalidParameter(`the linux daemon does not support signal ${signal}`);
    if (container.state.status === 'restarting') {
      await this.apply(container, { type: 'stop-asked' });
      return;
    }
    if (!container.alive) throw conflict(`container ${container.id} is not running`);
    const { StopSignal } = container.record.config;
    // A signal other than the one that stops leaves the restart policy in force, where the container names that one.
    const final = signal === SIGKILL || !StopSignal || parseSignal(StopSignal) === signal;
    if (final) await this.apply(container, { type: 'stop-asked' });
    if (signal !== SIGKILL) {
      await this.signal(container, signal);
      if (final) await this.thawToDie(container);
      return;
    }
    const ended = container.wait('next-exit');
    await this.killAndWait(container, ended);
  }

  private async signal(container: Container, signal: number): Promise<void> {
    const { supervisor } = container;
    if (!supervisor) throw conflict(`container ${container.id} is not running`);
    await supervisor.kill(signal);
    this.context.emit(container, 'kill', { signal: String(signal) });
  }

  /** A frozen process can take no signal but the last one. */
  private async thawToDie(container: Container): Promise<void> {
    if (container.state.status !== 'paused') return;
    await container
      .queue(() => this.apply(container, { type: 'unpause' }))
      .catch((error) => log.debug({ container: container.id, err: error }, 'could not unpause to stop'));
    await container.supervisor?.kill(SIGCONT).catch(() => undefined);
  }

  /** Kills and waits for the end, `ended`. @throws system when the kernel holds on to the process */
  async killAndWait(container: Container, ended: Promise<unknown>): Promise<void> {
    await this.signal(container, SIGKILL).catch(() => undefined);
    await this.thawToDie(container);
    if (await within(ended, KILL_PATIENCE)) return;
    await this.context.rooms.runtime.removeCgroup(container.id).catch(() => undefined);
    if (!(await within(ended, KILL_PATIENCE)))
      throw systemError(
        `cannot kill container: ${container.id}: tried to kill container, but did not receive an exit event`,
      );
  }

  /** Makes an end of a start that hangs: what it runs is killed, and it fails. */
  async abandonStart(container: Container): Promise<void> {
    container.abandoned = true;
    await this.context.rooms.runtime.removeCgroup(container.id).catch(() => undefined);
  }

  /** Takes up a container that an earlier daemon left running, or its exit. */
  async resume(container: Container, supervisor: Supervisor | null, exit: ExitStatus | null): Promise<void> {
    if (supervisor) {
      if (container.state.pid !== supervisor.pid || !container.alive)
        setState(this.context, container, {
          ...container.state,
          status: 'running',
          pid: supervisor.pid,
          ...(container.state.pid !== supervisor.pid && { oomKilled: false, oomKills: 0 }),
          startedAt: container.alive ? container.state.startedAt : rfc3339(nowNanos()),
        });
      this.follow(container, supervisor);
      await watchHealth(this.context, container);
      return;
    }
    if (!container.alive && !exit) return;
    const finishedAt = exit?.finishedAt ?? nowNanos().toString();
    if (!container.alive && BigInt(finishedAt) <= parseTime(container.state.finishedAt)) return;
    await this.apply(container, {
      type: 'exited',
      exitCode: exit?.code ?? 255,
      oomKilled: exit?.oomKilled ?? false,
      at: rfc3339(BigInt(finishedAt)),
    });
    await clearRunFolder(this.context, container.id);
  }
}

function parseTime(text: string): bigint {
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? 0n : BigInt(milliseconds) * 1_000_000n;
}

/** True when `promise` settles in time. */
async function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  if (milliseconds === Number.POSITIVE_INFINITY) {
    await promise;
    return true;
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.min(milliseconds, 2 ** 31 - 1));
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

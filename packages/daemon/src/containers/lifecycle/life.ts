import type { ExitStatus, Supervisor } from '@berth/native';
import { log } from '../../base/log.ts';
import { nowNanos, rfc3339 } from '../../base/time.ts';
import { checkSources } from '../create/points.ts';
import type { Container } from '../model/container.ts';
import { type Context, setState } from '../model/context.ts';
import type { LifeEffect, LifeEvent } from '../model/life-types.ts';
import { transition } from '../model/state.ts';
import { endHealth, type Remedy, watchHealth } from './health.ts';
import { neededStarts } from './joins.ts';
import { clearRunFolder, launch, release } from './start.ts';
import { startFailure } from './start-failure.ts';

/** The outcome of an effect: the event that tells it to the state machine, and the error for the caller. */
interface Outcome {
  event: LifeEvent;
  error?: unknown;
}

/** Effects that no event follows. */
type PlainEffect = Exclude<LifeEffect, { do: 'launch' | 'freeze' | 'thaw' }>;

/** The exit code of a run whose end nobody saw. */
const UNKNOWN_CODE = 255;
const SIGKILL = 9;

/** Carries out what the state machine decides. */
export class Life {
  private readonly context: Context;
  /** Set by the room: removes a container that was to go with its end. */
  autoRemove: (container: Container) => void = () => undefined;
  /** Set by the room: stops or restarts a container that its health checks have found unhealthy. */
  remedy: Remedy = async () => undefined;

  constructor(context: Context) {
    this.context = context;
  }

  /**
   * Feeds one event, carries out its effects, and then feeds the events that those ended with, until none is left. Each
   * transition is computed once, on the state that holds then.
   * @throws what the state does not allow, or what an effect failed with
   */
  async apply(container: Container, event: LifeEvent): Promise<void> {
    const posted: LifeEvent[] = [event];
    let failure: { error: unknown } | undefined;
    for (let next = posted.shift(); next; next = posted.shift()) {
      const { record } = container;
      const { state, effects } = transition(container.state, next, {
        id: record.id,
        name: record.name,
        restartPolicy: record.hostConfig.RestartPolicy,
        autoRemove: record.hostConfig.AutoRemove,
      });
      setState(this.context, container, state);
      for (const effect of effects) {
        const outcome = await this.carryOut(container, effect);
        if (outcome?.event) posted.push(outcome.event);
        if (outcome && 'error' in outcome) failure ??= { error: outcome.error };
      }
    }
    if (failure) throw failure.error;
  }

  private async carryOut(container: Container, effect: LifeEffect): Promise<Outcome | undefined> {
    switch (effect.do) {
      case 'launch':
        return this.launch(container, effect.automatic);
      case 'freeze':
        return this.freeze(container);
      case 'thaw':
        await this.context.rooms.runtime.unpause(container.id);
        return { event: { type: 'thawed' } };
      default:
        await this.carryOutAlone(container, effect);
        return undefined;
    }
  }

  /** The effects that no event follows. */
  private async carryOutAlone(container: Container, effect: PlainEffect): Promise<void> {
    switch (effect.do) {
      case 'follow':
        return this.follow(container);
      case 'emit':
        // dockerd emits `stop` before `die`; compose reads the exit code at the first.
        if (effect.action === 'die')
          for (; container.stopping > 0; container.stopping--) this.context.emit(container, 'stop');
        return this.context.emit(container, effect.action, effect.attributes);
      case 'watch-health':
        return watchHealth(this.context, container, (sick, remedy) => this.remedy(sick, remedy));
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
        return container.callOffRestart();
      case 'auto-remove':
        return this.autoRemove(container);
    }
  }

  /** The intent is recorded (see `freezer`) before the kernel acts: commits are made at the end of a tick. */
  private async freeze(container: Container): Promise<Outcome> {
    const { runtime } = this.context.rooms;
    try {
      await new Promise((resolve) => setImmediate(resolve));
      await runtime.pause(container.id);
      return { event: { type: 'frozen' } };
    } catch (error) {
      await runtime.unpause(container.id).catch(() => undefined);
      return { event: { type: 'freeze-failed' }, error };
    }
  }

  /**
   * Starts by hand. @param restore finds the folder of a checkpoint, which is what runs then
   * @throws not-modified when it runs; what went wrong, when it can't
   */
  async start(container: Container, restore?: () => Promise<string>): Promise<void> {
    await container.queue(async () => {
      // As for dockerd, a start that is refused for this has not been tried: the state stays as it is.
      if (!container.record.pod && ['created', 'exited'].includes(container.state.status))
        await checkSources(container.record.hostConfig);
      if (restore && !container.alive) container.restoring = await restore();
      try {
        await this.apply(container, { type: 'start', automatic: false });
      } finally {
        container.restoring = undefined;
      }
    });
    await container.recorded;
  }

  private async launch(container: Container, automatic: boolean): Promise<Outcome> {
    container.abandoned = false;
    try {
      container.supervisor = await launch(this.context, container);
      return { event: { type: 'started', pid: container.supervisor.pid, at: rfc3339(nowNanos()) } };
    } catch (cause) {
      await this.tidyUp(container);
      const { exitCode, error } = startFailure(cause);
      const at = rfc3339(nowNanos());
      return { event: { type: 'start-failed', exitCode, error: error.message, automatic, at }, error };
    }
  }

  /** Gives its network namespace a name. A container that runs is not lost sight of because there is no room for that. */
  private nameNetwork({ id, record }: Container, pid: number): void {
    if (record.hostConfig.NetworkMode.startsWith('container:')) return;
    try {
      this.context.rooms.networks.running(id, pid);
    } catch (error) {
      log.warn({ container: id, err: error }, 'its SandboxKey could not be made');
    }
  }

  /** Watches a running container for its end, and for what the OOM killer takes of it. */
  private follow(container: Container): void {
    const supervisor = container.supervisor!;
    this.nameNetwork(container, supervisor.pid);
    supervisor.whenOomKilled(() => {
      const kills = supervisor.oomKills;
      void container.queue(async () => {
        if (container.supervisor === supervisor) await this.apply(container, { type: 'oom', kills });
      });
    });
    supervisor.whenLogLost(({ lines, reason, over }) => {
      const what = { container: container.id, lines, reason };
      if (over)
        log.warn(what, 'a log has room again; lines of output are lost, as a note in their place says');
      else log.error(what, 'a log cannot be written: lines of output are lost');
    });
    supervisor.exited.then(
      (exit) => container.queue(() => this.ended(container, supervisor, exit)),
      (error) => {
        log.error({ container: container.id, err: error }, 'a supervisor was lost');
        const finishedAt = nowNanos().toString();
        return container.queue(() =>
          this.ended(container, supervisor, { code: UNKNOWN_CODE, oomKilled: false, finishedAt }, true),
        );
      },
    );
    // A forced removal could not wait for the start.
    if (container.abandoned) void supervisor.kill(SIGKILL).catch(() => undefined);
  }

  private async ended(
    container: Container,
    supervisor: Supervisor,
    exit: ExitStatus,
    lost = false,
  ): Promise<void> {
    if (container.supervisor !== supervisor) return;
    container.supervisor = undefined;
    container.request = undefined;
    for (const exec of container.execs.values()) exec.containerEnded();
    await this.apply(container, {
      type: 'exited',
      exitCode: exit.code,
      oomKilled: exit.oomKilled,
      ...(lost && { lost }),
      at: rfc3339(BigInt(exit.finishedAt)),
    });
    // The supervisor forgets the exit only when the store has it: commits are made at the end of a tick.
    await new Promise((resolve) => setImmediate(resolve));
    void supervisor.release().then((inOrder) => {
      if (inOrder) return;
      void container
        .queue(() => this.tidyUp(container))
        .catch((error: unknown) =>
          log.warn({ container: container.id, err: error }, 'could not clear the run folder'),
        );
    });
  }

  /** A supervisor that was killed leaves its folder, unless another has it already. */
  private async tidyUp(container: Container): Promise<void> {
    if (!container.supervisor) await clearRunFolder(this.context, container.id);
  }

  /** Network and volumes are given back now; for the cgroup only the next start and the removal wait. */
  private async cleanUp(container: Container): Promise<void> {
    const warn = (error: unknown) =>
      log.warn({ container: container.id, err: error }, 'could not give back all that a container held');
    container.cleaning = this.context.rooms.runtime
      .removeCgroup(container.id)
      .then(() => true)
      .catch((error: unknown) => {
        warn(error);
        return false;
      });
    await release(this.context, container).catch(warn);
  }

  /** Starts it after `delay` milliseconds, and after those that it needs where they wait for a start of their own too. */
  private restartLater(container: Container, delay: number): void {
    if (this.context.closing) return;
    container.callOffRestart();
    const next = {
      tried: Promise.withResolvers<void>(),
      timer: setTimeout(() => {
        this.restart(container, next)
          .catch((error) => log.warn({ container: container.id, err: error }, 'a restart failed'))
          .finally(() => {
            if (container.nextStart === next) container.callOffRestart();
          });
      }, delay),
    };
    container.nextStart = next;
  }

  private async restart(container: Container, planned: Container['nextStart']): Promise<void> {
    await neededStarts(container, this.context.registry);
    await container.queue(async () => {
      if (container.nextStart !== planned || container.removing || container.alive || this.context.closing)
        return;
      await this.apply(container, { type: 'start', automatic: true });
    });
  }

  /** Makes an end of a start that hangs: what it runs is killed, and it fails. */
  async abandonStart(container: Container): Promise<void> {
    container.abandoned = true;
    await this.context.rooms.runtime.removeCgroup(container.id).catch(() => undefined);
  }

  /** Takes up a container that an earlier daemon left running, or its exit. */
  async resume(container: Container, supervisor: Supervisor | null, exit: ExitStatus | null): Promise<void> {
    if (supervisor) {
      container.supervisor = supervisor;
      const frozen = await this.context.rooms.runtime.isPaused(container.id);
      return this.apply(container, {
        type: 'resumed',
        pid: supervisor.pid,
        frozen,
        at: rfc3339(nowNanos()),
      });
    }
    // A container whose start the earlier daemon had begun may have run and ended meanwhile.
    if (!container.alive && !(exit && container.state.launching)) return;
    await this.apply(container, {
      type: 'exited',
      exitCode: exit?.code ?? UNKNOWN_CODE,
      oomKilled: exit?.oomKilled ?? false,
      ...(!exit && { lost: true }),
      at: rfc3339(exit ? BigInt(exit.finishedAt) : nowNanos()),
    });
  }
}

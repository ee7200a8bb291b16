import { conflict, notModified, systemError } from '../../base/errors.ts';
import { NEVER, parseRfc3339 } from '../../base/time.ts';
import type { LifeContext, LifeEffect, LifeEvent, Transition } from './life-types.ts';
import { policyWants, restartAfterEnd } from './restart-policy.ts';
import type { Freezer, LifeState, StopSignal } from './types.ts';

export const INITIAL: LifeState = Object.freeze({
  status: 'created',
  pid: 0,
  exitCode: 0,
  error: '',
  oomKilled: false,
  startedAt: NEVER,
  finishedAt: NEVER,
  restartCount: 0,
  manuallyStopped: false,
  backoff: 0,
});

/** True while there is a process: running or frozen. */
function isAlive(state: LifeState): boolean {
  return state.status === 'running' || state.status === 'paused';
}

/**
 * The state after an event, and the effects that bring the kernel and the world to it.
 * @throws conflict, not-modified or system with dockerd's text for what the state does not allow.
 */
export function transition(state: LifeState, event: LifeEvent, context: LifeContext): Transition {
  switch (event.type) {
    case 'start':
      return start(state, event.automatic);
    case 'started':
      return {
        state: {
          ...settled(state),
          status: 'running',
          pid: event.pid,
          exitCode: 0,
          error: '',
          oomKilled: false,
          oomKills: 0,
          startedAt: event.at,
        },
        effects: [{ do: 'follow' }, { do: 'watch-health' }, { do: 'emit', action: 'start' }],
      };
    case 'start-failed':
      return startFailed(state, event, context);
    case 'oom':
      return outOfMemory(state, event.kills);
    case 'exited':
      return exited(state, event, context);
    case 'stop-asked':
      return stopAsked(state, event.restart === true, event.next);
    case 'stop-sent':
      return { state: stopSent(state, event), effects: [] };
    case 'checkpoint':
      return { state: checkpointed(state, event.failed), effects: [] };
    case 'restart-failed':
      return { state: without(state, 'restarting'), effects: [] };
    case 'pause':
      return pause(state, event.by, context);
    case 'frozen':
      if (state.status !== 'running') return { state, effects: [] };
      return { state: { ...state, status: 'paused' }, effects: [{ do: 'emit', action: 'pause' }] };
    case 'freeze-failed':
      return { state: without(state, 'freezer'), effects: [] };
    case 'unpause':
      // dockerd answers 500 here, not 409.
      if (state.status !== 'paused') throw systemError(`Container ${context.id} is not paused`);
      return { state, effects: [{ do: 'thaw' }] };
    case 'thawed':
      if (state.status !== 'paused') return { state: without(state, 'freezer'), effects: [] };
      return {
        state: { ...without(state, 'freezer'), status: 'running' },
        effects: [{ do: 'emit', action: 'unpause' }],
      };
    case 'resumed':
      return resumed(state, event);
    case 'remove':
      return remove(state, event, context);
    case 'remove-failed':
      return { state: { ...state, status: 'dead', error: event.error }, effects: [] };
    case 'daemon-up':
      return daemonUp(state, context);
  }
}

/** The state without what no longer holds. */
function without(
  state: LifeState,
  ...intents: Array<'launching' | 'freezer' | 'restarting' | 'checkpointing' | 'stop' | 'lost'>
): LifeState {
  if (!intents.some((intent) => intent in state)) return state;
  const left = { ...state };
  for (const intent of intents) delete left[intent];
  return left;
}

/** The state without any intent: what was under way has ended. */
const settled = (state: LifeState) => without(state, 'launching', 'freezer', 'restarting', 'stop', 'lost');

/** The kernel's truth is taken over: a container that a commit has frozen is thawed, one that a user has stays so. */
function resumed(state: LifeState, event: LifeEvent & { type: 'resumed' }): Transition {
  const same = isAlive(state) && state.pid === event.pid;
  const known: LifeState = {
    // A checkpoint that an earlier daemon began was never finished.
    ...without(state, 'launching', 'freezer', 'checkpointing', 'lost'),
    status: 'running',
    pid: event.pid,
    ...(!same && { oomKilled: false, oomKills: 0, startedAt: event.at, exitCode: 0, error: '' }),
  };
  const effects: LifeEffect[] = [{ do: 'follow' }, { do: 'watch-health' }];
  if (!event.frozen) return { state: known, effects };
  const freezer = state.freezer ?? 'user';
  if (freezer === 'commit') effects.push({ do: 'thaw' });
  return { state: { ...known, status: 'paused', freezer }, effects };
}

function start(state: LifeState, automatic: boolean): Transition {
  switch (state.status) {
    case 'running':
      throw notModified();
    case 'paused':
      throw conflict('cannot start a paused container, try unpause instead');
    case 'removing':
    case 'dead':
      throw conflict('container is marked for removal and cannot be started');
    default: {
      const effects: LifeEffect[] = [{ do: 'launch', automatic }];
      const launching: LifeState = { ...state, launching: true };
      if (automatic) return { state: launching, effects };
      if (state.status === 'restarting') effects.unshift({ do: 'cancel-restart' });
      return { state: { ...launching, manuallyStopped: false, restartCount: 0, backoff: 0 }, effects };
    }
  }
}

/** The code of a failure that has none of its own. */
const UNKNOWN = 128;

function startFailed(
  state: LifeState,
  event: LifeEvent & { type: 'start-failed' },
  context: LifeContext,
): Transition {
  const failed: LifeState = {
    ...settled(state),
    status: state.startedAt === NEVER ? 'created' : 'exited',
    pid: 0,
    // A start that failed before the runtime had its turn leaves the last run's code, where that was a failure.
    exitCode: event.exitCode === UNKNOWN && state.exitCode !== 0 ? state.exitCode : event.exitCode,
    error: event.error,
  };
  const effects: LifeEffect[] = [{ do: 'clean-up' }];
  if (event.automatic) {
    // A restart that fails is tried again as the policy says, like a run that failed at once.
    const again = restartAfterEnd(failed, event.exitCode, { seconds: 0, at: event.at }, context);
    if (again) return { state: again.state, effects: [...effects, ...again.effects] };
  }
  // `wait` takes a failed restart for an end; a start by hand tells its caller itself.
  if (event.automatic) effects.push({ do: 'settle' });
  if (context.autoRemove) effects.push({ do: 'auto-remove' });
  return { state: failed, effects };
}

/** An OOM kill. Counts up to the recorded one are ignored: a supervisor reports its count again to each new daemon. */
function outOfMemory(state: LifeState, kills: number): Transition {
  if (!isAlive(state) || kills <= (state.oomKills ?? 0)) return { state, effects: [] };
  return {
    state: { ...state, oomKilled: true, oomKills: kills },
    effects: [{ do: 'emit', action: 'oom' }],
  };
}

function exited(state: LifeState, event: LifeEvent & { type: 'exited' }, context: LifeContext): Transition {
  const seconds = secondsBetween(state.startedAt, event.at);
  const ended: LifeState = {
    ...without(state, 'launching', 'freezer', 'checkpointing', 'stop', 'lost'),
    status: 'exited',
    manuallyStopped: state.manuallyStopped || state.checkpointing === true,
    pid: 0,
    exitCode: event.exitCode,
    oomKilled: state.oomKilled || event.oomKilled,
    finishedAt: event.at,
    ...(event.lost && { lost: true }),
  };
  const effects: LifeEffect[] = [{ do: 'end-health' }, { do: 'clean-up' }];
  // The event was emitted with the kill, unless no daemon saw it.
  if (event.oomKilled && !state.oomKilled) effects.push({ do: 'emit', action: 'oom' });
  effects.push({
    do: 'emit',
    action: 'die',
    attributes: { exitCode: String(event.exitCode), execDuration: String(Math.floor(seconds)) },
  });
  const again = restartAfterEnd(ended, event.exitCode, { seconds, at: event.at }, context);
  // A wait for the next exit ends with this one, restart or not.
  effects.push({ do: 'settle' });
  if (again) return { state: again.state, effects: [...effects, ...again.effects] };
  if (context.autoRemove && !state.restarting) effects.push({ do: 'auto-remove' });
  return { state: ended, effects };
}

function stopAsked(state: LifeState, restart: boolean, next?: StopSignal): Transition {
  if (state.status === 'restarting')
    return {
      state: { ...state, status: 'exited', manuallyStopped: true },
      effects: [{ do: 'cancel-restart' }, { do: 'settle' }],
    };
  // A stop that comes while a restart is under way wins: a container that goes by itself goes with that end.
  const asked = without(state, 'restarting');
  return {
    state: {
      ...asked,
      manuallyStopped: true,
      ...(restart && { restarting: true }),
      ...(next && { stop: { ...state.stop, next } }),
    },
    effects: [],
  };
}

/** Notes a stop. Of several the earliest deadline holds, as each of them kills; a container that has ended has nothing to note. */
function stopSent(state: LifeState, { signal, killAt }: LifeEvent & { type: 'stop-sent' }): LifeState {
  if (!state.stop) return state;
  const { next, killAt: earlier } = state.stop;
  const deadlines = [earlier, killAt].filter((instant) => instant !== undefined);
  return {
    ...state,
    stop: {
      ...(next && next.signal !== signal && { next }),
      ...(deadlines.length > 0 && { killAt: Math.min(...deadlines) }),
    },
  };
}

function checkpointed(state: LifeState, failed: boolean): LifeState {
  const known = without(state, 'checkpointing');
  return failed || !isAlive(state) ? known : { ...known, checkpointing: true };
}

function pause(state: LifeState, by: Freezer, context: LifeContext): Transition {
  if (state.status === 'paused') throw conflict(`Container ${context.id} is already paused`);
  if (state.status === 'restarting')
    throw conflict(`Container ${context.id} is restarting, wait until the container is running`);
  if (state.status !== 'running') throw conflict(`container ${context.id} is not running`);
  return { state: { ...state, freezer: by }, effects: [{ do: 'freeze' }] };
}

function remove(
  state: LifeState,
  { force, resumed: again = false }: LifeEvent & { type: 'remove' },
  context: LifeContext,
): Transition {
  const refuse = (why: string) => conflict(`cannot remove container "/${context.name}": ${why}`);
  if (!force) {
    if (state.status === 'paused') throw refuse('container is paused and must be unpaused first');
    if (state.status === 'running')
      throw refuse('container is running: stop the container before removing or force remove');
    if (state.status === 'restarting')
      throw refuse('container is restarting: stop the container before removing or force remove');
  }
  if (state.status === 'removing' && !again)
    throw conflict(`removal of container ${context.name} is already in progress`);
  const effects: LifeEffect[] = [{ do: 'end-health' }];
  if (state.status === 'restarting') effects.push({ do: 'cancel-restart' });
  return { state: { ...state, status: 'removing' }, effects };
}

function daemonUp(state: LifeState, context: LifeContext): Transition {
  if (state.status === 'removing' || state.status === 'dead')
    return { state, effects: [{ do: 'auto-remove' }] };
  if (isAlive(state)) return { state, effects: [] };
  const down = settled(state);
  if (state.status === 'created' && state.startedAt === NEVER && !state.launching)
    return { state: down, effects: [] };
  const { Name } = context.restartPolicy;
  const again =
    state.restarting ||
    state.status === 'restarting' ||
    Name === 'always' ||
    (Name === 'unless-stopped' && !state.manuallyStopped) ||
    (Name === 'on-failure' &&
      !state.manuallyStopped &&
      policyWants(state, state.exitCode, context.restartPolicy));
  if (again) return { state: down, effects: [{ do: 'restart-now' }] };
  if (context.autoRemove && state.status !== 'created')
    return { state: down, effects: [{ do: 'auto-remove' }] };
  return { state: down, effects: [] };
}

function secondsBetween(from: string, to: string): number {
  const start = parseRfc3339(from);
  const end = parseRfc3339(to);
  if (from === NEVER || start === undefined || end === undefined) return 0;
  return Math.max(0, Number(end - start) / 1e9);
}

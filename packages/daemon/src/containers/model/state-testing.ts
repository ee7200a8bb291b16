import type { LifeContext, LifeEvent } from './life-types.ts';
import { INITIAL, transition } from './state.ts';
import type { LifeState } from './types.ts';

export const at = '2026-01-02T03:04:05Z';
export const base: LifeContext = {
  id: 'f'.repeat(64),
  name: 'web',
  restartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  autoRemove: false,
};
export const running: LifeState = {
  ...INITIAL,
  status: 'running',
  pid: 7,
  startedAt: '2026-01-02T03:04:00Z',
};
export const paused: LifeState = { ...running, status: 'paused' };
export const exited: LifeState = {
  ...INITIAL,
  status: 'exited',
  startedAt: running.startedAt,
  finishedAt: at,
};
export const restarting: LifeState = { ...exited, status: 'restarting', backoff: 100, restartCount: 1 };
export const removing: LifeState = { ...exited, status: 'removing' };
export const policy = (Name: string, MaximumRetryCount = 0) => ({
  restartPolicy: { Name, MaximumRetryCount },
});
export const end = (exitCode: number): LifeEvent => ({ type: 'exited', exitCode, oomKilled: false, at });

/** One line of the table: an event in a state, what becomes of it, and the effects in their order. */
export interface Row {
  name: string;
  from: LifeState;
  event: LifeEvent;
  context?: Partial<LifeContext>;
  to: Partial<LifeState>;
  effects: string[];
}

/** Fails unless the row's event has its outcome. */
export function expectTransition({ from, event, context, to, effects }: Row): void {
  const next = transition(Object.freeze({ ...from }), event, { ...base, ...context });
  expect({
    restarting: undefined,
    launching: undefined,
    freezer: undefined,
    checkpointing: undefined,
    stop: undefined,
    ...next.state,
  }).toMatchObject(to);
  expect(
    next.effects.map((effect) => {
      if (effect.do === 'restart-later') return `restart-later ${effect.delay}`;
      if (effect.do !== 'emit') return effect.do;
      const attributes = Object.entries(effect.attributes ?? {}).map(([key, value]) => ` ${key}=${value}`);
      return `emit ${effect.action}${attributes.join('')}`;
    }),
  ).toEqual(effects);
}

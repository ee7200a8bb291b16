import type { BerthError } from '../../base/errors.ts';
import { NEVER } from '../../base/time.ts';
import type { LifeContext, LifeEvent } from './life-types.ts';
import { INITIAL, transition } from './state.ts';
import type { LifeState } from './types.ts';

const at = '2026-01-02T03:04:05Z';
const base: LifeContext = {
  id: 'f'.repeat(64),
  name: 'web',
  restartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  autoRemove: false,
};
const running: LifeState = { ...INITIAL, status: 'running', pid: 7, startedAt: '2026-01-02T03:04:00Z' };
const paused: LifeState = { ...running, status: 'paused' };
const exited: LifeState = { ...INITIAL, status: 'exited', startedAt: running.startedAt, finishedAt: at };
const restarting: LifeState = { ...exited, status: 'restarting', backoff: 100, restartCount: 1 };
const removing: LifeState = { ...exited, status: 'removing' };
const policy = (Name: string, MaximumRetryCount = 0) => ({ restartPolicy: { Name, MaximumRetryCount } });
const end = (exitCode: number): LifeEvent => ({ type: 'exited', exitCode, oomKilled: false, at });

interface Row {
  name: string;
  from: LifeState;
  event: LifeEvent;
  context?: Partial<LifeContext>;
  to: Partial<LifeState>;
  effects: string[];
}

const rows: Row[] = [
  {
    name: 'a start launches',
    from: INITIAL,
    event: { type: 'start', automatic: false },
    to: { status: 'created' },
    effects: ['launch'],
  },
  {
    name: 'a start by hand sets the restart count back',
    from: { ...exited, restartCount: 3, backoff: 800, manuallyStopped: true },
    event: { type: 'start', automatic: false },
    to: { restartCount: 0, backoff: 0, manuallyStopped: false },
    effects: ['launch'],
  },
  {
    name: 'an automatic start keeps the restart count',
    from: restarting,
    event: { type: 'start', automatic: true },
    to: { restartCount: 1, backoff: 100 },
    effects: ['launch'],
  },
  {
    name: 'a start by hand calls the waiting restart off',
    from: restarting,
    event: { type: 'start', automatic: false },
    to: { restartCount: 0 },
    effects: ['cancel-restart', 'launch'],
  },
  {
    name: 'a launch that worked',
    from: { ...exited, exitCode: 3, error: 'x', oomKilled: true },
    event: { type: 'started', pid: 9, at },
    to: { status: 'running', pid: 9, exitCode: 0, error: '', oomKilled: false, startedAt: at },
    effects: ['follow', 'watch-health', 'emit start'],
  },
  {
    name: 'a first launch that failed leaves it created',
    from: INITIAL,
    event: { type: 'start-failed', exitCode: 127, error: 'no such', automatic: false, at },
    to: { status: 'created', exitCode: 127, error: 'no such', startedAt: NEVER },
    effects: ['clean-up'],
  },
  {
    name: 'a later launch that failed leaves it exited',
    from: exited,
    event: { type: 'start-failed', exitCode: 128, error: 'x', automatic: false, at },
    to: { status: 'exited', exitCode: 128 },
    effects: ['clean-up'],
  },
  {
    name: 'a failed launch removes what goes by itself',
    from: INITIAL,
    event: { type: 'start-failed', exitCode: 128, error: 'x', automatic: false, at },
    context: { autoRemove: true },
    to: { exitCode: 128 },
    effects: ['clean-up', 'auto-remove'],
  },
  {
    name: 'a restart that failed is tried again',
    from: restarting,
    event: { type: 'start-failed', exitCode: 128, error: 'x', automatic: true, at },
    context: policy('always'),
    to: { status: 'restarting', restartCount: 2, backoff: 200 },
    effects: ['clean-up', 'restart-later 200'],
  },
  {
    name: 'an end',
    from: running,
    event: end(3),
    to: { status: 'exited', exitCode: 3, pid: 0, finishedAt: at },
    effects: ['end-health', 'clean-up', 'emit die exitCode=3 execDuration=5', 'settle'],
  },
  {
    name: 'an end by the OOM killer',
    from: running,
    event: { type: 'exited', exitCode: 137, oomKilled: true, at },
    to: { status: 'exited', oomKilled: true },
    effects: ['end-health', 'clean-up', 'emit oom', 'emit die exitCode=137 execDuration=5', 'settle'],
  },
  {
    name: 'a kill by the OOM killer',
    from: running,
    event: { type: 'oom', kills: 1 },
    to: { status: 'running', oomKilled: true, oomKills: 1 },
    effects: ['emit oom'],
  },
  {
    name: 'a kill by the OOM killer that was told before',
    from: { ...running, oomKilled: true, oomKills: 1 },
    event: { type: 'oom', kills: 1 },
    to: { status: 'running', oomKilled: true, oomKills: 1 },
    effects: [],
  },
  {
    name: 'an end after a kill that was told',
    from: { ...running, oomKilled: true, oomKills: 1 },
    event: { type: 'exited', exitCode: 137, oomKilled: true, at },
    to: { status: 'exited', oomKilled: true },
    effects: ['end-health', 'clean-up', 'emit die exitCode=137 execDuration=5', 'settle'],
  },
  {
    name: 'the end of what goes by itself',
    from: running,
    event: end(0),
    context: { autoRemove: true },
    to: { status: 'exited' },
    effects: ['end-health', 'clean-up', 'emit die exitCode=0 execDuration=5', 'settle', 'auto-remove'],
  },
  {
    name: 'always: runs again',
    from: running,
    event: end(0),
    context: policy('always'),
    to: { status: 'restarting', restartCount: 1, backoff: 100 },
    effects: ['end-health', 'clean-up', 'emit die exitCode=0 execDuration=5', 'settle', 'restart-later 100'],
  },
  {
    name: 'the delay doubles',
    from: { ...running, backoff: 400 },
    event: end(1),
    context: policy('always'),
    to: { backoff: 800 },
    effects: ['end-health', 'clean-up', 'emit die exitCode=1 execDuration=5', 'settle', 'restart-later 800'],
  },
  {
    name: 'the delay has a limit',
    from: { ...running, backoff: 51_200 },
    event: end(1),
    context: policy('always'),
    to: { backoff: 60_000 },
    effects: [
      'end-health',
      'clean-up',
      'emit die exitCode=1 execDuration=5',
      'settle',
      'restart-later 60000',
    ],
  },
  {
    name: 'ten steady seconds set the delay back',
    from: { ...running, backoff: 6400, startedAt: '2026-01-02T03:03:55Z' },
    event: end(1),
    context: policy('always'),
    to: { backoff: 100 },
    effects: ['end-health', 'clean-up', 'emit die exitCode=1 execDuration=10', 'settle', 'restart-later 100'],
  },
  {
    name: 'always: not after stop',
    from: { ...running, manuallyStopped: true },
    event: end(0),
    context: policy('always'),
    to: { status: 'exited' },
    effects: ['end-health', 'clean-up', 'emit die exitCode=0 execDuration=5', 'settle'],
  },
  {
    name: 'on-failure: not after success',
    from: running,
    event: end(0),
    context: policy('on-failure', 2),
    to: { status: 'exited' },
    effects: ['end-health', 'clean-up', 'emit die exitCode=0 execDuration=5', 'settle'],
  },
  {
    name: 'on-failure: not more often than allowed',
    from: { ...running, restartCount: 2 },
    event: end(1),
    context: policy('on-failure', 2),
    to: { status: 'exited', restartCount: 2 },
    effects: ['end-health', 'clean-up', 'emit die exitCode=1 execDuration=5', 'settle'],
  },
  {
    name: 'stop is remembered',
    from: running,
    event: { type: 'stop-asked' },
    to: { status: 'running', manuallyStopped: true },
    effects: [],
  },
  {
    name: 'stop while a restart waits',
    from: restarting,
    event: { type: 'stop-asked' },
    to: { status: 'exited', manuallyStopped: true },
    effects: ['cancel-restart', 'settle'],
  },
  {
    name: 'a restart by hand is remembered',
    from: running,
    event: { type: 'stop-asked', restart: true },
    to: { status: 'running', manuallyStopped: true, restarting: true },
    effects: [],
  },
  {
    name: 'the end that a restart brings is not that of a container that goes by itself',
    from: { ...running, manuallyStopped: true, restarting: true },
    event: end(0),
    context: { autoRemove: true },
    to: { status: 'exited', restarting: true },
    effects: ['end-health', 'clean-up', 'emit die exitCode=0 execDuration=5', 'settle'],
  },
  {
    name: 'a stop during a restart lets it go by itself',
    from: { ...running, manuallyStopped: true, restarting: true },
    event: { type: 'stop-asked' },
    to: { status: 'running', restarting: undefined },
    effects: [],
  },
  {
    name: 'a checkpoint that ends it is noted before',
    from: running,
    event: { type: 'checkpoint', failed: false },
    to: { status: 'running', checkpointing: true, manuallyStopped: false },
    effects: [],
  },
  {
    name: 'the end that a checkpoint brings is no matter of the policy',
    from: { ...running, checkpointing: true },
    event: end(137),
    context: policy('always'),
    to: { status: 'exited', checkpointing: undefined, manuallyStopped: true },
    effects: ['end-health', 'clean-up', 'emit die exitCode=137 execDuration=5', 'settle'],
  },
  {
    name: 'a checkpoint that failed leaves all as it was',
    from: { ...running, checkpointing: true },
    event: { type: 'checkpoint', failed: true },
    to: { status: 'running', checkpointing: undefined, manuallyStopped: false },
    effects: [],
  },
  {
    name: 'a stop beside a checkpoint that failed is remembered',
    from: { ...running, checkpointing: true, manuallyStopped: true },
    event: { type: 'checkpoint', failed: true },
    to: { status: 'running', checkpointing: undefined, manuallyStopped: true },
    effects: [],
  },
  {
    name: 'a checkpoint that an earlier daemon began is none',
    from: { ...running, checkpointing: true },
    event: { type: 'resumed', pid: 7, frozen: false, at },
    to: { status: 'running', checkpointing: undefined },
    effects: ['follow', 'watch-health'],
  },
  {
    name: 'a pause is noted before the kernel acts',
    from: running,
    event: { type: 'pause', by: 'user' },
    to: { status: 'running', freezer: 'user' },
    effects: ['freeze'],
  },
  {
    name: 'frozen',
    from: { ...running, freezer: 'user' },
    event: { type: 'frozen' },
    to: { status: 'paused', freezer: 'user' },
    effects: ['emit pause'],
  },
  {
    name: 'not frozen',
    from: { ...running, freezer: 'user' },
    event: { type: 'freeze-failed' },
    to: { status: 'running', freezer: undefined },
    effects: [],
  },
  {
    name: 'unpause',
    from: { ...paused, freezer: 'user' },
    event: { type: 'unpause' },
    to: { status: 'paused' },
    effects: ['thaw'],
  },
  {
    name: 'thawed',
    from: { ...paused, freezer: 'user' },
    event: { type: 'thawed' },
    to: { status: 'running', freezer: undefined },
    effects: ['emit unpause'],
  },
  {
    name: 'found running',
    from: running,
    event: { type: 'resumed', pid: 7, frozen: false, at },
    to: { status: 'running', startedAt: running.startedAt },
    effects: ['follow', 'watch-health'],
  },
  {
    name: 'found running, though the start was not recorded',
    from: { ...INITIAL, launching: true },
    event: { type: 'resumed', pid: 7, frozen: false, at },
    to: { status: 'running', pid: 7, startedAt: at, launching: undefined },
    effects: ['follow', 'watch-health'],
  },
  {
    name: 'found frozen within a pause',
    from: { ...running, freezer: 'user' },
    event: { type: 'resumed', pid: 7, frozen: true, at },
    to: { status: 'paused', freezer: 'user' },
    effects: ['follow', 'watch-health'],
  },
  {
    name: 'found frozen by a commit that nobody ends',
    from: { ...paused, freezer: 'commit' },
    event: { type: 'resumed', pid: 7, frozen: true, at },
    to: { status: 'paused' },
    effects: ['follow', 'watch-health', 'thaw'],
  },
  {
    name: 'found thawed within an unpause',
    from: { ...paused, freezer: 'user' },
    event: { type: 'resumed', pid: 7, frozen: false, at },
    to: { status: 'running', freezer: undefined },
    effects: ['follow', 'watch-health'],
  },
  {
    name: 'remove',
    from: exited,
    event: { type: 'remove', force: false },
    to: { status: 'removing' },
    effects: ['end-health'],
  },
  {
    name: 'a removal that was interrupted is gone on with',
    from: removing,
    event: { type: 'remove', force: true, resumed: true },
    to: { status: 'removing' },
    effects: ['end-health'],
  },
  {
    name: 'remove by force while a restart waits',
    from: restarting,
    event: { type: 'remove', force: true },
    to: { status: 'removing' },
    effects: ['end-health', 'cancel-restart'],
  },
  {
    name: 'a removal that failed',
    from: removing,
    event: { type: 'remove-failed', error: 'busy' },
    to: { status: 'dead', error: 'busy' },
    effects: [],
  },
  {
    name: 'the daemon is up: a removal goes on',
    from: removing,
    event: { type: 'daemon-up' },
    to: { status: 'removing' },
    effects: ['auto-remove'],
  },
  {
    name: 'the daemon is up: always runs again even after stop',
    from: { ...exited, manuallyStopped: true },
    event: { type: 'daemon-up' },
    context: policy('always'),
    to: {},
    effects: ['restart-now'],
  },
  {
    name: 'the daemon is up: unless-stopped stays after stop',
    from: { ...exited, manuallyStopped: true },
    event: { type: 'daemon-up' },
    context: policy('unless-stopped'),
    to: {},
    effects: [],
  },
  {
    name: 'the daemon is up: what never ran stays so',
    from: INITIAL,
    event: { type: 'daemon-up' },
    context: policy('always'),
    to: { status: 'created' },
    effects: [],
  },
  {
    name: 'the daemon is up: what runs is left alone',
    from: running,
    event: { type: 'daemon-up' },
    context: policy('always'),
    to: { status: 'running' },
    effects: [],
  },
  {
    name: 'the daemon comes up: a start was interrupted, and the policy wants it to run',
    from: { ...INITIAL, launching: true },
    event: { type: 'daemon-up' },
    context: policy('always'),
    to: { status: 'created', launching: undefined },
    effects: ['restart-now'],
  },
  {
    name: 'the daemon comes up: a start was interrupted that nobody asks for again',
    from: { ...INITIAL, launching: true },
    event: { type: 'daemon-up' },
    to: { status: 'created', launching: undefined },
    effects: [],
  },
  {
    name: 'the daemon comes up: a restart by hand was interrupted',
    from: { ...exited, manuallyStopped: true, restarting: true },
    event: { type: 'daemon-up' },
    context: { autoRemove: true },
    to: { status: 'exited', restarting: undefined },
    effects: ['restart-now'],
  },
];

test.each(rows)('$name', ({ from, event, context, to, effects }) => {
  const next = transition(Object.freeze({ ...from }), event, { ...base, ...context });
  expect({
    restarting: undefined,
    launching: undefined,
    freezer: undefined,
    checkpointing: undefined,
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
});

const refused: Array<[string, LifeState, LifeEvent, string, string]> = [
  ['start of a running one', running, { type: 'start', automatic: false }, 'not-modified', ''],
  [
    'start of a paused one',
    paused,
    { type: 'start', automatic: false },
    'conflict',
    'cannot start a paused container, try unpause instead',
  ],
  [
    'start of one that goes',
    removing,
    { type: 'start', automatic: false },
    'conflict',
    'container is marked for removal and cannot be started',
  ],
  [
    'pause of an exited one',
    exited,
    { type: 'pause', by: 'user' },
    'conflict',
    `container ${base.id} is not running`,
  ],
  [
    'pause of a paused one',
    paused,
    { type: 'pause', by: 'user' },
    'conflict',
    `Container ${base.id} is already paused`,
  ],
  ['unpause of a running one', running, { type: 'unpause' }, 'system', `Container ${base.id} is not paused`],
  [
    'remove of a running one',
    running,
    { type: 'remove', force: false },
    'conflict',
    'cannot remove container "/web": container is running: stop the container before removing or force remove',
  ],
  [
    'remove of a paused one',
    paused,
    { type: 'remove', force: false },
    'conflict',
    'cannot remove container "/web": container is paused and must be unpaused first',
  ],
  [
    'remove twice',
    removing,
    { type: 'remove', force: true },
    'conflict',
    'removal of container web is already in progress',
  ],
];

test.each(refused)('refuses %s', (_name, state, event, kind, message) => {
  let thrown: BerthError | undefined;
  try {
    transition(state, event, base);
  } catch (error) {
    thrown = error as BerthError;
  }
  expect(thrown).toMatchObject({ kind, message });
});

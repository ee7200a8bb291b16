import { at, end, exited, expectTransition, policy, type Row, restarting, running } from './state-testing.ts';

/* Stops, restarts by hand, and checkpoints that end a container. */

const term = { signal: 15, seconds: 10 };

const rows: Row[] = [
  {
    name: 'stop is remembered',
    from: running,
    event: { type: 'stop-asked' },
    to: { status: 'running', manuallyStopped: true },
    effects: [],
  },
  {
    name: 'a stop is recorded with its signal, which is not sent yet',
    from: running,
    event: { type: 'stop-asked', next: term },
    to: { status: 'running', manuallyStopped: true, stop: { next: term } },
    effects: [],
  },
  {
    name: 'a signal that was sent leaves the deadline',
    from: { ...running, stop: { next: term } },
    event: { type: 'stop-sent', signal: 15, killAt: 5000 },
    to: { status: 'running', stop: { killAt: 5000 } },
    effects: [],
  },
  {
    name: 'a stop that waits for ever has no deadline',
    from: { ...running, stop: { next: { signal: 15, seconds: -1 } } },
    event: { type: 'stop-sent', signal: 15 },
    to: { status: 'running', stop: {} },
    effects: [],
  },
  {
    name: 'a second stop keeps the deadline of the first',
    from: { ...running, stop: { killAt: 4000 } },
    event: { type: 'stop-asked', next: term },
    to: { status: 'running', stop: { next: term, killAt: 4000 } },
    effects: [],
  },
  {
    name: 'of two stops the earlier deadline holds',
    from: { ...running, stop: { next: term, killAt: 4000 } },
    event: { type: 'stop-sent', signal: 15, killAt: 5000 },
    to: { status: 'running', stop: { killAt: 4000 } },
    effects: [],
  },
  {
    name: 'a signal that was sent is not that of another stop',
    from: { ...running, stop: { next: term } },
    event: { type: 'stop-sent', signal: 2, killAt: 5000 },
    to: { status: 'running', stop: { next: term, killAt: 5000 } },
    effects: [],
  },
  {
    name: 'a kill leaves a stop that is under way',
    from: { ...running, stop: { killAt: 4000 } },
    event: { type: 'stop-asked' },
    to: { status: 'running', stop: { killAt: 4000 } },
    effects: [],
  },
  {
    name: 'a stop ends with the run that it is for',
    from: { ...running, manuallyStopped: true, stop: { killAt: 4000 } },
    event: end(0),
    to: { status: 'exited', stop: undefined },
    effects: ['end-health', 'clean-up', 'emit die exitCode=0 execDuration=5', 'settle'],
  },
  {
    name: 'a signal of which is told after the end is of no matter',
    from: exited,
    event: { type: 'stop-sent', signal: 15, killAt: 5000 },
    to: { status: 'exited', stop: undefined },
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
];

test.each(rows)('$name', expectTransition);

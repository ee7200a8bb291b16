import type { BerthError } from '../../base/errors.ts';
import type { LifeEvent } from './life-types.ts';
import { transition } from './state.ts';
import { base, exited, paused, removing, running } from './state-testing.ts';
import type { LifeState } from './types.ts';

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

import type { EngineEvent } from '../../events/index.ts';
import { eventFor } from './events.ts';

const event = (Type: EngineEvent['Type'], Action: string): EngineEvent => ({
  Type,
  Action,
  Actor: { ID: 'c1', Attributes: { image: 'i' } },
  scope: 'local',
  time: 1,
  timeNano: 1e9,
});

test('before 1.52 an event of a container or image begins with who and what', () => {
  const die = event('container', 'die');
  expect(eventFor(52, die)).toEqual(die);
  expect(JSON.stringify(eventFor(51, die))).toMatch(
    /^{"status":"die","id":"c1","from":"i","Type":"container"/,
  );
  expect(eventFor(51, event('image', 'tag'))).not.toHaveProperty('from');
  const network = event('network', 'connect');
  expect(eventFor(51, network)).toEqual(network);
});

test('the making of an image is no event before 1.46', () => {
  expect(eventFor(45, event('image', 'create'))).toBeUndefined();
  expect(eventFor(46, event('image', 'create'))).toMatchObject({ Action: 'create' });
});

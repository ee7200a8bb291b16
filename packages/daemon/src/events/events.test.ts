import { openEvents } from './events.ts';
import { type EventFilters, matches } from './filter.ts';

test('events are told in order, each at a time of its own, and the last 256 are kept', () => {
  const events = openEvents();
  const told: string[] = [];
  const end = events.subscribe(({ Actor }) => void told.push(Actor.ID));
  for (let id = 0; id < 300; id++) events.emit('container', 'start', String(id));
  end();
  events.emit('container', 'start', 'unheard');
  expect(told).toEqual(Array.from({ length: 300 }, (_, id) => String(id)));
  const kept = events.history();
  expect(kept.map(({ Actor }) => Actor.ID)).toEqual([...told.slice(45), 'unheard']);
  for (let at = 1; at < kept.length; at++) expect(kept[at]!.timeNano).toBeGreaterThan(kept[at - 1]!.timeNano);
});

test('a listener that fails keeps nobody from hearing; one may listen twice', () => {
  const events = openEvents();
  let heard = 0;
  const listener = () => void heard++;
  events.subscribe(() => {
    throw new Error('of its own');
  });
  const ends = [events.subscribe(listener), events.subscribe(listener)];
  events.emit('image', 'pull', 'i');
  expect([heard, events.listeners()]).toEqual([2, 3]);
  ends[0]!();
  events.emit('image', 'pull', 'i');
  expect([heard, events.listeners()]).toEqual([3, 2]);
});

describe('filters: alternatives of one kind, all of several', () => {
  const events = openEvents();
  events.emit('container', 'exec_create: sh -c x', 'c0ffee', {
    name: 'web',
    image: 'h:5000/app:1',
    tier: 'a',
  });
  const [event] = events.history();
  test.each<[EventFilters, boolean]>([
    [{}, true],
    [{ event: ['start', 'exec_create'] }, true],
    [{ event: ['exec'] }, false],
    [{ type: ['image'] }, false],
    [{ type: ['image', 'container'], event: ['start'] }, false],
    [{ container: ['c0f'] }, true],
    [{ container: ['we'] }, true],
    [{ container: ['other'] }, false],
    // As with dockerd an object's filter asks nothing of the type.
    [{ network: ['web'] }, true],
    [{ image: ['h:5000/app:1'] }, true],
    [{ image: ['h:5000/app'] }, true],
    [{ image: ['h'] }, false],
    [{ label: ['tier'] }, true],
    [{ label: ['tier=a', 'name=web'] }, true],
    [{ label: ['tier=a', 'tier=b'] }, false],
    [{ scope: ['swarm'] }, false],
  ])('%j: %p', (filters, passes) => {
    expect(matches(event!, filters)).toBe(passes);
  });
});

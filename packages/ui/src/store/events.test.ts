import type { EngineEvent } from './changes.ts';
import { EventLog, eventFits, shownEvent } from './events.ts';

const event = (number: number, more: Partial<EngineEvent> = {}): EngineEvent => ({
  Type: 'container',
  Action: 'start',
  Actor: { ID: 'abc', Attributes: { name: `box-${number}`, image: 'bb' } },
  time: 1_700_000_000,
  timeNano: 1_700_000_000_000_000_000 + number * 1000,
  ...more,
});

test('an event is one line of a bounded length, with nothing in it that acts', () => {
  const Attributes = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [`label-${index}`, `x\u202e\n${'y'.repeat(1_000_000)}`]),
  );
  const { text, time } = shownEvent(event(0, { Actor: { ID: 'abc', Attributes } }), 0);
  expect(text.length).toBeLessThan(6000);
  expect(text).not.toMatch(/[\n\u202e]/);
  expect(time).toBe('2023-11-14T22:13:20.000Z');
});

test('of very many attributes some are read', () => {
  const names = Array.from({ length: 200_000 }, (_, index) => [`label-${index}`, 'x'] as const);
  const Attributes = { ...Object.fromEntries(names), name: 'box' };
  const { text } = shownEvent(event(0, { Actor: { ID: 'abc', Attributes } }), 0);
  expect(text).toMatch(/^start {2}box {2}label-0=x {2}.*label-23=x {2}…$/);
});

test('the last events are kept, each once, and those from before come first', () => {
  const log = new EventLog();
  for (let number = 0; number < 10_000; number++) log.add(event(number));
  expect(log.all).toHaveLength(2000);
  expect(log.all.at(-1)!.text).toBe('start  box-9999  image=bb');
  log.add(event(9999));
  expect(log.total).toBe(10_000);
  const young = new EventLog();
  young.add(event(3));
  young.addEarlier([event(1), event(2), event(3)]);
  expect(young.all.map(({ text }) => text.slice(7, 12))).toEqual(['box-1', 'box-2', 'box-3']);
});

test('a stream that is opened anew goes on where it was, and says when events are missing', () => {
  const log = new EventLog();
  expect(log.since).toBeUndefined();
  log.resume();
  log.add(event(5));
  expect(Number(log.since)).toBeCloseTo(1_700_000_000, 2);
  log.resume();
  log.add(event(5));
  log.add(event(6));
  expect(log.all.map(({ type }) => type)).toEqual(['container', 'container']);
  log.resume();
  log.add(event(300));
  expect(log.all.map(({ type }) => type)).toEqual(['container', 'container', 'page', 'container']);
});

test('events are found by type and words', () => {
  const shown = shownEvent(event(7), 0);
  expect(eventFits(shown, '', [])).toBe(true);
  expect(eventFits(shown, 'image', [])).toBe(false);
  expect(eventFits(shown, 'container', ['box-7', 'image=bb'])).toBe(true);
  expect(eventFits(shown, '', ['-start'])).toBe(false);
  expect(eventFits(shown, '', ['-stop'])).toBe(true);
});

import { Detached, DetachFilter, defaultDetachKeys, parseDetachKeys } from './detach.ts';

test('keys are bytes, as the daemon reads them', () => {
  expect([...parseDetachKeys(defaultDetachKeys)]).toEqual([16, 17]);
  expect([...parseDetachKeys('a,DEL,ctrl-@,ctrl-z,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_')]).toEqual([
    97, 127, 0, 26, 27, 28, 29, 30, 31,
  ]);
});

test.each(['', 'ab', 'é', 'del', 'ctrl-A', 'ctrl-1', 'a,'])('%j is no list of keys', (keys) => {
  const last = keys.split(',').at(-1);
  expect(() => parseDetachKeys(keys)).toThrow(`Unknown character: '${last}'`);
});

describe('typed bytes', () => {
  const filter = new DetachFilter(parseDetachKeys(defaultDetachKeys));
  const feed = (...bytes: number[]) => [...filter.feed(Buffer.from(bytes))];

  test('pass as they are; a beginning of the keys waits for what follows it', () => {
    expect(feed(1, 2, 3)).toEqual([1, 2, 3]);
    expect(feed(16)).toEqual([]);
    expect(feed(99)).toEqual([16, 99]);
    // The second of two first keys may be the beginning.
    expect(feed(16, 16)).toEqual([16]);
    expect(feed(5)).toEqual([16, 5]);
  });

  test('the keys end the attachment, in one piece or in two', () => {
    expect(feed(7, 16)).toEqual([7]);
    expect(() => feed(17)).toThrow(Detached);
    expect(() => new DetachFilter(Buffer.from('q')).feed(Buffer.from('xq'))).toThrow(Detached);
  });

  test('without keys nothing is held back', () => {
    expect([...new DetachFilter(Buffer.alloc(0)).feed(Buffer.from([16, 17]))]).toEqual([16, 17]);
  });
});

import { idMapWord, parseIdMap } from './id-map.ts';

const remapping = {
  uids: [
    { containerID: 0, hostID: 100_000, size: 10 },
    { containerID: 10, hostID: 200_000, size: 10 },
  ],
  gids: [{ containerID: 0, hostID: 100_000, size: 20 }],
};

test.each([
  ['container', remapping, 'ridmap'],
  ['uids=0-1000-1;gids=0-1000-1', undefined, 'ridmap=uids=0-1000-1;gids=0-1000-1'],
  ['uids=0-1000-1#1-2000-5', undefined, 'ridmap=uids=0-1000-1#1-2000-5;gids=0-0-4294967295'],
  ['uids=5-0-1', remapping, 'ridmap=uids=5-0-1;gids=0-100000-20'],
  // Ids of the container are those that its ranges have on the host, in pieces, as far as it has them.
  ['uids=@500-8-4;gids=@7-15-100', remapping, 'ridmap=uids=500-100008-2#502-200000-2;gids=7-100015-5'],
  ['uids=@0-3-1;gids=@0-3-1', undefined, 'ridmap=uids=0-3-1;gids=0-3-1'],
])('the word for %s', (text, ranges, word) => {
  expect(idMapWord(text, true, ranges)).toBe(word);
  expect(idMapWord(text, false, ranges)).toBe(word.slice(1));
});

test.each([
  ['', 'is not uids='],
  ['true', 'is not uids='],
  ['uids=0-1-1;', 'is not uids='],
  ['uids=', 'no range'],
  ['uids=0-1', 'no range'],
  ['uids=0-1-1#', 'no range'],
  ['uids=0:1:1', 'no range'],
  ['uids=-1-1-1', 'no range'],
  ['uids=0-1-0', 'is empty'],
  ['uids=0-4294967295-1', 'reaches beyond 4294967294'],
  ['gids=0-1-1;gids=0-1-1', 'gids are named twice'],
  ['uids=0-10-5#4-20-1', 'uids: ranges overlap at 4'],
  ['uids=0-10-5#9-14-1', 'uids: ranges overlap at 14'],
  [`uids=${Array.from({ length: 341 }, (_, id) => `${id}-${id}-1`).join('#')}`, 'more than 340 ranges'],
])('refuses %j', (text, why) => {
  expect(() => parseIdMap(text)).toThrow(why);
});

import { naturalCompare } from './natural.ts';

test('names are ordered as people count', () => {
  const sorted = ['a', 'net', 'net2', 'net02', 'net10', 'net10a', 'z1'];
  expect([...sorted].reverse().sort(naturalCompare)).toEqual(sorted);
});

import { parseSize } from './sizes.ts';

test('sizes', () => {
  expect(['1', '20k', '1.5m', '1GiB', '2 mb'].map(parseSize)).toEqual([1, 20480, 1572864, 2 ** 30, 2 ** 21]);
  expect([parseSize('y'), parseSize('-3'), parseSize('')]).toEqual([undefined, undefined, undefined]);
});

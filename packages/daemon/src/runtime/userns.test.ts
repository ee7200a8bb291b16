import { nextRange } from './userns.ts';

test('a new range of ids begins behind all others', () => {
  expect(nextRange('')).toBe(100_000);
  expect(nextRange('a:1000:5\nb:100000:65536\nc:300000:10\n\nnot a line\n')).toBe(300_010);
});

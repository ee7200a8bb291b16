import { isKnownSignal, parseSignal } from './signals.ts';

test('signals by name and number', () => {
  expect(['TERM', 'sigterm', '15'].map(parseSignal)).toEqual([15, 15, 15]);
  expect(parseSignal('RTMIN+1')).toBe(35);
  expect(parseSignal('RTMAX-1')).toBe(63);
  expect(() => parseSignal('FOO')).toThrow('invalid signal: FOO');
  expect(() => parseSignal('0')).toThrow('invalid signal: 0');
  expect([isKnownSignal(9), isKnownSignal(32), isKnownSignal(65)]).toEqual([true, false, false]);
});

import { parseDetachKeys } from './keys.ts';

test('detach keys', () => {
  expect([...parseDetachKeys(undefined, 'detach')]).toEqual([16, 17]);
  expect([...parseDetachKeys('ctrl-a,x,ctrl-[', 'detach')]).toEqual([1, 120, 27]);
  expect([...parseDetachKeys('DEL,ctrl-@,ctrl-_', 'detach')]).toEqual([127, 0, 31]);
  for (const none of ['é', 'del', 'ctrl-A', 'ctrl-1', 'a,', ','])
    expect(() => parseDetachKeys(none, 'detach')).toThrow(`Invalid detach keys (${none}) provided`);
  expect(() => parseDetachKeys('bogus', 'detach')).toThrow('Invalid detach keys (bogus) provided');
  expect(() => parseDetachKeys('bogus', 'escape')).toThrow('Invalid escape keys (bogus) provided');
});

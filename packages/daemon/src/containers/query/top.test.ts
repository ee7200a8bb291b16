import { parseTable } from './top.ts';

test('ps rows of some processes', () => {
  const output =
    'UID   PID  PPID CMD\nroot    1     0 init with words\nroot   12     1 sleep 5\nroot   13     1 x\n';
  expect(parseTable(output, new Set([1, 12]))).toEqual({
    Titles: ['UID', 'PID', 'PPID', 'CMD'],
    Processes: [
      ['root', '1', '0', 'init with words'],
      ['root', '12', '1', 'sleep 5'],
    ],
  });
  expect(() => parseTable('USER\nroot\n', new Set())).toThrow("Couldn't find PID field in ps output");
});

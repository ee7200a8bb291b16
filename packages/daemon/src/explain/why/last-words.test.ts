import fc from 'fast-check';
import { complaintsIn } from './last-words.ts';

test.each([
  ['sh: ./x: not found', './x', 'no such file or directory'],
  ['/run.sh: line 3: /bin/app: Permission denied', '/run.sh', 'permission denied'],
  ['./a: line 1: syntax error: \x7fELF', './a', 'exec format error'],
  ['exec /app/x: Exec format error', '/app/x', 'exec format error'],
])('%s', (line, named, error) => {
  expect(complaintsIn(line)).toContainEqual({ named, error });
});

test.each(['sh: x: not found', 'bin/: not found', '/: Permission denied', 'a/b c: not found'])(
  '%s names no path',
  (line) => {
    expect(complaintsIn(line)).toEqual([]);
  },
);

test('a path is any word with a slash that is not its end', () => {
  const plain = /(?:^|[\s:])([^\s:]*\/[^\s:]+): .*Permission denied/i;
  const letters = fc.array(fc.constantFrom('/', 'a', ':', ' ', ': '), { maxLength: 12 });
  fc.assert(
    fc.property(letters, (parts) => {
      const line = `${parts.join('')}Permission denied`;
      const named = plain.exec(line)?.[1];
      expect(complaintsIn(line)).toEqual(named === undefined ? [] : [{ named, error: 'permission denied' }]);
    }),
    { numRuns: 2000 },
  );
});

test.each([['/'], ['a/'], ['/ '], [':/a'], ['a/b: ']])(
  'a line of %j that a program writes holds nothing up',
  (text) => {
    const line = text.repeat(4096 / text.length);
    const began = performance.now();
    complaintsIn(line);
    expect(performance.now() - began).toBeLessThan(50);
  },
);

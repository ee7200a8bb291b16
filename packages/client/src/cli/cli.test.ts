import { atLeast, atMost, between, exactly, noArgs } from './command.ts';
import { parseGlobals } from './globals.ts';
import { hintFor } from './hints.ts';

test('how many arguments a command takes is told in docker’s words', () => {
  expect([noArgs(0), exactly(1)(1), atLeast(1)(3), atMost(1)(0), between(1, 2)(2)]).toEqual(
    Array.from({ length: 5 }, () => undefined),
  );
  expect(noArgs(1)).toBe('accepts no arguments.');
  expect(exactly(2)(1)).toBe('requires exactly 2 arguments.');
  expect(atLeast(1)(0)).toBe('requires at least 1 argument.');
  expect(atMost(1)(2)).toBe('requires at most 1 argument.');
  expect(between(1, 2)(3)).toBe('requires at least 1 and at most 2 arguments.');
});

test('flags before the command are the program’s, those behind it are not', () => {
  const { options, rest } = parseGlobals(['-D', '-H', 'tcp://a:1', 'ps', '-a', '-D']);
  expect(options).toMatchObject({ debug: true, hosts: ['tcp://a:1'] });
  expect(rest).toEqual(['ps', '-a', '-D']);
  expect(parseGlobals(['ps', '--debug'])).toMatchObject({
    options: { debug: false },
    rest: ['ps', '--debug'],
  });
  expect(parseGlobals(['--version'])).toMatchObject({ version: true, rest: [] });
  expect(() => parseGlobals(['--log-level=loud', 'ps'])).toThrow('Unable to parse logging level: loud');
});

test('an error gets the advice for it, and a foreign one none', () => {
  expect(hintFor('write /x: no space left on device')).toContain('berth system df');
  expect(hintFor('Cannot connect to the Docker daemon at unix:///x')).toContain('start berthd');
  expect(hintFor('something else')).toBeUndefined();
});

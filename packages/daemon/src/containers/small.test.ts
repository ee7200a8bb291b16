import { isKnownSignal, parseSignal } from '../base/signals.ts';
import { parseSize } from '../base/sizes.ts';
import { parseDetachKeys } from './io/keys.ts';
import { checkLogConfig, logAttributes, logOptions } from './io/logs/options.ts';
import { afterProbe, probeCommand } from './lifecycle/health.ts';
import { checkName, generateName } from './model/names.ts';
import { parseTable } from './query/top.ts';

test('signals by name and number', () => {
  expect(['TERM', 'sigterm', '15'].map(parseSignal)).toEqual([15, 15, 15]);
  expect(parseSignal('RTMIN+1')).toBe(35);
  expect(parseSignal('RTMAX-1')).toBe(63);
  expect(() => parseSignal('FOO')).toThrow('invalid signal: FOO');
  expect(() => parseSignal('0')).toThrow('invalid signal: 0');
  expect([isKnownSignal(9), isKnownSignal(32), isKnownSignal(65)]).toEqual([true, false, false]);
});

test('names', () => {
  for (const bad of ['a', '_x', 'b d', '-ab', 'ü2'])
    expect(() => checkName(bad)).toThrow(
      `Invalid container name (${bad}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  checkName('a1');
  const made = new Set<string>();
  for (let count = 0; count < 500; count += 1) {
    const name = generateName((other) => made.has(other));
    checkName(name);
    expect(made.has(name)).toBe(false);
    made.add(name);
  }
});

test('detach keys', () => {
  expect([...parseDetachKeys(undefined, 'detach')]).toEqual([16, 17]);
  expect([...parseDetachKeys('ctrl-a,x,ctrl-[', 'detach')]).toEqual([1, 120, 27]);
  expect(() => parseDetachKeys('bogus', 'detach')).toThrow('Invalid detach keys (bogus) provided');
  expect(() => parseDetachKeys('bogus', 'escape')).toThrow('Invalid escape keys (bogus) provided');
});

test('sizes', () => {
  expect(['1', '20k', '1.5m', '1GiB', '2 mb'].map(parseSize)).toEqual([1, 20480, 1572864, 2 ** 30, 2 ** 21]);
  expect([parseSize('y'), parseSize('-3'), parseSize('')]).toEqual([undefined, undefined, undefined]);
});

test('log options as the supervisor gets them', async () => {
  const none = async () => ({});
  expect(await logOptions('json-file', { 'max-size': '1k', 'max-file': '2' }, '/l', none)).toEqual({
    driver: 'json-file',
    path: '/l',
    maxSize: 1024,
    maxFile: 2,
    compress: false,
  });
  expect(await logOptions('local', {}, '/l', none)).toMatchObject({
    maxSize: 20 * 2 ** 20,
    maxFile: 5,
    compress: true,
  });
  for (const [config, why] of [
    [{ 'max-size': 'y' }, "invalid size: 'y'"],
    [{ 'max-file': '0' }, 'max-file cannot be less than 1'],
    [{ compress: 'x' }, 'strconv.ParseBool: parsing "x": invalid syntax'],
    [{ compress: 'true' }, 'compress cannot be true when max-file is less than 2 or max-size is not set'],
  ] as Array<[Record<string, string>, string]>)
    await expect(logOptions('json-file', config, '/l', none)).rejects.toThrow(
      `failed to create task for container: failed to initialize logging driver: ${why}`,
    );
  expect(() => checkLogConfig('syslog', {})).toThrow(/syslog is not supported/);
  checkLogConfig('none', { anything: 'x' });
});

test('log attributes', async () => {
  const container = {
    id: 'a'.repeat(64),
    name: 'web',
    image: 'bb',
    labels: { l: '1', m: '2' },
    env: ['E=3', 'F=4'],
  };
  const config = { labels: 'l', 'env-regex': '^F', tag: '{{.Name}}/{{.ID}}' };
  expect(await logAttributes(config, container)).toEqual({ l: '1', F: '4', tag: `web/${'a'.repeat(12)}` });
});

describe('health', () => {
  const result = (ExitCode: number) => ({ Start: '', End: '', ExitCode, Output: '' });
  const starting = { Status: 'starting' as const, FailingStreak: 0, Log: [] };

  test('commands', () => {
    expect(probeCommand({ Test: ['CMD', 'a', 'b'] }, undefined)).toEqual(['a', 'b']);
    expect(probeCommand({ Test: ['CMD-SHELL', 'a b'] }, undefined)).toEqual(['/bin/sh', '-c', 'a b']);
    expect(probeCommand({ Test: ['CMD-SHELL', 'a b'] }, ['/bin/ash', '-ec'])).toEqual([
      '/bin/ash',
      '-ec',
      'a b',
    ]);
    for (const none of [undefined, {}, { Test: ['NONE'] }, { Test: [] }])
      expect(probeCommand(none, undefined)).toBeUndefined();
  });

  test('so many failures in a row make it unhealthy, one success healthy', () => {
    const config = { Retries: 2 };
    let health = afterProbe(starting, result(1), config, 0);
    expect(health).toMatchObject({ Status: 'starting', FailingStreak: 1 });
    health = afterProbe(health, result(1), config, 0);
    expect(health).toMatchObject({ Status: 'unhealthy', FailingStreak: 2 });
    health = afterProbe(health, result(0), config, 0);
    expect(health).toMatchObject({ Status: 'healthy', FailingStreak: 0 });
    for (let count = 0; count < 9; count += 1) health = afterProbe(health, result(0), config, 0);
    expect(health.Log).toHaveLength(5);
  });

  test('failures within the start period do not count', () => {
    const config = { Retries: 1, StartPeriod: 5_000_000_000 };
    expect(afterProbe(starting, result(1), config, 4_000)).toMatchObject({
      Status: 'starting',
      FailingStreak: 0,
    });
    expect(afterProbe(starting, result(1), config, 6_000)).toMatchObject({ Status: 'unhealthy' });
  });
});

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

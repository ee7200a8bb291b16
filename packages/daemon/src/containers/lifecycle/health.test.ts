import { afterProbe, probeCommand, untilProbe } from './health.ts';

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

  test('a container that starts is probed as often as usual, or every 5 s, or as it asks for', () => {
    const SECOND = 1_000_000_000;
    const config = { Interval: SECOND / 2, StartPeriod: 30 * SECOND };
    expect(untilProbe(config, 'starting', 0)).toBe(500);
    expect(untilProbe({ ...config, Interval: 60 * SECOND }, 'starting', 0)).toBe(5_000);
    expect(untilProbe({ ...config, StartInterval: 2 * SECOND }, 'starting', 29_999)).toBe(2_000);
    expect(untilProbe({ ...config, StartInterval: 2 * SECOND }, 'starting', 30_000)).toBe(500);
    expect(untilProbe({ ...config, StartInterval: 2 * SECOND }, 'healthy', 0)).toBe(500);
    expect(untilProbe({}, 'starting', 0)).toBe(30_000);
  });
});

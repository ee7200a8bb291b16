import { parseRfc3339 } from '../../base/time.ts';
import { INITIAL } from './state.ts';
import { statusText } from './status.ts';

test('status lines are those that clients parse', () => {
  const now = parseRfc3339('2026-01-01T00:05:00Z')!;
  const up = { ...INITIAL, status: 'running' as const, startedAt: '2026-01-01T00:03:00Z' };
  expect(statusText(up, undefined, now)).toBe('Up 2 minutes');
  const health = (Status: 'starting' | 'healthy') => ({ Status, FailingStreak: 0, Log: [] });
  expect(statusText(up, health('healthy'), now)).toBe('Up 2 minutes (healthy)');
  expect(statusText(up, health('starting'), now)).toBe('Up 2 minutes (health: starting)');
  expect(statusText({ ...up, status: 'paused' }, undefined, now)).toBe('Up 2 minutes (Paused)');
  const down = { ...up, status: 'exited' as const, exitCode: 3, finishedAt: '2026-01-01T00:04:57Z' };
  expect(statusText(down, undefined, now)).toBe('Exited (3) 3 seconds ago');
  expect(statusText({ ...down, status: 'restarting' }, undefined, now)).toBe('Restarting (3) 3 seconds ago');
  expect(statusText(INITIAL, undefined, now)).toBe('Created');
});

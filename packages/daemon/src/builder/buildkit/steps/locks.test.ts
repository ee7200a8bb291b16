import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeUnused, takeCache } from './locks.ts';

test('a prune leaves the cache folders that steps use, and takes them when they are given back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-locks-'));
  const there = (name: string) => existsSync(join(folder, name));
  const trees = { remove: (path: string) => rm(path, { recursive: true }) };
  const signal = new AbortController().signal;
  const taken = await takeCache('used', 'shared', false, signal);
  for (const name of [taken.name, 'unused']) mkdirSync(join(folder, name));
  await removeUnused(folder, trees);
  expect([there('used'), there('unused')]).toEqual([true, false]);
  await taken.release();
  await removeUnused(folder, trees);
  expect(there('used')).toBe(false);
  rmSync(folder, { recursive: true });
});

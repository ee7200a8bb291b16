import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeAll } from './files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cgroup-files-'));
  writeFileSync(join(folder, 'memory'), '100\n');
  writeFileSync(join(folder, 'cpus'), '\n');
  mkdirSync(join(folder, 'refused'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const writes = (...names: string[]) => names.map((name) => ({ path: join(folder, name), value: '7' }));
const texts = () => ['memory', 'cpus'].map((name) => readFileSync(join(folder, name), 'utf8').trim());

test('values written before one that is refused are restored', async () => {
  await expect(writeAll(writes('memory', 'cpus', 'refused'))).rejects.toThrow(
    `failed to write "7": write ${join(folder, 'refused')}`,
  );
  expect(texts()).toEqual(['100', '']);
});

test('values that were all written have a way back', async () => {
  const back = await writeAll(writes('memory', 'cpus'));
  expect(texts()).toEqual(['7', '7']);
  await back();
  expect(texts()).toEqual(['100', '']);
});

test('of two writes to one file the way back leads to the value before both', async () => {
  const back = await writeAll([...writes('memory'), { path: join(folder, 'memory'), value: '8' }]);
  await back();
  expect(texts()).toEqual(['100', '']);
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBounded } from './bounded-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bounded-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a file up to the bound is read whole, a larger one is refused by its name', () => {
  const path = join(folder, 'file');
  writeFileSync(path, 'x'.repeat(100_000));
  expect(readBounded(path, 100_000)).toHaveLength(100_000);
  expect(() => readBounded(path, 99_999)).toThrow(`${path} is larger than 99999 bytes`);
  truncateSync(path, 3 * 2 ** 30);
  expect(() => readBounded(path, 100_000)).toThrow('is larger than');
});

test('a FIFO, a device and a folder are no files', () => {
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  symlinkSync('/dev/zero', join(folder, 'zero'));
  for (const path of [fifo, join(folder, 'zero'), folder])
    expect(() => readBounded(path, 10)).toThrow(`${path} is not a regular file`);
});

test('a file whose size says less than it holds is bounded by what is read', () => {
  // Files of /proc have size 0, as a file that grows after its size was asked.
  expect(() => readBounded('/proc/self/status', 10)).toThrow('is larger than 10 bytes');
});

test('a link is followed only where that is wanted', () => {
  writeFileSync(join(folder, 'file'), 'text');
  symlinkSync('file', join(folder, 'link'));
  expect(readBounded(join(folder, 'link'), 10).toString()).toBe('text');
  expect(() => readBounded(join(folder, 'link'), 10, false)).toThrow('ELOOP');
});

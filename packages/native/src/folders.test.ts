import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openDirectoryPool } from './folders.ts';

test('the pool of an earlier version is taken over, or goes where there is one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-folders-'));
  try {
    const place = join(folder, 'pool');
    mkdirSync(join(folder, 'nursery/7'), { recursive: true });
    const { ino } = statSync(join(folder, 'nursery'));
    openDirectoryPool(place);
    expect(statSync(place).ino).toBe(ino);
    mkdirSync(join(folder, 'nursery/7/left'), { recursive: true });
    openDirectoryPool(place);
    expect(readdirSync(folder)).toEqual(['pool']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('folders are spread where a file system has no journal, and only there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-folders-'));
  try {
    const text = (command: string, args: string[]) =>
      execFileSync(command, args, { encoding: 'utf8' }).trim();
    const [type, source = ''] = text('findmnt', ['-nro', 'FSTYPE,SOURCE', '-T', folder]).split(' ');
    // The kernel lists journals in use there, where it lists them at all.
    const journals = existsSync('/proc/fs/jbd2') ? readdirSync('/proc/fs/jbd2') : [];
    const journal = type !== 'ext4' || journals.some((name) => name.startsWith(`${basename(source)}-`));
    const place = join(folder, 'pool');
    const { make } = openDirectoryPool(place);
    expect(type === 'ext4' && text('lsattr', ['-d', place]).split(' ')[0]!.includes('T')).toBe(!journal);
    const all = Array.from({ length: 70 }, (_, index) => `made${index}`);
    for (const name of all) make(join(folder, name));
    expect(readdirSync(folder).sort()).toEqual([...all, 'pool'].sort());
    expect(statSync(join(folder, 'made0')).mode & 0o777).toBe(0o700);
    make(join(folder, 'made0'));
    mkdirSync(join(folder, 'made0/full'));
    expect(() => make(join(folder, 'made0'))).toThrow(/ENOTEMPTY|EEXIST/);
    expect(() => make(join(folder, 'none/made'))).toThrow(/ENOENT/);
    const shards = readdirSync(place).map((name) => join(place, name));
    expect(shards).toHaveLength(journal ? 0 : 32);
    expect(shards.flatMap((shard) => readdirSync(shard))).toEqual([]);
    // Folders that a kill left there go.
    for (const shard of shards) mkdirSync(join(shard, 'left'));
    openDirectoryPool(place);
    expect(shards.flatMap((shard) => readdirSync(shard))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

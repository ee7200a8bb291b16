import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { spreadSubfolders } from './folders.ts';

test('subfolders are spread where a file system has no journal, and only there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-folders-'));
  try {
    const text = (command: string, args: string[]) =>
      execFileSync(command, args, { encoding: 'utf8' }).trim();
    const [type, source = ''] = text('findmnt', ['-nro', 'FSTYPE,SOURCE', '-T', folder]).split(' ');
    // Where the kernel tells of journals in use.
    const journals = existsSync('/proc/fs/jbd2') ? readdirSync('/proc/fs/jbd2') : [];
    const journal = type !== 'ext4' || journals.some((name) => name.startsWith(`${basename(source)}-`));
    spreadSubfolders(folder);
    const attributes = type === 'ext4' ? text('lsattr', ['-d', folder]).split(' ')[0] : '';
    expect(attributes?.includes('T')).toBe(!journal);
    spreadSubfolders(join(folder, 'none'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

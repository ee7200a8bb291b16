import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeProgram } from '@berth/native';
import { createHelper, type Helper } from './helper.ts';
import { folderSizes } from './sizes.ts';

test('many folders are counted by few processes, each by itself', async () => {
  const root = mkdtempSync(join(tmpdir(), 'berth-sizes-'));
  const helper = createHelper(nativeProgram);
  let processes = 0;
  const counted: Helper = {
    ...helper,
    run(...words) {
      processes += 1;
      return helper.run(...words);
    },
  };
  try {
    const folders = Array.from({ length: 300 }, (_, index) => join(root, `f${index}`));
    for (const [index, folder] of folders.entries()) {
      mkdirSync(join(folder, 'sub'), { recursive: true });
      writeFileSync(join(folder, 'sub', 'file'), 'x'.repeat(index));
    }
    symlinkSync(folders[1]!, join(root, 'link'));
    const { of } = folderSizes(counted);
    const sizes = await Promise.all([...folders, folders[7]!].map((folder) => of(folder)));
    expect(sizes).toEqual([...folders.keys(), 7]);
    expect(processes).toBe(1);
    await expect(of(join(root, 'none'))).rejects.toMatchObject({ kind: 'not-found' });
    await expect(of(join(root, 'link'))).rejects.toThrow(/ENOTDIR|ELOOP/);
  } finally {
    rmSync(root, { recursive: true });
  }
});

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHelper } from './helper.ts';
import { BINARY } from './testing.ts';
import { createTrash } from './trash.ts';

const root = mkdtempSync(join(tmpdir(), 'berth-trash-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('what is taken away goes, also where somebody has removed the trash', async () => {
  const helper = createHelper(BINARY);
  const [folder, path] = [join(root, 'trash'), join(root, 'thing')];
  const warned: string[] = [];
  const trash = createTrash(folder, {
    ...helper,
    run: (verb, ...rest) =>
      helper.run(verb, ...rest).catch((error) => {
        warned.push(String(error));
        throw error;
      }),
  } as typeof helper);
  for (const there of [true, false]) {
    rmSync(folder, { recursive: true, force: true });
    if (there) mkdirSync(folder);
    mkdirSync(path);
    writeFileSync(join(path, 'file'), 'x');
    const taken = await trash.take(path, { soon: true });
    expect(taken).not.toBe(false);
    if (taken) await taken.removed;
    expect(existsSync(path)).toBe(false);
    expect(await trash.take(path)).toBe(false);
    await trash.empty();
  }
  expect(warned).toEqual([]);
});

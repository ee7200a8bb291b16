import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeProgram } from '@berth/native';
import { createHelper, type Helper } from '../helper.ts';
import { openLayerStore } from '../layers.ts';
import { stream, tarOf } from '../testing.ts';
import { createTrash } from '../trash.ts';

/** A helper whose next `add` does its work, and whose report of it is lost. */
function losing(helper: Helper): Helper & { lose: boolean } {
  const made = {
    lose: false,
    run: helper.run,
    start<T>(...args: Parameters<Helper['start']>) {
      const run = helper.start<T>(...args);
      if (args[0] !== 'add' || !made.lose) return run;
      made.lose = false;
      const report = run.report.then((): T => {
        throw new Error('the report was lost');
      });
      return { ...run, report };
    },
  };
  return made;
}

test('an input that breaks off behind an add that could not begin is no matter', async () => {
  const root = mkdtempSync(join(tmpdir(), 'berth-failed-adds-'));
  const real = createHelper(nativeProgram);
  const layers = await openLayerStore(root, 'erofs', real, createTrash(join(root, 'trash'), real), false);
  rmSync(join(root, 'made'), { recursive: true });
  const tar = stream(tarOf([{ name: 'f' }]));
  await expect(layers.add(tar)).rejects.toThrow('ENOENT');
  expect(tar.destroyed).toBe(true);
  // Nobody else listens: it would be an uncaught exception.
  tar.emit('error', new Error('what it was read from has gone'));
  rmSync(root, { recursive: true });
});

describe('an add that fails when its layer has its place', () => {
  const root = mkdtempSync(join(tmpdir(), 'berth-failed-adds-'));
  const helper = losing(createHelper(nativeProgram));
  const bytes = () => stream(tarOf([{ name: 'f', content: 'content' }]));
  const left = () => ['made', 'layers', 'trash'].flatMap((name) => readdirSync(join(root, name)));
  const settle = () => new Promise((resolve) => setTimeout(resolve, 300));
  const open = () => {
    mkdirSync(join(root, 'trash'), { recursive: true });
    return openLayerStore(root, 'erofs', helper, createTrash(join(root, 'trash'), helper), false);
  };
  afterAll(() => rmSync(root, { recursive: true }));

  test('leaves nothing', async () => {
    const layers = await open();
    helper.lose = true;
    await expect(layers.add(bytes())).rejects.toThrow('the report was lost');
    await settle();
    expect(left()).toEqual([]);
  });

  test('leaves the layer to another add of the same bytes', async () => {
    const layers = await open();
    for (let round = 0; round < 5; round++) {
      helper.lose = true;
      const added = await Promise.allSettled([bytes(), bytes(), bytes()].map((tar) => layers.add(tar)));
      expect(added.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
      await settle();
      const diffId = layers.list()[0]!.diffId;
      expect(left()).toEqual([diffId.slice('sha256:'.length)]);
      await layers.durable([diffId]);
      await layers.remove(diffId);
      expect(left()).toEqual([]);
    }
  });
});

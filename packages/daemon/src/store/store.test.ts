import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from './index.ts';

/* The store on a disk of its own: a small ext4. */

const folder = mkdtempSync(join(tmpdir(), 'berth-store-'));
const disk = join(folder, 'disk');
let store: Store;

beforeAll(() => {
  mkdirSync(disk);
  const image = join(folder, 'image');
  execFileSync('truncate', ['-s', '32M', image]);
  execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  execFileSync('mount', ['-o', 'loop', image, disk]);
});

afterAll(() => {
  store?.close();
  execFileSync('umount', [disk]);
  rmSync(folder, { recursive: true });
});

const fill = () => {
  const { bavail, bsize } = statfsSync(disk);
  if (bavail > 0)
    // It takes what there is, and then says that it lacks the blocks of its own tree.
    spawnSync('fallocate', ['-l', String(bavail * bsize), join(disk, `filler-${Date.now()}`)]);
};

test('a removal is recorded on a full disk, however much the log has taken before', async () => {
  store = openStore(join(disk, 'berth.db'));
  const records = store.collection<{ text: string }>('things');
  for (let index = 0; index < 300; index++) {
    records.put(`${index}`, { text: `${index}-`.repeat(1000) });
    await store.flush();
  }
  fill();
  for (let index = 0; index < 200; index++) {
    records.delete(`${index}`);
    await store.flush();
  }
  store.close();
  store = openStore(join(disk, 'berth.db'));
  expect([...store.collection('things').entries()].map(([key]) => key).sort()).toEqual(
    Array.from({ length: 100 }, (_, index) => `${index + 200}`),
  );
});

test('what a full disk did not take is recorded once there is room', async () => {
  const records = store.collection<{ text: string }>('things');
  let refused = '';
  for (let index = 0; index < 1000 && !refused; index++) {
    records.put(`new-${index}`, { text: 'x'.repeat(20_000) });
    await store.flush().catch((error: Error) => {
      refused = error.message;
    });
  }
  expect(refused).toMatch(/cannot write to the database .* full/);
  const all = [...records.entries()].length;
  execFileSync('sh', ['-c', `rm ${disk}/filler-*`]);
  await store.flush();
  store.close();
  store = openStore(join(disk, 'berth.db'));
  expect([...store.collection('things').entries()]).toHaveLength(all);
});

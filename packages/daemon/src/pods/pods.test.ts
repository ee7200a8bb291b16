import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../store/index.ts';
import type { PodRecord } from './api.ts';
import { type PodOptions, PodRoom } from './pods.ts';

test('a record of an earlier version names its pause process as this one does', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-pods-'));
  const store = openStore(join(folder, 'db'));
  try {
    const pause = { pid: 7, started: '42' };
    const pods = store.collection<Partial<PodRecord> & { keeper?: typeof pause }>('pods');
    pods.put('old', { id: 'old', state: 'stopped', keeper: pause });
    pods.put('new', { id: 'new', state: 'stopped', pause });
    // Nothing but the store is asked for what is recorded.
    const room = new PodRoom({ store } as PodOptions);
    expect(room.all()).toEqual([
      { id: 'old', state: 'stopped', pause },
      { id: 'new', state: 'stopped', pause },
    ]);
  } finally {
    store.close();
    rmSync(folder, { recursive: true });
  }
});

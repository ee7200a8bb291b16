import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dist, TestDaemon } from '../../support/daemon.ts';

// Builds while somebody else prunes.

let daemon: TestDaemon;
let folder: string;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  folder = mkdtempSync(join(tmpdir(), 'pruned-'));
  await daemon.importBusybox();
});
afterAll(async () => {
  await daemon?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test('a prune leaves a build its image until that has its names', async () => {
  writeFileSync(join(folder, 'Dockerfile'), 'FROM bb\nARG round\nLABEL round=$round\n');
  const over = new AbortController();
  const pruning = (async () => {
    while (!over.signal.aborted) await daemon.call('POST', '/images/prune');
  })();
  const run = promisify(execFile);
  try {
    for (let round = 0; round < 10; round++) {
      const args = [
        'build',
        '-q',
        '--build-arg',
        `round=${round}`,
        '-t',
        `kept:${round}`,
        '-t',
        'last:1',
        folder,
      ];
      await run(join(dist, 'berth'), ['-H', `unix://${daemon.socket}`, ...args]);
    }
  } finally {
    over.abort();
    await pruning;
  }
  for (let round = 0; round < 10; round++)
    expect((await daemon.call('GET', `/images/kept:${round}/json`)).status).toBe(200);
}, 30_000);

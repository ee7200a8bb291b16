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

test('a step whose layer an image has is shared; a prune leaves it unless all are to go', async () => {
  writeFileSync(join(folder, 'Dockerfile'), 'FROM bb\nRUN echo shared > /shared\n');
  const cli = (...args: string[]) =>
    promisify(execFile)('docker', args, { env: { ...process.env, DOCKER_HOST: daemon.host } });
  const shared = async () => {
    const { json } = await daemon.call('GET', '/v1.45/system/df?type=build-cache');
    const { BuildCache } = json as { BuildCache: Array<{ Description: string; Shared: boolean }> };
    return BuildCache.filter(({ Description }) => Description.includes('/shared')).map(
      ({ Shared }) => Shared,
    );
  };
  const prune = () => daemon.call('POST', '/build/prune');
  await cli('buildx', 'build', '--load', '-t', 'shared', folder);
  await prune();
  expect(await shared()).toEqual([true]);
  await cli('rmi', 'shared');
  expect(await shared()).toEqual([false]);
  await prune();
  expect(await shared()).toEqual([]);
}, 30_000);

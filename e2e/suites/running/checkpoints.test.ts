import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon, until } from '../../support/daemon.ts';

// Checkpoints by CRIU, where it is installed; what is said where they can't be made, everywhere.

const CRIU = ['/usr/sbin/criu', '/usr/local/sbin/criu'].some((path) => existsSync(path));
const RUNC = '/usr/sbin/runc';

let plain: TestDaemon;
let daemon: TestDaemon;
beforeAll(async () => {
  plain = await TestDaemon.start();
  daemon = await TestDaemon.start(['--experimental', '--add-runtime', `oci=${RUNC}`]);
});
afterAll(async () => {
  await plain?.dispose();
  await daemon?.dispose();
});

const create = (id: string, body: object, server = daemon) =>
  server.call('POST', `/v1.45/containers/${id}/checkpoints`, body);

test('a daemon that is not experimental refuses, as dockerd does', async () => {
  const disabled = expect.stringContaining('This experimental feature is disabled by default');
  for (const [method, path] of [
    ['GET', 'checkpoints'],
    ['POST', 'checkpoints'],
    ['DELETE', 'checkpoints/c1'],
  ] as const)
    expect(await plain.call(method, `/v1.45/containers/nosuch/${path}`, {})).toMatchObject({
      status: 501,
      json: { message: disabled },
    });
  const start = await plain.call('POST', '/v1.45/containers/nosuch/start?checkpoint=c1');
  expect(start).toMatchObject({
    status: 400,
    json: { message: expect.stringContaining('checkpoint is only supported in experimental mode') },
  });
});

test('names, containers and runtimes that have none are refused with the reason', async () => {
  daemon.succeeds('create', '--name=made', '--network=none', 'bb', 'true');
  daemon.succeeds('run', '-d', '--name=own', '--network=none', 'bb', 'sleep', '600');
  expect((await create('nosuch', { CheckpointID: 'c1' })).status).toBe(404);
  expect(await create('made', { CheckpointID: 'c1' })).toMatchObject({
    status: 409,
    json: { message: expect.stringContaining('is not running') },
  });
  for (const CheckpointID of ['', 'x', '../x'])
    expect(await create('own', { CheckpointID })).toMatchObject({
      status: 400,
      json: {
        message: `Invalid checkpoint ID (${CheckpointID}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      },
    });
  expect(await create('own', { CheckpointID: 'c1', CheckpointDir: 'here' })).toMatchObject({ status: 400 });
  expect(await create('own', { CheckpointID: 'c1' })).toMatchObject({
    status: 501,
    json: { message: expect.stringContaining("it runs under Berth's own runtime") },
  });
  expect((await daemon.call('GET', '/v1.45/containers/own/checkpoints')).json).toBeNull();
  expect((await daemon.call('DELETE', '/v1.45/containers/own/checkpoints/c1')).status).toBe(404);
  expect(daemon.docker(['start', '--checkpoint', 'c1', 'made']).stderr).toContain(
    'checkpoint c1 does not exist for container /made',
  );
  daemon.succeeds('rm', '-f', 'own', 'made');
});

(CRIU && existsSync(RUNC) ? test : test.skip)('processes go on where they were', async () => {
  const count = 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done';
  daemon.succeeds('run', '-d', '--name=counts', '--runtime=oci', '--restart=always', 'bb', 'sh', '-c', count);
  const last = () => Number(daemon.succeeds('logs', '--tail=1', 'counts'));
  await until('some lines', () => last() > 3);
  expect(daemon.succeeds('checkpoint', 'create', '--leave-running', 'counts', 'c1')).toBe('c1');
  expect(daemon.succeeds('inspect', '-f', '{{.State.Status}}', 'counts')).toBe('running');
  expect((await create('counts', { CheckpointID: 'c1' })).status).toBe(409);
  daemon.succeeds('checkpoint', 'create', 'counts', 'c2');
  await until('the end', () => daemon.succeeds('inspect', '-f', '{{.State.Status}}', 'counts') === 'exited');
  expect(daemon.succeeds('checkpoint', 'ls', 'counts')).toBe('CHECKPOINT NAME\nc1\nc2');
  const before = last();
  daemon.succeeds('start', '--checkpoint', 'c2', 'counts');
  await until('further lines', () => last() > before + 2);
  const lines = daemon.succeeds('logs', 'counts').trim().split('\n').map(Number);
  expect(lines).toEqual(lines.map((_, index) => index));
  expect(daemon.succeeds('exec', 'counts', 'hostname')).toBe(
    daemon.succeeds('inspect', '-f', '{{.Config.Hostname}}', 'counts'),
  );
  daemon.succeeds('checkpoint', 'rm', 'counts', 'c2');
  expect(daemon.succeeds('checkpoint', 'ls', 'counts')).toBe('CHECKPOINT NAME\nc1');
  daemon.succeeds('rm', '-f', 'counts');
});

(CRIU && existsSync(RUNC) ? test : test.skip)(
  'one that fails leaves the restart policy in force',
  async () => {
    const failing = join(daemon.folder, 'failing-runc');
    writeFileSync(
      failing,
      `#!/bin/sh\nfor word; do [ "$word" = checkpoint ] && { echo "no memory" >&2; exit 1; }; done\nexec ${RUNC} "$@"\n`,
      { mode: 0o755 },
    );
    const own = await TestDaemon.start(['--experimental', '--add-runtime', `failing=${failing}`]);
    try {
      const waits = 'while [ ! -e /end ]; do sleep 0.05; done; rm /end; exit 3';
      own.succeeds(
        'run',
        '-d',
        '--name=failed',
        '--runtime=failing',
        '--restart=always',
        'bb',
        'sh',
        '-c',
        waits,
      );
      expect(await create('failed', { CheckpointID: 'c1', Exit: true }, own)).toMatchObject({
        status: 500,
        json: { message: expect.stringContaining('no memory') },
      });
      own.succeeds('exec', 'failed', 'touch', '/end');
      await until('the restart', () => own.succeeds('inspect', '-f', '{{.RestartCount}}', 'failed') === '1');
      own.succeeds('rm', '-f', 'failed');
    } finally {
      await own.dispose();
    }
  },
);

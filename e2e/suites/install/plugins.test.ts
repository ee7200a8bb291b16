import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { top } from '../../support/daemon.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-plugins-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const berth = (words: string[]) =>
  spawnSync(join(top, 'dist/berth'), words, {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder, BERTH_HOST: 'unix:///somewhere.sock' },
  });

test('a plugin of Docker’s client is run with its arguments, the daemon, and the options before it', () => {
  mkdirSync(join(folder, '.docker/cli-plugins'), { recursive: true });
  writeFileSync(
    join(folder, '.docker/cli-plugins/docker-mine'),
    '#!/bin/sh\nprintf "%s|" "$@" "$DOCKER_HOST" "$DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"\nexit 3\n',
    { mode: 0o755 },
  );
  const program = join(top, 'dist/berth');
  const ran = berth(['mine', 'a b', '--flag', '-q']);
  expect([ran.status, ran.stdout]).toEqual([3, `mine|a b|--flag|-q|unix:///somewhere.sock|${program}|`]);
  const secure = berth(['-H', 'tcp://h:1', '--tlsverify', '--tlscacert', '/ca.pem', 'mine']);
  expect(secure.stdout).toBe(`--tlsverify|--tlscacert|/ca.pem|mine|tcp://h:1|${program}|`);
});

test('commands that are elsewhere say where', () => {
  for (const [word, hint] of [
    ['manifest', 'imagetools inspect'],
    ['trust', 'cosign'],
    ['swarm', 'no swarm mode'],
    ['stack', 'berth compose'],
    ['plugin', 'volume create'],
  ] as const) {
    const ran = berth([word, 'ls']);
    expect([ran.status, ran.stdout]).toEqual([1, '']);
    expect(ran.stderr).toContain(hint);
  }
  const { elsewhere } = jest.requireActual<{ elsewhere(word: string): Error | undefined }>(
    '../../../packages/client/src/tree/elsewhere.ts',
  );
  expect(elsewhere('compose')?.message).toContain('package docker-compose of Debian');
  expect(elsewhere('toString')).toBeUndefined();
});

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clients, daemon, expectSame, withClients } from './setup.ts';

withClients();

describe('both clients say the same of', () => {
  test.each<[string, number]>([
    ['ps', 0],
    ['ps -a --no-trunc', 0],
    ['ps -aq --filter label=one', 0],
    ['ps --format json', 0],
    ['container ls --format {{.Names}}:{{.Label "one"}}', 0],
    ['images', 0],
    ['images --digests --no-trunc', 0],
    ['images --format json', 0],
    ['images -q bb', 0],
    ['images one two', 1],
    ['image inspect bb', 0],
    ['image inspect -f {{.Os}}/{{.Architecture}} bb nothing', 1],
    ['history bb', 0],
    ['history --format json -H=false bb', 0],
    ['inspect -f {{.State.Status}}{{.HostConfig.NetworkMode}}{{json.Config.Labels}} shared', 1],
    ['inspect -f {{.State.Status}}{{.HostConfig.NetworkMode}} shared', 0],
    ['inspect nothing', 1],
    ['top shared', 0],
    ['port shared', 0],
    ['network ls', 0],
    ['network ls --format json --no-trunc', 0],
    ['network inspect none', 0],
    ['network rm nothing', 1],
    ['network create --subnet 10.0.0.0/24 --gateway 10.1.0.1 x', 1],
    ['volume ls', 0],
    ['volume inspect nothing', 1],
    ['volume rm nothing', 1],
    ['system df', 0],
    ['system df -v', 0],
    ['version -f {{.Server.Version}}', 0],
    ['info -f {{.Driver}}', 0],
    ['rmi nothing', 1],
    ['rmi -f nothing', 0],
    ['rm nothing', 1],
    ['stop nothing', 1],
    ['logs nothing', 1],
    ['exec nothing true', 1],
    ['cp nothing:/a /tmp', 1],
    ['run', 1],
    ['run --nothing bb', 125],
    ['pull Upper', 1],
    ['tag bb Upper', 1],
    ['ps --filter nothing', 125],
    ['build /nowhere', 1],
    ['login --password-stdin', 1],
  ])('%s', (line, status) => {
    // The template of one has a blank.
    const words = line.replace('{{.Label "one"}}', '{{.Label_"one"}}').split(' ');
    expect(expectSame(words.map((word) => word.replace('_"one"', ' "one"'))).status).toBe(status);
  });

  test('a container, from create to rm', () => {
    for (const line of [
      'create --name c-@ -e A=1 --label l=1 --network none bb sh -c',
      'start c-@',
      'wait c-@',
      'logs c-@',
      'diff c-@',
      'rename c-@ d-@',
      'inspect -f {{.State.ExitCode}}{{.Config.Env}}{{.Name}} d-@',
      'rm d-@',
    ]) {
      const words = line.split(' ');
      if (words[0] === 'create') words.push('echo $A; touch /new; exit 3');
      expect(expectSame(words).status).toBe(0);
    }
  });

  test.each<[string[], number]>([
    [['run', '--rm', 'bb', 'echo', 'hello'], 0],
    [['run', '--rm', '--network', 'none', 'bb', 'sh', '-c', 'echo out; echo err >&2; exit 9'], 9],
    [['run', '--rm', '--network', 'none', 'bb', '/nothing'], 127],
    [['run', '--rm', '--network', 'none', 'bb', '/etc'], 126],
    [['run', '--rm', '--pull', 'never', 'nothing'], 125],
    [['run', '--rm', '-m', '1k', 'bb', 'true'], 125],
    [['run', '-it', '--rm', 'bb', 'true'], 1],
    [['exec', 'shared', 'sh', '-c', 'exit 4'], 4],
    [['exec', '-e', 'X=y', '-w', '/etc', 'shared', 'sh', '-c', 'echo $X; pwd'], 0],
    [['exec', 'shared', '/nothing'], 126],
  ])('%j', (line, status) => {
    expect(expectSame(line).status).toBe(status);
  });

  test('input of a container', () => {
    expect(
      expectSame(['run', '-i', '--rm', '--network', 'none', 'bb', 'wc', '-c'], 'x'.repeat(70_000)).stdout,
    ).toBe('70000\n');
  });

  test('networks and volumes', () => {
    for (const line of [
      'network create --internal --label l=1 n-@',
      'network inspect -f {{.Name}}{{.Internal}}{{.Labels}} n-@',
      'network connect --alias other n-@ shared',
      'network disconnect n-@ shared',
      'network rm n-@',
      'volume create --label l=1 v-@',
      'volume ls -f name=v-@ --format json',
      'volume inspect v-@',
      'volume rm v-@',
    ])
      expect(expectSame(line).status).toBe(0);
  });

  test('a prune that the user does not want', () => {
    for (const line of [
      'image prune',
      'volume prune -a',
      'network prune',
      'container prune',
      'system prune -a',
    ])
      expect(expectSame(line, 'n\n').stdout).toContain('[y/N] ');
    expect(expectSame('volume prune -f').stdout).toBe('Total reclaimed space: 0B\n');
  });

  test('a build, its image and its archive', () => {
    const context = join(daemon.folder, 'context');
    const built = expectSame(['build', '--no-cache', '-t', 'built-@', '--iidfile', 'id-@', context]);
    expect(built.status).toBe(0);
    expect(built.stdout).toContain('x.txt');
    expect(built.stdout).toContain('this');
    expect(built.stdout).not.toMatch(/x\.log|that/);
    for (const client of clients)
      expect(readFileSync(join(daemon.folder, `id-${client}`), 'utf8')).toMatch(/^sha256:[0-9a-f]{64}$/);
    expectSame('history --format {{.CreatedBy}} built-@');
    expectSame('build -q -t other-@ --label of=@ -', 'FROM bb\nLABEL x=y\n');
    expect(expectSame('build -', 'FROM bb\nRUN exit 5\n').status).toBe(5);
    expect(expectSame('save -o saved-@.tar built-@').status).toBe(0);
    expectSame('rmi built-@');
    expectSame('load -i saved-@.tar');
    expectSame('tag built-@ again-@:1');
    expect(expectSame('rmi again-@:1 built-@ other-@').status).toBe(0);
  });
});

test('credentials of a login are refused without a registry, and nothing is written', () => {
  const { status } = daemon.berth(['login', '-u', 'me', '--password-stdin', 'localhost:1'], {
    input: 'secret\n',
  });
  expect(status).toBe(1);
  expect(existsSync(join(daemon.folder, 'config', 'config.json'))).toBe(false);
});

test('every command has a help, run and create as well', () => {
  for (const command of [['run'], ['create'], ['container', 'run'], ['ps'], ['network', 'create']]) {
    const { status, stdout } = daemon.berth([...command, '--help']);
    expect([command, status, stdout.includes(`Usage:  berth ${command.join(' ')}`)]).toEqual([
      command,
      0,
      true,
    ]);
  }
});

test('what ssh says of a failed connection is told', () => {
  const folder = join(daemon.folder, 'bin');
  mkdirSync(folder);
  writeFileSync(join(folder, 'ssh'), '#!/bin/sh\necho "ssh: no such host" >&2\nexit 255\n', { mode: 0o755 });
  const env = { PATH: `${folder}:${process.env['PATH']}`, BERTH_HOST: '', DOCKER_HOST: '' };
  const { status, stderr } = daemon.berth(['-H', 'ssh://x', 'ps'], { env });
  expect([status, stderr]).toEqual([1, 'error during connect: ssh x ended with 255: ssh: no such host\n']);
});

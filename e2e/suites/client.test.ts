import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon, until } from '../support/daemon.ts';
import { onTerminal } from '../support/terminal.ts';

/** The stock `docker` command line and `berth` do the same against one daemon, and must say the same. */
const clients = ['docker', 'berth'] as const;
type Client = (typeof clients)[number];

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  const context = join(daemon.folder, 'context');
  mkdirSync(join(context, 'kept'), { recursive: true });
  writeFileSync(
    join(context, 'Dockerfile'),
    'FROM bb\nCOPY . /context\nRUN ls /context /context/kept\nLABEL a=b\n',
  );
  writeFileSync(join(context, '.dockerignore'), '*.log\nkept/*\n!kept/this\n');
  for (const file of ['x.log', 'x.txt', 'kept/this', 'kept/that']) writeFileSync(join(context, file), file);
  await daemon.box(['sleep', '600'], { Labels: { one: '1' } }, 'shared');
});
afterAll(async () => {
  await daemon?.dispose();
});

/** Leaves out what differs for a reason: ids, times, and the clients' own names. */
function masked(text: string, client: Client): string {
  return (
    text
      .replace(/^DEPRECATED: The legacy builder[\s\S]*?environment-variable\.\n\n?/gm, '')
      .replace(/\b[0-9a-f]{64}\b/g, 'ID')
      .replace(/\b[0-9a-f]{12}\b/g, 'ID')
      .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d( \w+)?)?/g, 'TIME')
      .replace(/(Less than a|About an?|\d+) (second|minute|hour)s?( ago)?/g, 'AGO')
      .replace(/ {2,}/g, '  ')
      // Layers that two images share go with the last of them.
      .replace(/(Deleted: sha256:ID\n)+/g, 'Deleted: sha256:ID\n')
      .replaceAll(`-${client}`, '-CLIENT')
      .replace(/\b(docker|berth): /g, 'CLIENT: ')
      .replace(/'(docker|berth) ([a-z ]+) --help'/g, "'CLIENT $2 --help'")
      .replace(/^Usage: {2}(docker|berth) /gm, 'Usage:  CLIENT ')
      .replace(/"(docker|berth) ([a-z ]+)" (requires|accepts)/g, '"CLIENT $2" $3')
      .replaceAll('to Docker daemon', 'to Berth daemon')
      // The description of a command is worded differently.
      .replace(/(Usage: .*\n\n).*\n$/, '$1')
  );
}

/** Runs one command line with a client; `@` in it is the client's name, so that each has things of its own. */
function ran(client: Client, line: string[], input = '') {
  const args = line.map((word) => word.replaceAll('@', client));
  const { status, stdout, stderr } = daemon[client](args, {
    input,
    env: { DOCKER_BUILDKIT: '0' },
    timeout: 20_000,
  });
  return { status, stdout: masked(stdout, client), stderr: masked(stderr, client) };
}

function expectSame(line: string | string[], input = ''): ReturnType<typeof ran> {
  const words = typeof line === 'string' ? line.split(' ') : line;
  const [docker, berth] = clients.map((client) => ran(client, words, input)) as [
    ReturnType<typeof ran>,
    ReturnType<typeof ran>,
  ];
  expect(berth).toEqual(docker);
  return docker;
}

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

describe('on a terminal', () => {
  test.each(clients)('%s: its size, its changes, and what is typed', async (client) => {
    const terminal = onTerminal(daemon, client, ['run', '-it', '--rm', '--network', 'none', 'bb', 'sh']);
    await terminal.sees('#');
    await until('the first size', () => {
      terminal.type('stty size\n');
      return /\n24 80\r/.test(terminal.output);
    });
    terminal.resize(100, 30);
    await until('the new size', () => {
      terminal.type('stty size\n');
      return /\n30 100\r/.test(terminal.output);
    });
    terminal.type('exit 6\n');
    expect(await terminal.end()).toBe(6);
  });

  test.each(clients)('%s: the detach keys leave the container running', async (client) => {
    const name = `detached-${client}`;
    const terminal = onTerminal(daemon, client, [
      'run',
      '-it',
      '--name',
      name,
      '--network',
      'none',
      '--detach-keys',
      'ctrl-x,q',
      'bb',
      'sh',
    ]);
    await terminal.sees('#');
    terminal.type('\x18q');
    expect(await terminal.end()).toBe(0);
    expect(daemon[client](['inspect', '-f', '{{.State.Running}}', name]).stdout).toBe('true\n');
    const again = onTerminal(daemon, client, ['attach', name]);
    again.type('echo ba""ck\n');
    await again.sees('back');
    again.type('\x10\x11');
    // Docker's attach, unlike its run, ends with 1 here.
    expect(await again.end()).toBe(1);
    daemon[client](['rm', '-f', name]);
  });

  test.each(clients)('%s: exec has a terminal of its own', async (client) => {
    const terminal = onTerminal(daemon, client, ['exec', '-it', 'shared', 'sh']);
    await terminal.sees('#');
    terminal.type('tty; exit 3\n');
    expect(await terminal.end()).toBe(3);
    expect(terminal.output).toContain('/dev/pts/');
  });

  test.each(clients)('%s: Ctrl-C goes to the program', async (client) => {
    const terminal = onTerminal(daemon, client, [
      'run',
      '-it',
      '--rm',
      '--network',
      'none',
      'bb',
      'sh',
      '-c',
      "trap 'echo caught; exit 8' INT; echo ready; while :; do sleep 0.1; done",
    ]);
    await terminal.sees('ready');
    terminal.type('\x03');
    await terminal.sees('caught');
    expect(await terminal.end()).toBe(8);
  });

  test('tables are the same', async () => {
    const outputs: string[] = [];
    for (const client of clients) {
      const terminal = onTerminal(daemon, client, ['images', 'bb']);
      expect(await terminal.end()).toBe(0);
      outputs.push(masked(terminal.output, client));
    }
    expect(outputs[1]).toBe(outputs[0]);
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

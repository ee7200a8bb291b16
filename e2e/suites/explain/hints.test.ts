import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { dist, TestDaemon } from '../../support/daemon.ts';

let daemon: TestDaemon;
let registry: Server;
let address: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  registry = createServer((request, response) => {
    const denied = request.url?.includes('/private/');
    if (request.url === '/v2/') response.writeHead(200).end('{}');
    else
      response.writeHead(denied ? 401 : 404, { 'Content-Type': 'application/json' }).end(
        JSON.stringify({
          errors: [
            {
              code: denied ? 'UNAUTHORIZED' : 'MANIFEST_UNKNOWN',
              message: denied ? 'authentication required' : 'manifest unknown',
            },
          ],
        }),
      );
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
  const build = join(daemon.folder, 'build');
  mkdirSync(build);
  writeFileSync(join(build, 'Dockerfile'), 'FROM bb AS one\nCOPY missing /\n');
  daemon.berth([
    'run',
    '-d',
    '--name',
    'taken',
    '-p',
    '127.0.0.1:18181:80',
    '-v',
    'used:/x',
    'bb',
    'sleep',
    '1000',
  ]);
  daemon.berth(['network', 'create', '--subnet', '10.237.0.0/24', 'wide']);
}, 60_000);
afterAll(async () => {
  await daemon?.dispose();
  registry.close();
});

/** Each error is provoked; the words of the engine come first, the hint is the last line. */
const CASES: Array<[name: string, args: () => string[], error: RegExp, hint: RegExp]> = [
  ['no such program', () => ['run', '--rm', 'bb', 'nosuch'], /executable file not found/, /PATH/],
  [
    'no such path',
    () => ['run', '--rm', 'bb', '/opt/nosuch'],
    /no such file or directory/,
    /not in the image/,
  ],
  ['a folder as program', () => ['run', '--rm', 'bb', '/etc'], /permission denied/, /chmod/],
  [
    'a port that is taken',
    () => ['run', '--rm', '-p', '127.0.0.1:18181:80', 'bb', 'true'],
    /already allocated/,
    /another port/,
  ],
  [
    'a user who is not there',
    () => ['run', '--rm', '-u', 'nosuch', 'bb', 'true'],
    /unable to find user/,
    /--user/,
  ],
  [
    'a group that is not there',
    () => ['run', '--rm', '-u', '0:nosuch', 'bb', 'true'],
    /unable to find group/,
    /--user/,
  ],
  ['devices of a driver', () => ['run', '--rm', '--gpus', 'all', 'bb', 'true'], /device driver/, /--device/],
  [
    'a folder over a file',
    () => ['run', '--rm', '-v', '/etc:/bin/busybox', 'bb', 'true'],
    /mount a directory onto a file/,
    /file over a file/,
  ],
  [
    'a source that is missing',
    () => ['run', '--rm', '--mount', 'type=bind,source=/no/such,target=/x', 'bb', 'true'],
    /does not exist/,
    /-v/,
  ],
  [
    'a volume’s name that is none',
    () => ['run', '--rm', '-v', 'a/b:/x', 'bb', 'true'],
    /invalid characters/,
    /slash/,
  ],
  ['a volume in use', () => ['volume', 'rm', 'used'], /in use/, /berth ps/],
  [
    'no such network',
    () => ['run', '--rm', '--network', 'nosuch', 'bb', 'true'],
    /network nosuch not found/,
    /network create/,
  ],
  [
    'an overlapping range',
    () => ['network', 'create', '--subnet', '10.237.0.0/25', 'x'],
    /[Oo]verlaps/,
    /--subnet/,
  ],
  ['a name in use', () => ['run', '--rm', '--name', 'taken', 'bb', 'true'], /Conflict/, /berth rm/],
  ['no such container', () => ['start', 'nosuch'], /No such container/, /ps -a/],
  ['no such image', () => ['rmi', 'nosuch'], /No such image/, /berth images/],
  [
    'a tag that the registry does not have',
    () => ['pull', `${address}/a/b:1`],
    /not found|manifest unknown/,
    /not this tag/,
  ],
  [
    'a repository that is not open',
    () => ['pull', `${address}/private/b:1`],
    /denied|authentication|unauthorized/,
    /berth login/,
  ],
  ['a registry that is not there', () => ['pull', '127.0.0.1:9/a/b:1'], /refused/, /nothing listens/],
  [
    'a registry whose name is not found',
    () => ['pull', 'registry.invalid/a/b:1'],
    /lookup|ENOTFOUND|no such host|EAI_AGAIN/,
    /resolv\.conf/,
  ],
  ['no Dockerfile', () => ['build', '-f', 'nosuch', 'build'], /[Dd]ockerfile/, /-f/],
  ['a file that is not in the context', () => ['build', 'build'], /missing/, /\.dockerignore/],
  ['a stage that is not there', () => ['build', '--target', 'two', 'build'], /target stage/, /--target/],
  ['no engine', () => ['-H', 'unix:///no/such.sock', 'ps'], /connect/i, /berth doctor/],
];

/** The registry answers from this process, which must not wait. */
const berth = (args: string[]) =>
  new Promise<{ status: number; stderr: string }>((resolve) => {
    const env = { ...process.env, BERTH_HOST: daemon.host, DOCKER_CONFIG: daemon.folder, BERTH_HINTS: '1' };
    execFile(join(dist, 'berth'), args, { cwd: daemon.folder, env }, (failure, _, stderr) =>
      resolve({ status: failure ? Number(failure.code) : 0, stderr }),
    );
  });

test.each(CASES)('%s', async (_, args, error, hint) => {
  const { status, stderr } = await berth(args());
  expect(status).not.toBe(0);
  const lines = stderr.trimEnd().split('\n');
  expect(lines.slice(0, -1).join('\n')).toMatch(error);
  expect(lines.at(-1)).toMatch(/^hint: /);
  expect(lines.at(-1)).toMatch(hint);
});

test('programs see the words of the engine alone', () => {
  expect(daemon.berth(['start', 'nosuch']).stderr).not.toContain('hint:');
});

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { top } from '../../support/daemon.ts';
import { type Asked, folder, ID, plain, played, socket, withScriptedDaemon } from './scripted-daemon.ts';

// The client's front (packages/native/front) beside the client itself, on a daemon of the test's that notes what it is
// asked: requests, output and exit code are the same, and what the front leaves to Node has asked nothing before.
withScriptedDaemon();

const environment = (more: NodeJS.ProcessEnv = {}) => ({
  PATH: process.env['PATH'],
  HOME: join(folder, 'home'),
  BERTH_HOST: `unix://${socket}`,
  ...more,
});

async function run(program: string[], words: string[], more: NodeJS.ProcessEnv = {}) {
  played.asked = [];
  played.atStart = [];
  const child = spawn(program[0]!, [...program.slice(1), ...words], {
    env: environment(more),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (part) => {
      said[name] += part;
    });
  const code = await new Promise((resolve) => child.once('close', resolve));
  // Connections race: what is asked at the same time is in no order.
  const order = (a: Asked, b: Asked) => (a.url < b.url ? -1 : 1);
  return { ...said, code, asked: [...played.asked].sort(order) };
}
const front = [join(top, 'dist/berth')];
const client = [
  join(top, 'dist/lib/node'),
  '--no-concurrent-sparkplug',
  '--no-concurrent-recompilation',
  '--',
  join(top, 'dist/lib/berth.cjs'),
];
/** Whether the front ran it without Node: it has no Node to hand over to here. */
const alone = join(folder, 'alone/berth');

async function both(words: string[], more: NodeJS.ProcessEnv = {}) {
  const own = await run(front, words, more);
  expect({ words, ...own }).toEqual({ words, ...(await run(client, words, more)) });
  return own;
}

beforeAll(() => {
  mkdirSync(join(folder, 'alone'));
  spawnSync('cp', [front[0]!, alone]);
});

const RUNS: string[][] = [
  ['run', '--rm', 'busybox', 'true'],
  ['run', 'busybox'],
  ['container', 'run', '--rm', '--name', 'A_b-1', 'busybox:1.0', 'echo', 'a"b\\c\td\u0001é😀', '-x', '--rm'],
  ['run', '-d', 'busybox', 'sleep', '1'],
  ['run', '--detach', '--rm', '--name=x', 'example/y:z'],
  [
    'run',
    '-e',
    'A=1',
    '-e',
    'B=',
    '--env',
    'A=2',
    '--env=C=d=e',
    '-u',
    '1:2',
    '-w',
    '/x y',
    '-h',
    'host',
    'i',
  ],
  [
    'run',
    '--user',
    'a',
    '--user',
    'b',
    '--cap-add',
    'X',
    '--cap-add=Y',
    '--cap-drop',
    'ALL',
    '--privileged',
    'i',
  ],
  [
    'run',
    '--read-only',
    '-P',
    '--volumes-from',
    'c:ro',
    '--cgroup-parent',
    '/p',
    '--domainname',
    '',
    'i',
    '',
  ],
];

test('run: the same requests, output and exit code, without Node', async () => {
  played.scene = plain();
  for (const words of RUNS) {
    const own = await both(words);
    const { asked: requests, code } = await run([alone], words);
    expect({ words, requests, code }).toEqual({ words, requests: own.asked, code: own.code });
  }
  expect((await both(RUNS[0]!)).code).toBe(7);
});

test('run: warnings, errors of the start and of the wait, a stream that an old daemon calls raw', async () => {
  const words = ['run', '--rm', 'busybox', 'true'];
  played.scene = { ...plain(), warnings: ['first "x"\u001b', 'zweite ü\ud83d\ude00'] };
  expect((await both(words)).stderr).toContain('WARNING: first "x"');
  for (const message of [
    'exec: "x": executable file not found in $PATH: unknown.',
    'permission denied',
    'else',
  ]) {
    played.scene = { ...plain(), start: [500, message], output: [] };
    expect((await both(words)).code).toBe(
      /not found/.test(message) ? 127 : /denied/.test(message) ? 126 : 125,
    );
    await both(['run', '-d', 'busybox']);
  }
  played.scene = { ...plain(), code: '{"StatusCode":0,"Error":{"Message":"it \\u00e4 went"}}', output: [] };
  expect((await both(words)).code).toBe(125);
  played.scene = {
    ...plain(),
    output: [
      [1, 'a'],
      [3, 'it broke'],
    ],
  };
  expect((await both(words)).stderr).toBe('error from daemon in stream: it broke\n');
  played.scene = { ...plain(), raw: true };
  expect((await both(words)).stderr).toBe('err\n');
  played.scene = {
    ...plain(),
    code: '{"StatusCode":0,"Error":null}',
    output: [
      [1, 'x'.repeat(300_000)],
      [2, ''],
      [1, 'end'],
    ],
  };
  expect((await both(words)).stdout.length).toBe(300_003);
});

test('run: a refused create is left to Node, which asks again and says why', async () => {
  played.scene = { ...plain(), status: 409 };
  const own = await run(front, ['run', 'busybox']);
  const node = await run(client, ['run', 'busybox']);
  expect([own.stdout, own.stderr, own.code]).toEqual([node.stdout, node.stderr, node.code]);
  expect(own.asked).toEqual([...node.asked, ...node.asked]);
});

test('what the front does not know, it leaves to Node before it asks anything', async () => {
  played.scene = plain();
  for (const words of [
    ['run', '-it', 'busybox'],
    ['run', '-v', '/a:/b', 'busybox'],
    ['run', '--env', 'PATH', 'busybox'],
    ['run', '--rm=false', 'busybox'],
    ['run', '--help'],
    ['run'],
    ['run', 'Upper'],
    ['run', 'a@sha256:b'],
    ['run', '--name', 'a b', 'busybox'],
    ['run', '--name'],
    ['ps'],
    ['ps', '-q', '--format', 'x'],
    ['ps', '-q', 'x'],
    ['version'],
    ['--debug', 'ps', '-q'],
  ]) {
    const { asked: requests, code, stderr } = await run([alone], words);
    expect({ words, requests, code }).toEqual({ words, requests: [], code: 125 });
    expect(stderr).toContain('lib/node cannot be run');
  }
  for (const more of [
    { DOCKER_TLS_VERIFY: '1' },
    { DOCKER_API_VERSION: '1.40' },
    { BERTH_HOST: '', DOCKER_CONTEXT: 'x' },
  ])
    expect((await run([alone], ['ps', '-q'], more)).code).toBe(125);
  for (const text of ['{"HttpHeaders":{"A":"b"}}', '{"currentContext":"x"', '[]', '{"proxies":{}}', '{} x']) {
    writeFileSync(join(folder, 'home/.docker/config.json'), text);
    expect((await run([alone], ['ps', '-q'])).code).toBe(125);
  }
  writeFileSync(join(folder, 'home/.docker/config.json'), ' {"auths":{}, "psFormat":"x"}\n');
  expect((await run([alone], ['ps', '-q'])).code).toBe(0);
});

test('ps -q: as the client shows it', async () => {
  const row = (id: string) =>
    `{"Names":["/\\"Id\\":"],"Labels":{"Id":"no","a":"\\\\"},"Ports":[{}, []],"Id":"${id}"}`;
  played.scene = { ...plain(), list: ` [${row(ID)},\n${row('1'.repeat(64))}]` };
  for (const words of [['-q'], ['-aq'], ['-q', '--no-trunc'], ['--all', '--quiet']])
    for (const name of [['ps'], ['container', 'ls'], ['-H', `unix://${socket}`, 'ps']]) {
      const own = await both([...name, ...words]);
      expect(own.stdout.split('\n')).toHaveLength(3);
      expect((await run([alone], [...name, ...words])).stdout).toBe(own.stdout);
    }
  for (const list of ['[]', '[{"Id":"sha256:x"}]', '[{}]']) {
    played.scene = { ...plain(), list };
    const [own, node] = [await run(front, ['ps', '-q']), await run(client, ['ps', '-q'])];
    expect([list, own.stdout, own.code]).toEqual([list, node.stdout, node.code]);
  }
});

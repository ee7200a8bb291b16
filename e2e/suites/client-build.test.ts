import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { openFiles } from '../faults/census.ts';
import { dist, TestDaemon, until } from '../support/daemon.ts';
import { Registry } from '../support/registry.ts';
import { tarOf } from '../support/tar.ts';
import { onTerminal } from '../support/terminal.ts';

/** `berth build` as a client of BuildKit: what it sends, what it lends to the steps, and what it shows. */
let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  context = join(daemon.folder, 'context');
  mkdirSync(join(context, 'sub'), { recursive: true });
  writeFileSync(join(context, 'run.sh'), '#!/bin/sh\n');
  chmodSync(join(context, 'run.sh'), 0o755);
  writeFileSync(join(context, 'sub/kept'), 'kept');
  writeFileSync(join(context, 'sub/x.log'), 'no');
  symlinkSync('sub/kept', join(context, 'link'));
  writeFileSync(join(context, '.dockerignore'), '**/*.log\n');
});
afterAll(async () => {
  await daemon?.dispose();
});

/** Runs `berth build` in the context's folder. */
function build(
  args: string[],
  options: { input?: string | Buffer; env?: Record<string, string>; dockerfile?: string } = {},
) {
  if (options.dockerfile !== undefined) writeFileSync(join(context, 'Dockerfile'), options.dockerfile);
  return daemon.berth(['build', ...args], {
    timeout: 30_000,
    ...(options.input === undefined ? {} : { input: options.input }),
    env: options.env ?? {},
  });
}

test('a secret, a here-document and the context without what is ignored; the results are written down', () => {
  writeFileSync(join(daemon.folder, 'token'), 'of a file');
  const [iid, metadata] = [join(daemon.folder, 'iid'), join(daemon.folder, 'metadata')];
  const built = build(
    [
      ...['-t', 'built', '--secret', `id=token,src=${daemon.folder}/token`, '--secret', 'id=other,env=OTHER'],
      ...[
        '--iidfile',
        iid,
        '--metadata-file',
        metadata,
        '--label',
        'a=b',
        '--build-arg',
        'WORD=said',
        context,
      ],
    ],
    {
      env: { OTHER: 'of the environment' },
      dockerfile: `FROM bb
ARG WORD
COPY . /context
RUN --mount=type=secret,id=token --mount=type=secret,id=other <<END
echo "secret: $(cat /run/secrets/token), $(cat /run/secrets/other), $WORD"
find /context -type f | sort | tr '\\n' ' '
stat -c %a /context/run.sh
readlink /context/link
END
`,
    },
  );
  expect(built.stderr).toMatch(/^#\d+ \d+\.\d{3} secret: of a file, of the environment, said$/m);
  expect(built.stderr).toContain(
    '/context/.dockerignore /context/Dockerfile /context/run.sh /context/sub/kept ',
  );
  expect(built.stderr).toMatch(/ 755$/m);
  expect(built.stderr).toMatch(/ sub\/kept$/m);
  expect(built).toMatchObject({ status: 0, stdout: '' });
  const id = readFileSync(iid, 'utf8');
  expect(daemon.berth(['inspect', '-f', '{{.Id}} {{.Config.Labels.a}}', 'built']).stdout).toBe(`${id} b\n`);
  expect(JSON.parse(readFileSync(metadata, 'utf8'))).toMatchObject({
    'containerimage.digest': id,
    'image.name': expect.stringMatching(/^docker\.io\/library\/built/),
  });
  expect(build(['-q', '--build-arg', 'WORD=said', '--label', 'a=b', context]).stdout).toBe(`${id}\n`);
});

test('what the engine has of the context is not sent again', () => {
  writeFileSync(join(context, 'large'), 'x'.repeat(100_000));
  writeFileSync(join(context, 'Dockerfile'), 'FROM bb\nCOPY . /x\nRUN cat /x/large | wc -c > /size\n');
  const sent = (...args: string[]) => {
    const { stderr } = build(['--progress', 'plain', ...args, context]);
    expect(stderr).toContain('exporting to image');
    return /transferring context: (?:(\S+B) )?.*done/.exec(
      stderr.slice(stderr.indexOf('load build context')),
    )?.[1];
  };
  expect(sent()).toMatch(/^100.*kB$/);
  // The names alone come.
  expect(sent()).toMatch(/^\d+B$/);
  // A step that is done again reads it.
  expect(sent('--no-cache')).toMatch(/^\d+B$/);
  writeFileSync(join(context, 'large'), 'y'.repeat(200_000));
  expect(sent()).toMatch(/^200.*kB$/);
});

test('a context that is as it was is read for what asks for more of it, and one that is not is seen', () => {
  const folder = join(daemon.folder, 'same');
  mkdirSync(folder);
  writeFileSync(join(folder, 'one'), '1');
  writeFileSync(join(folder, 'two'), '2');
  symlinkSync('one', join(folder, 'link'));
  const shown = (lines: string[], ...args: string[]): string => {
    writeFileSync(join(daemon.folder, 'Same'), ['FROM bb', ...lines, ''].join('\n'));
    const options = ['--progress', 'plain', '-f', join(daemon.folder, 'Same'), ...args];
    const { status, stderr } = daemon.berth(['build', ...options, folder], { timeout: 30_000 });
    expect([status, stderr]).toEqual([0, expect.stringContaining('exporting to image')]);
    return stderr;
  };
  const copy = ['COPY . /x', 'RUN echo links to $(readlink /x/link)'];
  expect(shown(copy)).toContain('links to one');
  for (const _ of [1, 2]) expect(shown(copy)).not.toContain('links to one');
  // Steps that have not been done yet, or must be done again.
  expect(shown([...copy, 'COPY --exclude=two . /y', 'RUN echo has $(ls /y)'])).toContain('has link one');
  expect(shown(['RUN --mount=type=bind,target=/b echo mounts $(cat /b/two)'])).toContain('mounts 2');
  expect(shown(copy, '--no-cache')).toContain('links to one');
  // No file changes, only where a link leads, or what is ignored.
  unlinkSync(join(folder, 'link'));
  symlinkSync('two', join(folder, 'link'));
  expect(shown(copy)).toContain('links to two');
  writeFileSync(join(daemon.folder, 'Same.dockerignore'), 'two\n');
  expect(shown(['COPY . /x', 'RUN echo holds $(ls /x)'])).toContain('holds link one');
});

test('a Dockerfile or an archive on standard input, and one beside the context', () => {
  const text = 'FROM bb\nRUN echo from-the-input\n';
  expect(build(['-'], { input: text }).stderr).toContain('from-the-input');
  const archive = tarOf({ 'other/File': 'FROM bb\nCOPY word /\nRUN cat /word\n', word: 'in-the-archive' });
  expect(build(['-f', 'other/File', '-'], { input: archive }).stderr).toContain('in-the-archive');
  expect(build(['-f', '-', context], { input: 'FROM bb\nCOPY sub/kept /\nRUN cat /kept\n' }).stderr).toMatch(
    / kept$/m,
  );
  const beside = join(daemon.folder, 'Beside');
  writeFileSync(beside, 'FROM bb\nCOPY sub/kept /\nRUN cat /kept; echo beside\n');
  expect(build(['-f', beside, context]).stderr).toMatch(/ (kept)?beside$/m);
});

test('the result goes into a folder or an archive; what else is in the folder stays', () => {
  const folder = join(daemon.folder, 'result');
  mkdirSync(folder);
  writeFileSync(join(folder, 'mine'), '');
  const dockerfile = 'FROM scratch\nCOPY . /\nCOPY --chmod=4711 run.sh /set\n';
  expect(build(['-o', folder, context], { dockerfile })).toMatchObject({ status: 0 });
  expect(readFileSync(join(folder, 'link'), 'utf8')).toBe('kept');
  expect(statSync(join(folder, 'set')).mode & 0o7777).toBe(0o4711);
  expect(existsSync(join(folder, 'mine'))).toBe(true);
  expect(existsSync(join(folder, 'sub/x.log'))).toBe(false);
  const archive = join(daemon.folder, 'result.tar');
  expect(build(['-o', `type=tar,dest=${archive}`, context])).toMatchObject({ status: 0 });
  const piped = daemon.berth(['build', '-o', '-', context], { timeout: 30_000 });
  expect(piped.stdout.length).toBe(statSync(archive).size);
  expect(piped.stdout).toContain('sub/kept');
});

test('named contexts and an SSH agent are lent to the steps', async () => {
  mkdirSync(join(daemon.folder, 'named'), { recursive: true });
  writeFileSync(join(daemon.folder, 'named/word'), 'of the other folder\n');
  const socket = join(daemon.folder, 'agent');
  const agent = createServer((connection) => connection.end()).listen(socket);
  try {
    const { stderr } = build(
      [
        '--build-context',
        `other=${daemon.folder}/named`,
        '--build-context',
        'base=docker-image://bb',
        '--ssh',
        'default',
        context,
      ],
      {
        env: { SSH_AUTH_SOCK: socket },
        dockerfile:
          'FROM base\nCOPY --from=other word /\nRUN --mount=type=ssh cat /word; test -S $SSH_AUTH_SOCK && echo an agent\n',
      },
    );
    expect(stderr).toContain('of the other folder');
    expect(stderr).toContain('an agent');
  } finally {
    agent.close();
  }
});

test('a step that fails is shown with its output and its line', () => {
  const failed = build([context], { dockerfile: 'FROM bb\nRUN echo before; exit 7\n' });
  expect(failed.status).toBe(1);
  expect(failed.stderr).toContain('------\n > [2/2] RUN echo before; exit 7:\n');
  expect(failed.stderr).toContain(
    [
      'Dockerfile:2',
      '--------------------',
      '   1 |     FROM bb',
      '   2 | >>> RUN echo before; exit 7',
      '--------------------',
      'ERROR: failed to solve: process "/bin/sh -c echo before; exit 7" did not complete successfully: exit code: 7',
    ].join('\n'),
  );
  // The output of a quiet build is shown when it failed.
  expect(build(['-q', context]).stderr).toContain('ERROR: failed to solve');
});

test('push uploads what was built', async () => {
  const registry = await Registry.start(join(daemon.folder, 'registry'));
  try {
    const name = `${registry.host}/pushed:1`;
    const pushed = build(['--push', '-t', name, context], { dockerfile: 'FROM bb\nLABEL pushed=yes\n' });
    expect(pushed).toMatchObject({ status: 0 });
    expect(daemon.berth(['rmi', name]).status).toBe(0);
    expect(daemon.berth(['pull', '-q', name]).status).toBe(0);
    expect(daemon.berth(['inspect', '-f', '{{.Config.Labels.pushed}}', name]).stdout).toBe('yes\n');
  } finally {
    await registry.stop();
  }
});

test('options that only the classic builder has bring it in, or are refused beside those of BuildKit', () => {
  const dockerfile = 'FROM bb\nRUN true\n';
  expect(build(['-m', '64m', context], { dockerfile }).stdout).toContain('Step 2/2 : RUN true');
  expect(build(['-m', '64m', '--load', context])).toMatchObject({
    status: 1,
    stderr: '--memory needs the classic builder, which has no --load\n',
  });
  expect(build(['--secret', 'id=x,env=X', context], { env: { DOCKER_BUILDKIT: '0' } })).toMatchObject({
    status: 1,
  });
  expect(build(['--secret', 'id=x,src=/nonexistent', context]).stderr).toBe(
    'failed to stat /nonexistent: no such file or directory\n',
  );
});

test('on a terminal each step has a line; Ctrl-C ends the build on both sides', async () => {
  writeFileSync(join(context, 'Dockerfile'), 'FROM bb\nRUN echo marked\n');
  const whole = onTerminal(daemon, 'berth', ['build', '--no-cache', context]);
  expect(await whole.end()).toBe(0);
  expect(whole.output).toMatch(/\[\+\] Building \d+\.\ds \(\d+\/\d+\) FINISHED +berth/);
  expect(whole.output).toMatch(/=> \[2\/2\] RUN echo marked +\d+\.\ds/);
  writeFileSync(join(context, 'Dockerfile'), 'FROM bb\nRUN echo begun; sleep 61\n');
  const ended = onTerminal(daemon, 'berth', ['build', context]);
  await ended.sees('begun');
  ended.type('\x03');
  expect(await ended.end()).toBe(130);
});

test('the connections of a build are closed with it', async () => {
  const sockets = () => openFiles(daemon.process!.pid!).filter((file) => file.startsWith('socket')).length;
  const quick = () => build(['-q', context], { dockerfile: 'FROM scratch\nCOPY sub /\n' });
  expect(quick().status).toBe(0);
  const before = sockets();
  for (let index = 0; index < 3; index++) quick();
  expect(daemon.docker(['buildx', 'build', '-q', context]).status).toBe(0);
  await until('connections to be closed', () => sockets() <= before, 3000);
});

test('builds that make the same step at once leave one layer of it, which goes with the cache', async () => {
  const layers = () => readdirSync(join(daemon.data, 'layers/layers'));
  const prune = () => daemon.call('POST', '/build/prune?all=1');
  await prune();
  const before = layers();
  const dockerfile = `FROM bb\nRUN sleep 0.3; echo ${Date.now()} > /made; head -c 64 /dev/urandom > /random\n`;
  const builds = Array.from({ length: 3 }, async () => {
    const child = spawn(join(dist, 'berth'), ['build', '-q', '-'], {
      env: { ...process.env, BERTH_HOST: daemon.host },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    child.stdin.end(dockerfile);
    const [code] = await once(child, 'close');
    return code;
  });
  expect(await Promise.all(builds)).toEqual([0, 0, 0]);
  expect(layers().length).toBeGreaterThan(before.length);
  await prune();
  await daemon.call('POST', '/images/prune');
  await until('their layers to go', () => layers().every((layer) => before.includes(layer)), 3000);
});

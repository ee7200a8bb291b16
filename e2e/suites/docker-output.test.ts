import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../support/daemon.ts';

// Details in the output of the stock command line that scripts have come to rely on.

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

type Options = Parameters<TestDaemon['docker']>[1];

/** Runs a command that is to do well; returns what it printed. */
function docker(args: string[], options: Options = {}): string {
  const { status, stdout, stderr } = daemon.docker(args, options);
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** Runs a command that is to be refused; returns why. */
function refusal(args: string[], options: Options = {}): string {
  const { status, stderr } = daemon.docker(args, options);
  if (status === 0) throw new Error(`docker ${args.join(' ')} did well`);
  return stderr;
}

/** A folder with these files. */
function files(name: string, content: Record<string, string>): string {
  const folder = join(daemon.folder, name);
  mkdirSync(folder);
  for (const [file, text] of Object.entries(content)) writeFileSync(join(folder, file), text);
  return folder;
}

describe('containers', () => {
  test('one that never ran has its working directory', () => {
    const cwd = files('workdir', { f: 'x' });
    docker(['create', '--name', 'wd', '-w', '/a/b', 'bb', 'cat', 'f']);
    expect(docker(['diff', 'wd']).split('\n')).toEqual(['A /a', 'A /a/b']);
    docker(['cp', 'f', 'wd:/a/b'], { cwd });
    expect(docker(['start', '-a', 'wd'])).toBe('x');
    expect(docker(['diff', 'wd']).split('\n')).toEqual(['A /a', 'A /a/b', 'A /a/b/f']);
    docker(['rm', 'wd']);
    expect(docker(['run', '--rm', 'bb', 'readlink', '/etc/mtab'])).toBe('/proc/mounts');
  });

  test('who shares a network shares the names', () => {
    docker(['run', '-d', '--name', 'host', '--hostname', 'hh', 'bb', 'sleep', '300']);
    const shown = ['sh', '-c', 'hostname; echo $HOSTNAME'];
    expect(docker(['run', '--name', 'guest', '--network', 'container:host', 'bb', ...shown])).toBe('hh\nhh');
    expect(docker(['inspect', '-f', '{{.Config.Hostname}}', 'guest'])).toBe('hh');
    docker(['rm', '-f', 'host', 'guest']);
  });

  test('a stop is told before the end that it brings', () => {
    docker(['run', '-d', '--name', 'ends', 'bb', 'sleep', '300']);
    docker(['stop', '-t', '0', 'ends']);
    docker(['rm', 'ends']);
    const span = ['--since', '1m', '--until', String(Date.now() / 1000), '--filter', 'container=ends'];
    const told = docker(['events', ...span, '--format', '{{.Action}}']).split('\n');
    expect(told.filter((action) => action !== 'attach').slice(-4)).toEqual([
      'kill',
      'stop',
      'die',
      'destroy',
    ]);
  });

  test('the whole of a running container as an archive: what shows the kernel is empty in it', () => {
    docker(['run', '-d', '--name', 'whole', 'bb', 'sleep', '300']);
    docker(['cp', 'whole:/', `${files('whole', {})}/root`]);
    docker(['rm', '-f', 'whole']);
  });

  test('a mount of a folder over a file ends with 127, as a command that is not there', () => {
    refusal(['run', '--name', 'over', '-v', '/etc:/etc/passwd', 'bb']);
    expect(docker(['inspect', '-f', '{{.State.ExitCode}}', 'over']).trim()).toBe('127');
    docker(['rm', 'over']);
  });

  test('limits, stops and mounts', () => {
    docker(['run', '-d', '--name', 'box', '-m', '64m', 'bb', 'sleep', '300']);
    docker(['update', '--memory-reservation', '1g', 'box']);
    docker(['kill', 'box']);
    docker(['stop', '-s', 'BOGUS', 'box']);
    docker(['rm', 'box']);
    // A wrong signal is told of before the container is looked for.
    expect(refusal(['kill', '-s', 'BOGUS', 'box'])).toContain('invalid signal: BOGUS');
    expect(docker(['image', 'prune', '-f', '--filter', 'dangling=x'])).toContain('Total reclaimed space');
    expect(refusal(['volume', 'create', '-o', 'size=x', 'sized'])).toContain("invalid size: 'x'");
    // Only what no command named is pruned without --all.
    const label = ['--mount', 'type=volume,dst=/v,volume-label=details=1'];
    docker(['create', '--name', 'box', ...label, '--tmpfs', '/v', 'bb']);
    docker(['rm', 'box']);
    expect(docker(['volume', 'prune', '-f', '--filter', 'label=details'])).not.toContain('Deleted');
    expect(docker(['volume', 'prune', '-fa', '--filter', 'label=details'])).toContain('Deleted');
    expect(refusal(['volume', 'create', '--group', 'g', 'clustered'])).toContain('not a swarm manager');
  });
});

describe('errors', () => {
  const clientEnvironment = () => ({ ...process.env, DOCKER_HOST: `unix://${daemon.socket}` });

  test('a container whose network or linked container is gone says so at its start', () => {
    docker(['network', 'create', 'going']);
    docker(['create', '--name', 'left', '--network', 'going', 'bb', 'true']);
    docker(['network', 'rm', 'going']);
    expect(refusal(['start', 'left'])).toContain('network going not found');
    docker(['network', 'connect', 'bridge', 'left']);
    const why = 'could not find a network matching network mode going: network going not found';
    expect(refusal(['start', 'left'])).toContain(why);
    docker(['create', '--name', 'linked', 'bb', 'true']);
    docker(['create', '--name', 'linking', '--link', 'linked:db', 'bb', 'true']);
    docker(['rm', 'linked']);
    expect(refusal(['start', 'linking'])).toContain(
      'Cannot link to a non running container: /linked AS /linking/db',
    );
  });

  test('an image that is missing is told before a name that is wrong', () => {
    const missing = ['create', '--pull', 'never', '--name', 'x', 'nosuchimage'];
    expect(refusal(missing)).toContain('No such image: nosuchimage');
  });

  test('an exec whose container is removed ends with the code of its process', async () => {
    docker(['run', '-d', '--name', 'removed', 'bb', 'sleep', '600']);
    const command = ['exec', 'removed', 'sh', '-c', 'echo up; exec sleep 600'];
    const exec = spawn('docker', command, { env: clientEnvironment() });
    const ended = once(exec, 'close');
    await once(exec.stdout, 'data');
    docker(['rm', '-f', 'removed']);
    expect((await ended)[0]).toBe(137);
  });

  test('options that a tmpfs does not take stand in the error', () => {
    expect(refusal(['run', '--rm', '--tmpfs', '/x:size=bogus', 'bb', 'true'])).toMatch(
      /error mounting "tmpfs" to rootfs at "\/x": mount tmpfs:\/x \(via \S+\), flags: 0xe, data: size=bogus: invalid argument/,
    );
  });

  test('a MAC address is no property of a container without a link of its own', () => {
    const mac = ['--mac-address', '02:42:00:00:00:07'];
    docker(['create', '--name', 'hosted', '--network', 'host', ...mac, 'bb', 'true']);
    expect(JSON.parse(docker(['inspect', 'hosted']))[0].Config.MacAddress).toBeUndefined();
  });

  test('documents of a saved archive are as dockerd writes them', () => {
    const script = 'docker save bb | tar xO manifest.json';
    const { stdout } = spawnSync('sh', ['-c', script], { env: clientEnvironment() });
    expect(stdout.toString()).toMatch(/"mediaType":"[^"]*","size":\d+,"digest":"[^"]*"}}}]\n$/);
  });
});

describe('the classic builder', () => {
  const options = (cwd: string, input?: string): Options => ({
    cwd,
    env: { DOCKER_BUILDKIT: '0' },
    ...(input === undefined ? {} : { input }),
  });

  test('a Dockerfile from elsewhere, kept containers', () => {
    const cwd = files('classic', { f: 'x' });
    const text = 'FROM bb\nCOPY f /f\nRUN cat /f > /g\n';
    const printed = docker(['build', '--rm=false', '-t', 'classic', '-f', '-', '.'], options(cwd, text));
    expect(printed).not.toContain('Removed intermediate container');
    expect(docker(['run', '--rm', 'classic', 'cat', '/g'])).toBe('x');
    const [kept] = docker(['ps', '-lq']).split('\n');
    expect(docker(['inspect', '-f', '{{json .Config.Cmd}}', kept!])).toContain('cat /f > /g');
    docker(['rm', kept!]);
  });

  test('steps are told as they are written, and a health check takes what it leaves out from the one before', () => {
    const text =
      'from bb\nhealthcheck --interval=5s --retries=2 CMD a\nHEALTHCHECK cmd b\nHEALTHCHECK NONE\n';
    const printed = docker(['build', '-t', 'checked', '-'], options(daemon.folder, text));
    expect(printed).toContain('Step 1/4 : from bb\n');
    expect(printed).toContain(
      'Step 3/4 : HEALTHCHECK cmd b\nNote: overriding previous HEALTHCHECK: [CMD-SHELL a]\n',
    );
    const check = JSON.parse(docker(['inspect', '-f', '{{json .Config.Healthcheck}}', 'checked']));
    expect(check).toEqual({ Test: ['NONE'], Interval: 5e9, Retries: 2 });
    expect(docker(['inspect', '-f', '{{.DockerVersion}}', 'checked'])).toMatch(/^\d/);
  });

  test.each([
    ['COPY --from=-1 a /f', 'invalid from flag value -1: index out of bounds'],
    ['COPY --chown=1:2:3 Dockerfile /f', 'invalid chown string format: 1:2:3'],
    ['COPY --chown f /f', 'missing a value on flag: chown'],
    ['HEALTHCHECK --interval=-1s CMD true', 'Interval "interval" cannot be less than 1ms'],
    ['COPY http://localhost/f /f', "COPY failed: source can't be a URL for COPY"],
    ['COPY Dockerfile nosuch /f', 'stat nosuch: file does not exist'],
    ['COPY Dockerfile Dockerfile /f', 'When using COPY with more than one source file'],
  ])('%s', (line, why) => {
    expect(refusal(['build', '-'], options(daemon.folder, `FROM bb\n${line}\n`))).toContain(why);
  });
});

describe('BuildKit', () => {
  test('named contexts, several outputs, proxies and the cache by filter', () => {
    const cwd = files('buildkit', {
      f: 'x',
      Dockerfile: [
        'FROM bb',
        'RUN',
        'RUN --mount=from=ext,target=/e cat /e/o > /o; echo $http_proxy > /p',
        'COPY --from=ext --chown=nobodythere o /c',
        '',
      ].join('\n'),
    });
    files('ext', { o: 'other', skipped: 's', '.dockerignore': 'skipped\n' });
    const build = ['buildx', 'build', '--builder', 'default', '--progress', 'plain'];
    const { status, stderr } = daemon.docker(
      [...build, '--build-context', 'ext=../ext', '--build-arg', 'HTTP_PROXY=http://p'].concat([
        '-o',
        'type=docker',
        '-o',
        'type=local,dest=out',
        '-t',
        'bk',
        '.',
      ]),
      { cwd },
    );
    expect([status, stderr]).toEqual([0, expect.stringContaining('[context ext] load from client')]);
    expect(stderr).toMatch(/naming to docker.io\/library\/bk (?:\S+ )?done/);
    expect(docker(['run', '--rm', 'bk', 'cat', '/o', '/p'])).toBe('otherhttp://p');
    expect(docker(['run', '--rm', 'bk', 'stat', '-c', '%u', '/c'])).toBe('0');
    expect(docker(['buildx', 'du', '--builder', 'default', '--filter', 'id=nosuch'])).toBe('');
  });
});

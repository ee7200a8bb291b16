import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';
import { imageTar } from '../../support/images.ts';

const daemons: TestDaemon[] = [];
const owned = () => {
  const { mode, uid, gid } = statSync('/dev/null');
  return { mode: mode & 0o7777, uid, gid };
};
const before = owned();
beforeAll(async () => {
  daemons.push(await TestDaemon.start(), await TestDaemon.start(['--userns-remap', 'default']));
});
afterAll(async () => {
  for (const daemon of daemons) await daemon.dispose();
  // If the rule did not hold, the machine would be left without a usable one.
  chownSync('/dev/null', before.uid, before.gid);
  chmodSync('/dev/null', before.mode);
});

/** The device nodes of the host, as `stat -c %d:%i` names them. */
const hostNodes = () =>
  new Set(
    readdirSync('/dev')
      .map((name) => statSync(join('/dev', name), { throwIfNoEntry: false }))
      .flatMap((stats) =>
        stats?.isCharacterDevice() || stats?.isBlockDevice() ? [`${stats.dev}:${stats.ino}`] : [],
      ),
  );

/** Prints "DEV:INO PLACE" of standard streams, masks and devices, then tries to change each of them. */
const LOOK = `
  for place in /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/keys /proc/timer_list /proc/interrupts \
      /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty $EXTRA; do
    [ -e $place ] || continue
    stat -L -c 'node %d:%i %t:%T %n' $place
    chmod 600 $place; chown 12:34 $place; touch -d 2001-01-01 $place; setfattr -n user.x -v y $place
  done 2>/dev/null
  true`;

/** @returns what lies where, by its numbers on the file system. */
function nodes(text: string): Map<string, string> {
  return new Map([...text.matchAll(/node (\d+:\d+) \S+ (\S+)/g)].map((match) => [match[2]!, match[1]!]));
}

function expectOwn(text: string, ...places: string[]): void {
  const found = nodes(text);
  const host = hostNodes();
  for (const place of ['/proc/self/fd/0', '/proc/keys', '/dev/null', '/dev/tty', ...places])
    expect([...found.keys()]).toContain(place);
  for (const [place, node] of found) expect(`${place} ${host.has(node)}`).toBe(`${place} false`);
  expect(owned()).toEqual(before);
}

test.each([0, 1])('no process gets a device node of the host (with user namespaces: %i)', async (index) => {
  const daemon = daemons[index]!;
  const run = [
    'run',
    '--network=none',
    '--device',
    '/dev/zero:/dev/extra/renamed',
    '-e',
    'EXTRA=/dev/extra/renamed',
  ];
  expectOwn(daemon.docker([...run, '--rm', 'bb', 'sh', '-c', LOOK]).stdout, '/dev/extra/renamed');
  // Detached: nobody reads its output, which is a null device then.
  daemon.docker([...run, '-d', '--name', 'nodes', 'bb', 'sh', '-c', 'sleep 300']);
  expectOwn(daemon.docker(['exec', 'nodes', 'sh', '-c', LOOK]).stdout);
  daemon.docker([
    'exec',
    '-d',
    'nodes',
    'sh',
    '-c',
    `exec 2>/errors; (${LOOK}) > /out; stat -L -c 'node %d:%i %t:%T fd1' /proc/self/fd/1 >> /out; touch /done`,
  ]);
  const wait = 'while [ ! -e /done ]; do sleep 0.05; done; cat /out';
  expectOwn(daemon.docker(['exec', 'nodes', 'sh', '-c', wait]).stdout, '/proc/self/fd/1');
  daemon.docker(['rm', '-f', 'nodes']);
  expect(hostNodes().size).toBeGreaterThan(5);
});

test.each(['1', '0'])('nor does a step of a build (BuildKit: %s)', (DOCKER_BUILDKIT) => {
  const context = join(daemons[0]!.folder, `build${DOCKER_BUILDKIT}`);
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), 'FROM bb\nCOPY look.sh /\nRUN sh /look.sh\n');
  writeFileSync(join(context, 'look.sh'), LOOK);
  const built = daemons[0]!.docker(['build', '--no-cache', context], {
    env: { DOCKER_BUILDKIT, BUILDKIT_PROGRESS: 'plain' },
  });
  expectOwn(built.stdout + built.stderr);
});

test("a /dev/null that is none is no process's standard stream", async () => {
  const daemon = daemons[0]!;
  const id = await daemon.box(['sh', '-c', 'rm /dev/null; mknod /dev/null p; exec sleep 300'], {
    HostConfig: { NetworkMode: 'none' },
  });
  daemon.docker([
    'exec',
    '-d',
    id,
    'sh',
    '-c',
    'stat -L -c %t:%T /proc/self/fd/1 > /one 2>&1; stat -L -c %t:%T /proc/self/fd/0 > /out; touch /done',
  ]);
  const wait = 'while [ ! -e /done ]; do sleep 0.05; done; cat /out';
  expect(daemon.docker(['exec', id, 'sh', '-c', wait]).stdout).toBe('1:3\n');
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('what tells of the host is masked; paths that a user names take the place of those', async () => {
  const [daemon] = daemons as [TestDaemon];
  const script =
    'for f in /proc/interrupts /proc/keys /proc/uptime /etc/hostname /sys/firmware; do stat -c "%n %F" $f; done; echo x > /proc/sys/kernel/panic && echo written; touch /tmp/x && echo made';
  const run = async (host: Record<string, unknown>) => {
    const created = await daemon.call('POST', '/containers/create', {
      Image: 'bb',
      Cmd: ['sh', '-c', `mkdir -p /tmp/x; ${script}`],
      HostConfig: { NetworkMode: 'none', ...host },
    });
    const { HostConfig } = (await daemon.call('GET', `/containers/${created.json.Id}/json`)).json;
    const { stdout } = daemon.docker(['start', '-a', created.json.Id]);
    await daemon.call('DELETE', `/containers/${created.json.Id}?force=1`);
    return {
      masked: HostConfig.MaskedPaths,
      hidden: [...stdout.matchAll(/^(\S+) character/gm)].map((match) => match[1]),
      stdout,
    };
  };
  const usual = await run({});
  expect(usual.hidden).toEqual(['/proc/interrupts', '/proc/keys'].filter((path) => existsSync(path)));
  expect(usual.masked).toContain('/proc/interrupts');
  expect(usual.stdout).not.toContain('written');
  for (const throttle of usual.masked.filter((path: string) => path.includes('thermal')))
    expect(existsSync(throttle)).toBe(true);
  const named = await run({
    MaskedPaths: ['/proc/uptime', '/etc/hostname', 'proc/keys', '/nowhere', ''],
    ReadonlyPaths: ['/tmp'],
  });
  expect(named.hidden).toEqual(['/proc/keys', '/proc/uptime', '/etc/hostname']);
  expect(named.masked).toEqual(['/proc/uptime', '/etc/hostname', 'proc/keys', '/nowhere', '']);
  expect(named.stdout).not.toContain('made');
  expect((await run({ MaskedPaths: [], ReadonlyPaths: [] })).hidden).toEqual([]);
  expect((await run({ Privileged: true })).hidden).toEqual([]);
  expect((await run({ Privileged: true, MaskedPaths: ['/proc/keys'] })).hidden).toEqual(['/proc/keys']);
  const step = daemon.docker(['build', '--no-cache', '-'], {
    input: 'FROM bb\nRUN stat -c "%n %F" /proc/interrupts /proc/keys\n',
    env: { BUILDKIT_PROGRESS: 'plain' },
  });
  expect(step.stderr + step.stdout).toMatch(/interrupts character[\s\S]*keys character/);
});

test('a destination is judged by where it leads', async () => {
  const [daemon] = daemons as [TestDaemon];
  const links = { p: '/proc', s: '../sys', d: '/dev', deep: 'p/sys', pts: 'dev/pts' };
  const entries = Object.entries(links).map(([name, link]) => ({ name, type: '2', link }));
  const answer = await daemon.call('POST', '/images/load', await imageTar('leading', { entries }));
  expect(answer.text).toContain('Loaded image');
  const start = async (host: Record<string, unknown>) => {
    const HostConfig = { NetworkMode: 'none', AutoRemove: true, ...host };
    const { json } = await daemon.call('POST', '/containers/create', {
      Image: 'leading',
      Cmd: ['true'],
      HostConfig,
    });
    return (await daemon.call('POST', `/containers/${json.Id}/start`)).text;
  };
  for (const place of ['/p', '/p/acpi', '/s', '/s/firmware', '/d', '/deep', '/deep/kernel', '/pts']) {
    const why = `\\"${place}\\" cannot be mounted because it is inside /`;
    expect(await start({ Binds: [`some:${place}`] })).toContain(why);
    expect(await start({ Tmpfs: { [place]: '' } })).toContain(why);
  }
  // Nothing of /dev came into the volume.
  expect(
    daemon.docker(['run', '--rm', '--network=none', '-v', 'some:/v', 'bb', 'ls', '-A', '/v']).stdout,
  ).toBe('');
  // A procfs is as good as another.
  const bound = daemon.docker([
    'run',
    '--rm',
    '--network=none',
    '-v',
    '/proc:/proc',
    'bb',
    'cat',
    '/proc/self/comm',
  ]);
  expect(bound).toMatchObject({ status: 0, stdout: 'cat\n' });
});

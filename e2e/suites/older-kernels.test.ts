import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { TestDaemon } from '../support/daemon.ts';

const hasRemapUser = () => /^dockremap:/m.test(readFileSync('/etc/passwd', 'utf8'));
const before = hasRemapUser();
afterAll(() => {
  if (!before) spawnSync('userdel', ['dockremap']);
});

/** Runs `check` with a daemon whose C core is forced to take ways for older kernels. */
async function forced(
  switches: string[],
  flags: string[],
  check: (daemon: TestDaemon) => Promise<void>,
): Promise<void> {
  const environment = Object.fromEntries(switches.map((name) => [name, '1']));
  const daemon = new TestDaemon(flags, { environment });
  try {
    await daemon.up();
    await daemon.importBusybox();
    await check(daemon);
  } finally {
    await daemon.dispose();
  }
}

/** The files under a folder that loop devices have open. */
function looped(folder: string): string[] {
  return readdirSync('/sys/block').flatMap((name) => {
    if (!name.startsWith('loop')) return [];
    try {
      const file = readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').trim();
      return file.startsWith(folder) ? [file] : [];
    } catch {
      return []; // a loop device that has no file
    }
  });
}

/** The root is an overlay that can be written and shows every layer; an image and a part of one can be mounted. */
async function useRoots(daemon: TestDaemon): Promise<string> {
  daemon.docker([
    'run',
    '--name',
    'layer',
    '--network=none',
    'bb',
    'sh',
    '-c',
    'mkdir /deep; echo two > /deep/two',
  ]);
  daemon.docker(['commit', 'layer', 'bb2']);
  const script =
    'cat /deep/two; echo own > /deep/own && cat /deep/own; rm /deep/two; ls /deep; cat /image/deep/two /part/two;' +
    'touch /image/no 2>/dev/null || echo protected; grep " / / " /proc/self/mountinfo';
  // By the API: docker's command line has no subpath of an image before its version 28.
  const mount = (Target: string, Subpath = '') => ({
    Type: 'image',
    Source: 'bb2',
    Target,
    ...(Subpath ? { ImageOptions: { Subpath } } : {}),
  });
  const Mounts = [mount('/image'), mount('/part', 'deep')];
  const id = await daemon.box(['sleep', '300'], {
    Image: 'bb2',
    HostConfig: { NetworkMode: 'none', Mounts },
  });
  const ran = daemon.docker(['exec', id, 'sh', '-c', script]);
  expect(ran.stderr).toBe('');
  const lines = ran.stdout.split('\n');
  expect(lines.slice(0, 6)).toEqual(['two', 'own', 'own', 'two', 'two', 'protected']);
  return lines[6] ?? '';
}

/** Layers that are named by numbers were attached on a stage; a new kernel is given their descriptors. */
const staged = /[,:]lowerdir=0/;

const kernel = release().split('.').map(Number.parseFloat);
const atLeast = (minor: number) => kernel[0]! > 6 || (kernel[0] === 6 && kernel[1]! >= minor);

test('unforced, the kernel at hand gets what it can take', () =>
  forced([], [], async (daemon) => {
    expect(staged.test(await useRoots(daemon))).toBe(!atLeast(15));
    expect(looped(daemon.folder).length > 0).toBe(!atLeast(12));
  }));

test.each([
  ['the machine', []],
  ['a user namespace', ['--userns-remap', 'default']],
])("before Linux 6.15 a root's layers are attached on a stage for mount(2): of %s", (_, flags) =>
  forced(['BERTH_STAGED_OVERLAY'], flags, async (daemon) => {
    expect(await useRoots(daemon)).toMatch(staged);
  }),
);

test.each([
  ['the machine', []],
  ['a user namespace', ['--userns-remap', 'default']],
])('before Linux 6.12 layers are mounted by loop devices, which go with them: of %s', async (_, flags) => {
  let folder = '';
  await forced(['BERTH_NO_FILE_MOUNTS'], flags, async (daemon) => {
    folder = daemon.folder;
    const id = await daemon.box(['sleep', '300'], { HostConfig: { NetworkMode: 'none' } });
    expect(looped(folder).length).toBeGreaterThan(0);
    expect(daemon.docker(['exec', id, 'echo', 'in']).stdout).toBe('in\n');
    await useRoots(daemon);
  });
  expect(looped(folder)).toEqual([]);
});

test('both at once, as an old kernel has neither', () =>
  forced(['BERTH_STAGED_OVERLAY', 'BERTH_NO_FILE_MOUNTS'], [], async (daemon) => {
    expect(await useRoots(daemon)).toMatch(staged);
  }));

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon, top } from '../../support/daemon.ts';
import { busyboxTar, imageTar } from '../../support/images.ts';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

/** Runs a command in a container of the test image; what it printed and how it ended. */
const inBox = (...args: string[]) => daemon.docker(['run', '--rm', ...args]);

async function load(name: string, options: Parameters<typeof imageTar>[1]): Promise<void> {
  const answer = await daemon.call('POST', '/images/load', await imageTar(name, options));
  expect(answer.text).toContain(`Loaded image: ${name}:latest`);
}

test('a container has its standard streams open and nothing else', () => {
  const list = ['sh', '-c', 'ls /proc/self/fd | wc -l; cat /proc/1/environ | tr "\\0" "\\n" | sort'];
  // `ls` has one more, the folder it reads.
  expect(inBox('--hostname', 'h', 'bb', ...list).stdout).toBe(
    '4\nHOME=/root\nHOSTNAME=h\nPATH=/bin:/usr/bin:/sbin\n',
  );
  expect(inBox('--init', 'bb', 'sh', '-c', 'echo > /proc/1/exe').stderr).toMatch(
    /Permission|not permitted|busy/,
  );
});

/** The script that prints a process's rights and open files. */
const HOLDINGS = [
  'sh',
  '-c',
  'grep -E "^(Groups|Cap|NoNewPrivs|Seccomp:)" /proc/self/status; ls -l /proc/self/fd; pwd',
];

/** @returns its lines, without what is different each time. */
const holdings = ({ stdout }: { stdout: string }): string[] =>
  stdout
    .trim()
    .split(/\r?\n/)
    .map((line) =>
      line.replace(/^[l-][rwx-]{9} .*? (\d+)( -> .*)?$/, '$1$2').replace(/\[\d+\]|\/proc\/\d+/g, ''),
    );

test('however a process comes into a container, it has the same and nothing more', async () => {
  const flags = ['--network=none', '--security-opt', 'no-new-privileges'];
  const first = holdings(inBox(...flags, 'bb', ...HOLDINGS));
  // `ls` has one more, the folder it reads, which is gone when it comes to its name.
  expect(first.join('\n')).toMatch(
    /^Groups:\t0 ?\nCapInh:\t0+\nCapPrm:\t(\w+)\nCapEff:\t\1\nCapBnd:\t\1\nCapAmb:\t0+\nNoNewPrivs:\t1\nSeccomp:\t2\ntotal 0\n0 -> \/dev\/null\n1 -> pipe:\n2 -> pipe:\n3\n\/$/,
  );
  expect(holdings(inBox(...flags, '--init', 'bb', ...HOLDINGS))).toEqual(first);
  daemon.docker(['run', '-d', '--name', 'holding', ...flags, 'bb', 'sleep', '300']);
  expect(holdings(daemon.docker(['exec', 'holding', ...HOLDINGS]))).toEqual(first);
  expect(holdings(inBox(...flags, '--pid=container:holding', 'bb', ...HOLDINGS))).toEqual(first);
  daemon.docker(['rm', '-f', 'holding']);
});

test("the engine's own program cannot be written through a container, whatever the kernel lets run", () => {
  const folder = join(daemon.folder, 'sealed');
  const script = `
    mkdir ${folder}; export DOCKER_HOST=unix://${folder}/sock
    echo 2 > /proc/sys/vm/memfd_noexec || exit 3
    ${join(top, 'dist/berthd')} --data-root ${folder}/data --exec-root ${folder}/exec --pidfile ${folder}/pid \\
      --bridge none --iptables=false -H $DOCKER_HOST > ${folder}/log 2>&1 &
    for n in $(seq 200); do docker version > /dev/null 2>&1 && break; sleep 0.1; done
    docker import - bb < ${folder}.tar > /dev/null
    docker run --rm --network none --init -e PATH=/bin bb sh -c 'readlink /proc/1/exe; echo > /proc/1/exe'`;
  writeFileSync(`${folder}.tar`, busyboxTar());
  const ran = spawnSync('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script], {
    encoding: 'utf8',
  });
  expect(ran.stdout).toBe('/berth-native\n');
  expect(ran.stderr).toContain('Read-only file system');
});

test('links of an image lead its mounts nowhere but into the container', async () => {
  const trap = join(daemon.folder, 'trap');
  mkdirSync(trap);
  const up = `../../../../../..${trap}`;
  await load('links', {
    entries: [
      { name: 'proc', type: '2', link: trap },
      { name: 'sys', type: '2', link: up },
      { name: 'dev', type: '2', link: trap },
      { name: 'etc/hosts', type: '2', link: `${up}/hosts` },
      { name: 'etc/resolv.conf', type: '2', link: '../run/systemd/resolve/stub-resolv.conf' },
      { name: 'data', type: '2', link: up },
    ],
    config: {
      Volumes: { '/data': {}, '/../../data/deep': {} },
      Cmd: ['sh', '-c', 'cat /etc/hosts; ls /data'],
    },
  });
  const ran = daemon.docker(['run', '--name', 'links', 'links']);
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  expect(ran.stdout).toContain('localhost');
  expect(readdirSync(trap)).toEqual([]);
  // Mount points that the engine put in the links' places are no change of the container's.
  expect(daemon.docker(['diff', 'links']).stdout).not.toMatch(/proc|sys|dev|etc/);
  daemon.docker(['cp', join(daemon.folder, 'log'), 'links:/data/log']);
  expect(readdirSync(trap)).toEqual([]);
  daemon.docker(['rm', '-v', 'links']);
});

test("a volume's subpath is looked up within the volume, by starts and copies", async () => {
  const mount = (subpath: string) => ['--mount', `type=volume,src=vol,dst=/m,volume-subpath=${subpath}`];
  inBox(
    '-v',
    'vol:/v',
    'bb',
    'sh',
    '-c',
    'mkdir /v/sub; echo in > /v/sub/file; ln -s /etc /v/out; ln -s sub /v/in',
  );
  expect(inBox(...mount('in'), 'bb', 'cat', '/m/file').stdout).toBe('in\n');
  expect(inBox(...mount('out'), 'bb', 'true').stderr).toContain('escapes the base directory');
  daemon.docker(['create', '--name', 'sub', ...mount('sub'), 'bb']);
  const copied = daemon.docker(['cp', 'sub:/m', '-']);
  expect(spawnSync('tar', ['-t'], { input: copied.stdout, encoding: 'utf8' }).stdout).toBe('m/\nm/file\n');
  daemon.docker(['rm', 'sub']);
});

test('an image is mounted to be read, and a subpath of it is looked up within it', async () => {
  await load('mounted', {
    entries: [
      { name: 'sub/', type: '5', mode: 0o755 },
      { name: 'sub/file', body: 'in' },
      { name: 'out', type: '2', link: '/etc/hostname' },
    ],
  });
  daemon.berth(['build', '-q', '-t', 'mounted2', '-'], {
    input: 'FROM mounted\nRUN echo more > /sub/more\n',
  });
  const run = (mounts: string[], ...words: string[]) =>
    daemon.berth([
      'run',
      '--rm',
      '--network',
      'none',
      ...mounts.flatMap((each) => ['--mount', each]),
      'bb',
      ...words,
    ]);
  // Images of one layer, of several, and a part of one with several.
  const mounts = ['mounted,dst=/a', 'mounted2,dst=/b', 'mounted2,dst=/c,image-subpath=sub'].map(
    (each) => `type=image,src=${each}`,
  );
  expect(
    run(mounts, 'sh', '-c', 'cat /a/sub/file /b/sub/file /b/sub/more /c/more; touch /b/x'),
  ).toMatchObject({
    status: 1,
    stdout: 'inin' + 'more\nmore\n',
    stderr: expect.stringContaining('Read-only file system'),
  });
  const part = (subpath: string) =>
    run([`type=image,src=mounted,dst=/m,image-subpath=${subpath}`], 'cat', '/m').stderr;
  expect(part('out')).toContain('no such file or directory');
  expect(part('../etc')).toContain('subpath must be a relative path');
  // The image of a mount is in use.
  daemon.berth(['create', '--name', 'mounting', '--mount', mounts[0]!, 'bb']);
  expect(daemon.berth(['rmi', 'mounted2', 'mounted']).stderr).toContain('is using its referenced image');
  daemon.berth(['rm', 'mounting']);
  expect(daemon.berth(['rmi', 'mounted']).status).toBe(0);
});

test('devices, kernel settings and namespaces are out of reach', () => {
  const script = `
    mknod /tmp/mem c 1 1 && head -c1 /tmp/mem
    mount -t tmpfs none /mnt; unshare -U true; echo 1 > /proc/sys/kernel/panic
    echo x > /proc/sysrq-trigger; echo 1 > /proc/irq/default_smp_affinity; echo 1 > /sys/fs/cgroup/memory/x`;
  const { stderr } = inBox('bb', 'sh', '-c', script);
  expect(stderr.trim().split('\n')).toEqual([
    // The capability for nodes is there; the cgroup lets none of the host's be opened.
    'head: /tmp/mem: Operation not permitted',
    expect.stringMatching(/^mount: .*(Operation not permitted|permission denied)/),
    expect.stringMatching(/^unshare: .*Operation not permitted$/),
    expect.stringMatching(/panic: Read-only file system$/),
    expect.stringMatching(
      existsSync('/proc/sysrq-trigger')
        ? /sysrq-trigger: Read-only file system$/
        : /sysrq-trigger: nonexistent directory$/,
    ),
    expect.stringMatching(/smp_affinity: Read-only file system$/),
    expect.stringMatching(/memory\/x: Read-only file system$/),
  ]);
  expect(inBox('-v', '/tmp:/proc', 'bb', 'true').status).not.toBe(0);
  expect(inBox('--tmpfs', '/proc/acpi', 'bb', 'true').stderr).toContain('inside /proc');
});

test('every user of a container may read its hosts and resolv.conf', () => {
  expect(
    inBox('--user', 'nobody', 'bb', 'cat', '/etc/hosts', '/etc/resolv.conf', '/etc/hostname'),
  ).toMatchObject({
    status: 0,
    stderr: '',
  });
});

test('files of the daemon are its own', () => {
  const mode = (...path: string[]) => statSync(join(daemon.folder, ...path)).mode & 0o7777;
  for (const path of ['data', 'data/containers', 'data/layers', 'exec/c']) expect(mode(path)).toBe(0o700);
  expect(mode('data/berth.db')).toBe(0o600);
  expect(mode('data/volumes')).toBe(0o711);
  expect(mode('berth.sock')).toBe(0o660);
});

test('names in paths are names; settings nested without end are refused', async () => {
  for (const path of [
    '/containers/..%2f..%2fetc/json',
    '/volumes/..%2f..',
    '/exec/..%2fx/json',
    '/containers/%00/json',
  ])
    expect((await daemon.call('GET', path)).status).toBe(404);
  expect((await daemon.call('POST', '/volumes/create', { Name: '../x' })).status).toBe(400);
  expect((await daemon.call('POST', '/containers/create?name=..%2fx', { Image: 'bb' })).status).toBe(400);
  const deep = await daemon.call('POST', '/containers/create', Buffer.from('['.repeat(1_000_000)), {
    'content-type': 'application/json',
  });
  expect(deep).toMatchObject({ status: 400, json: { message: 'invalid JSON: exceeded max depth' } });
});

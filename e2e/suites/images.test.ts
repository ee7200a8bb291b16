import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon, until } from '../support/daemon.ts';
import { Registry } from '../support/registry.ts';
import { tarOf } from '../support/tar.ts';

// Images that other tools make, and what goes to and comes from a registry, with the stock command line.

let daemon: TestDaemon;
let registry: Registry;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-images-'));
  [daemon, registry] = await Promise.all([
    TestDaemon.start(),
    Registry.start(join(folder, 'registry'), { user: 'tester', password: 'secret' }),
  ]);
});
afterAll(async () => {
  await registry?.stop();
  await daemon?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program in the test's folder; throws with its words. */
function tool(command: string, args: string[], env: Record<string, string> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
}

const docker = (...args: string[]) => {
  const { status, stdout, stderr } = daemon.docker(args);
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const output = (image: string, ...command: string[]) =>
  docker('run', '--rm', '--network', 'none', image, ...command);

test('an image that goes by force leaves its layers for its containers, and they go with the last of them', async () => {
  const layers = () => readdirSync(join(daemon.data, 'layers/layers'));
  const before = layers();
  const base = await daemon.box(['sh', '-c', 'echo text > /file'], { HostConfig: { NetworkMode: 'none' } });
  await daemon.call('POST', `/containers/${base}/wait`);
  expect((await daemon.call('POST', `/commit?container=${base}&repo=forced`)).status).toBe(201);
  const create = async () =>
    (await daemon.call('POST', '/containers/create', { Image: 'forced', Cmd: ['cat', '/file'] })).json.Id;
  const [first, last] = [await create(), await create()];
  expect((await daemon.call('DELETE', '/images/forced?force=1')).status).toBe(200);
  await daemon.call('DELETE', `/containers/${first}`);
  expect(layers()).toHaveLength(before.length + 1);
  expect((await daemon.call('POST', `/containers/${last}/start`)).status).toBe(204);
  expect((await daemon.call('POST', `/containers/${last}/wait`)).json.StatusCode).toBe(0);
  expect((await daemon.call('DELETE', `/containers/${last}`)).status).toBe(204);
  expect(layers()).toEqual(before);
  await daemon.call('DELETE', `/containers/${base}`);
});

test('containers of one image share its mounted layer, which goes with the image', async () => {
  const kept = () => {
    const [launcher = ''] = spawnSync('pgrep', ['-P', String(daemon.process!.pid), 'berth-launcher'], {
      encoding: 'utf8',
    }).stdout.split('\n');
    const fds = readdirSync(`/proc/${launcher}/fd`).filter((fd) => Number(fd) >= 512);
    return fds.filter((fd) => readlinkSync(`/proc/${launcher}/fd/${fd}`) === '/').length;
  };
  // Before Linux 6.15 an overlay takes no detached mounts, and each container has its own.
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const shares = major > 6 || (major === 6 && minor >= 15) ? 1 : 0;
  const before = kept();
  mkdirSync(join(folder, 'shared/bin'), { recursive: true });
  cpSync('/bin/busybox', join(folder, 'shared/bin/sh'), { dereference: true });
  tool('tar', ['-C', 'shared', '-cf', 'shared.tar', '.']);
  docker('import', join(folder, 'shared.tar'), 'shared:t');
  output('shared:t', '/bin/sh', '-c', 'true');
  await until('the layer to be kept', () => kept() === before + shares);
  expect(output('shared:t', '/bin/sh', '-c', 'echo again')).toBe('again');
  expect(kept()).toBe(before + shares);
  docker('rmi', 'shared:t');
  await until('the layer to be unmounted', () => kept() === before);
});

test('an archive of before Docker 1.10 is taken in, with the ids that dockerd gives its images', () => {
  const [first, second] = ['a'.repeat(64), 'b'.repeat(64)] as const;
  const describe = (id: string, description: object) => ({
    [`${id}/VERSION`]: '1.0',
    [`${id}/json`]: JSON.stringify({ id, ...description }),
  });
  const old = tarOf({
    ...describe(first, {
      comment: 'Imported from -',
      created: '2013-06-13T14:03:50.821769-07:00',
      container_config: { Hostname: '', Cmd: null },
      docker_version: '0.4.0',
      architecture: 'x86_64',
      layer_id: 'x',
      Size: 5,
    }),
    [`${first}/layer.tar`]: '',
    ...describe(second, {
      parent: first,
      created: '2015-03-04T21:38:56.769279620Z',
      author: 'Me <me@example.com>',
      container_config: { Cmd: ['/bin/sh', '-c', '#(nop) ADD x in /'] },
      docker_version: '1.9.1',
      config: { Cmd: ['cat', '/x'], Odd: 1 },
      architecture: 'amd64',
      os: 'linux',
      odd: { z: 1, a: '&' },
    }),
    [`${second}/layer.tar`]: tarOf({ x: 'old' }),
    repositories: JSON.stringify({ 'old/image': { '1': second, latest: second } }),
  });
  writeFileSync(join(folder, 'old.tar'), old);
  docker('load', '-i', join(folder, 'old.tar'));
  const shown = '{{.Id}} {{.Parent}} {{.Config.Cmd}} {{.RepoTags}}';
  expect(docker('image', 'inspect', '-f', shown, 'old/image')).toBe(
    'sha256:98febe690ae695e3bd6dbcb8a512d42e56a59592593fe439e27ded609d0e408e ' +
      'sha256:43abfbaf10cd029c62fe1254da14fc4bff48b0d5fb030f44d7063d2b50fb4379 [cat /x] [old/image:1 old/image:latest]',
  );
  const cyclic = tarOf({
    ...describe(first, { parent: second }),
    ...describe(second, { parent: first }),
    repositories: '{}',
  });
  for (const [archive, why] of [
    [cyclic, 'is its own parent'],
    [tarOf({ ...describe(first, {}), repositories: '{}' }), `lacks the layer ${first}/layer.tar`],
    [tarOf({ ...describe(first, { parent: second }), repositories: '{}' }), `lacks ${second}/json`],
    [tarOf({ repositories: '{"a":{"b":"c"}}' }), 'names an image that the archive lacks'],
    [tarOf({ repositories: '{"a":1}' }), 'repositories is malformed'],
  ] as const) {
    writeFileSync(join(folder, 'old.tar'), archive);
    expect(daemon.docker(['load', '-i', join(folder, 'old.tar')]).stderr).toContain(why);
  }
  docker('rmi', 'old/image:1', 'old/image:latest');
});

describe('images of other tools', () => {
  test('umoci makes one, skopeo brings it in, out and in again', () => {
    tool('umoci', ['init', '--layout', 'umoci']);
    tool('umoci', ['new', '--image', 'umoci:t']);
    tool('umoci', ['unpack', '--image', 'umoci:t', 'bundle']);
    cpSync('/bin/busybox', join(folder, 'bundle/rootfs/busybox'), { dereference: true });
    tool('umoci', ['repack', '--image', 'umoci:t', 'bundle']);
    tool('umoci', [
      'config',
      '--image',
      'umoci:t',
      '--config.entrypoint',
      '/busybox',
      '--config.cmd',
      'echo',
      '--config.cmd',
      'from umoci',
    ]);
    const into = ['--dest-daemon-host', daemon.host];
    tool('skopeo', ['copy', '-q', ...into, 'oci:umoci:t', 'docker-daemon:umoci:t']);
    expect(output('umoci:t')).toBe('from umoci');
    tool('skopeo', ['copy', '-q', '--src-daemon-host', daemon.host, 'docker-daemon:umoci:t', 'oci:back:t']);
    tool('skopeo', ['copy', '-q', ...into, 'oci:back:t', 'docker-daemon:umoci:back']);
    expect(output('umoci:back')).toBe('from umoci');
    const layers = (image: string) => docker('image', 'inspect', '-f', '{{json .RootFS.Layers}}', image);
    expect(layers('umoci:back')).toBe(layers('umoci:t'));
    // The layout itself loads too.
    const layout = spawnSync('tar', ['-C', join(folder, 'umoci'), '-c', '.'], { maxBuffer: 1 << 28 }).stdout;
    expect(daemon.docker(['load', '-q'], { input: layout }).status).toBe(0);
  });

  test('buildah makes archives of both kinds', () => {
    // It looks for its network program even where it is told to use the host's.
    mkdirSync(join(folder, 'helpers'));
    writeFileSync(join(folder, 'helpers/netavark'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    writeFileSync(
      join(folder, 'containers.conf'),
      `[engine]\nhelper_binaries_dir = ["${join(folder, 'helpers')}"]\n`,
    );
    const env = { CONTAINERS_CONF: join(folder, 'containers.conf'), BUILDAH_ISOLATION: 'chroot' };
    const places = [
      '--storage-driver',
      'vfs',
      '--root',
      join(folder, 'store'),
      '--runroot',
      join(folder, 'run'),
    ];
    const buildah = (...args: string[]) => tool('buildah', [...places, ...args], env);
    const container = buildah('from', 'scratch');
    buildah('copy', container, '/bin/busybox', '/busybox');
    buildah('config', '--cmd', '["/busybox","echo","from buildah"]', '--label', 'made=1', container);
    buildah('commit', '-q', container, 'docker-archive:one.tar:buildah:one');
    buildah('commit', '-q', container, 'oci-archive:two.tar:buildah:two');
    buildah('rm', container);
    for (const kind of ['one', 'two']) {
      const loaded = docker('load', '-i', join(folder, `${kind}.tar`));
      const name = /Loaded image(?: ID)?: (\S+)$/.exec(loaded)![1]!;
      expect(output(name)).toBe('from buildah');
      expect(docker('image', 'inspect', '-f', '{{.Config.Labels.made}}', name)).toBe('1');
    }
  });

  test('mmdebstrap makes a root', () => {
    tool('mmdebstrap', [
      '--variant=extract',
      '--include=busybox-static',
      '--quiet',
      // A mirror may be older than its signature lasts.
      '--aptopt=Acquire::Check-Valid-Until "false"',
      'stable',
      'debian.tar',
    ]);
    docker('import', '-c', 'ENTRYPOINT ["/usr/bin/busybox"]', join(folder, 'debian.tar'), 'debian:bare');
    expect(output('debian:bare', 'ls', '/usr/share/doc')).toContain('busybox-static');
  });
});

describe('a registry that asks for a password', () => {
  test('login, push, pull by tag and digest, and what is refused', () => {
    const name = `${registry.host}/team/app`;
    docker('tag', 'bb', `${name}:1`);
    const refused = daemon.docker(['push', `${name}:1`]);
    expect(refused).toMatchObject({ status: 1, stderr: 'no basic auth credentials\n' });
    const wrong = daemon.docker(['login', '-u', 'tester', '--password-stdin', registry.host], {
      input: 'wrong',
    });
    expect(wrong.stderr).toContain('401 Unauthorized');
    const right = daemon.docker(['login', '-u', 'tester', '--password-stdin', registry.host], {
      input: 'secret',
    });
    expect(right.stdout).toContain('Login Succeeded');
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(docker('push', `${name}:1`))![1]!;
    const id = docker('image', 'inspect', '-f', '{{.Id}}', `${name}:1`);
    docker('rmi', `${name}:1`, 'bb');
    expect(docker('pull', '-q', `${name}:1`)).toBe(`${name}:1`);
    expect(docker('image', 'inspect', '-f', '{{.Id}} {{json .RepoDigests}}', `${name}:1`)).toBe(
      `${id} ["${name}@${digest}"]`,
    );
    expect(docker('pull', `${name}:1`)).toContain('Image is up to date');
    docker('rmi', `${name}:1`);
    docker('pull', '-q', `${name}@${digest}`);
    expect(output(`${name}@${digest}`, 'echo', 'by digest')).toBe('by digest');
    expect(daemon.docker(['pull', `${name}:2`]).stderr).toContain('manifest unknown');
    docker('tag', `${name}@${digest}`, 'bb');
  });

  test('a build takes its base from it and pushes what it made', () => {
    const name = `${registry.host}/team/base`;
    docker('tag', 'bb', `${name}:1`);
    docker('push', '-q', `${name}:1`);
    docker('rmi', `${name}:1`);
    const build = (...args: string[]) =>
      daemon.docker(['buildx', 'build', '--builder', 'default', '--progress', 'plain', ...args, '-'], {
        input: `FROM ${name}:1\nRUN echo built > /made\n`,
      });
    expect(build('--push', '-t', `${name}:2`)).toMatchObject({ status: 0 });
    docker('rmi', '-f', `${name}:2`);
    expect(output(`${name}:2`, 'cat', '/made')).toBe('built');
    docker('logout', registry.host);
    docker('builder', 'prune', '-af');
    docker('rmi', '-f', `${name}:2`);
    const failed = build('-t', 'never');
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain(`>>> FROM ${name}:1`);
    expect(failed.stderr).toContain('401 Unauthorized');
  });
});

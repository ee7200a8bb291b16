import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon, until } from '../../support/daemon.ts';

// `berth migrate` on the data of Debian's dockerd, where that is installed.
const DOCKERD = '/usr/sbin/dockerd';
const folder = mkdtempSync(join(tmpdir(), 'berth-migrate-'));
let root = '';
const host = `unix://${join(folder, 'docker.sock')}`;
const docker = (...words: string[]) =>
  execFileSync('docker', ['-H', host, ...words], {
    encoding: 'utf8',
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
let daemon: TestDaemon;
let dockerd: ChildProcess | undefined;
const bridges: string[] = [];

/** The options that make dockerd keep its images in one or the other store. */
const STORES = {
  overlay2: ['--storage-driver=overlay2'],
  containerd: ['--config-file', join(folder, 'json')],
};

/** Every name below a folder with what changes when it does. */
const picture = () =>
  execFileSync('find', [root, '-printf', '%p %s %m %U %T@ %C@ %i\n'], { encoding: 'utf8' })
    .split('\n')
    .sort();

beforeAll(async () => {
  daemon = await TestDaemon.start();
  await daemon.importBusybox();
  writeFileSync(join(folder, 'json'), '{"features": {"containerd-snapshotter": true}}');
}, 60_000);
afterAll(async () => {
  dockerd?.kill();
  await daemon.dispose();
  // dockerd leaves it.
  for (const bridge of bridges) spawnSync('ip', ['link', 'delete', `br-${bridge.slice(0, 12)}`]);
  for (const store of Object.keys(STORES)) spawnSync('umount', ['-R', join(folder, store)]);
  rmSync(folder, { recursive: true, force: true });
});

test('what is no data root of dockerd is refused', () => {
  const ran = daemon.berth(['migrate', '--from', folder]);
  expect([ran.status, ran.stdout]).toEqual([1, '']);
  expect(ran.stderr).toContain('is no data root of dockerd');
});

test('what is no data root of containerd is refused', () => {
  for (const name of ['containers', 'volumes']) mkdirSync(join(folder, 'empty', name), { recursive: true });
  const ran = daemon.berth(['migrate', '--from', join(folder, 'empty'), '--containerd', folder]);
  expect([ran.status, ran.stdout]).toEqual([1, '']);
  expect(ran.stderr).toContain(`${folder} is no data root of a containerd`);
});

(existsSync(DOCKERD) ? test.each : test.skip.each)(Object.entries(STORES))(
  'images, volumes, networks and containers of dockerd, whose images are in %s',
  async (store, choice) => {
    root = join(folder, store);
    const places = [
      '--data-root',
      root,
      '--exec-root',
      join(folder, 'exec'),
      '--pidfile',
      join(folder, 'pid'),
    ];
    const options = ['--bridge=none', '--iptables=false', ...choice];
    dockerd = spawn(DOCKERD, [...places, ...options, '-H', host], { stdio: 'ignore' });
    await until(
      'dockerd',
      () => spawnSync('docker', ['-H', host, 'version'], { stdio: 'ignore' }).status === 0,
    );
    const archive = join(folder, 'bb.tar');
    expect(daemon.berth(['save', '-o', archive, 'bb']).status).toBe(0);
    docker('load', '-i', archive);
    writeFileSync(
      join(folder, 'Dockerfile'),
      'FROM bb\nRUN mkdir /d && echo one >/d/f && ln /d/f /d/hard && ln -s f /d/sym && chmod 4711 /d/f\nRUN rm /bin/wget && echo two >/d/g\nENV X=1\n',
    );
    docker(
      'build',
      '-q',
      '-t',
      'mine:1',
      '-f',
      join(folder, 'Dockerfile'),
      '--network',
      'none',
      join(folder, 'exec'),
    );
    docker('volume', 'create', '--label', 'a=b', 'data');
    bridges.push(docker('network', 'create', '--subnet', '10.177.0.0/24', '--label', 'l=1', 'net1').trim());
    docker(
      'create',
      '--name',
      'fresh',
      '--network',
      'net1',
      '--ip',
      '10.177.0.9',
      '--mac-address',
      '02:42:aa:bb:cc:01',
      '--restart',
      'unless-stopped',
      '-e',
      'E=1',
      '-v',
      'data:/data',
      'mine:1',
      'cat',
      '/data/file',
    );
    const script =
      'echo kept >/data/file; echo new >/new; rm /d/g; rm -r /d/hard; mkdir /d/hard; echo in >/d/hard/f; echo anonymous >/v/f';
    docker(
      'run',
      '--name',
      'used',
      '--network',
      'none',
      '-v',
      'data:/data',
      '-v',
      '/v',
      'mine:1',
      'sh',
      '-c',
      script,
    );
    // With containerd the id of an image is its manifest's digest there, and here that of its configuration.
    const saved = execFileSync('sh', ['-c', `docker -H ${host} save mine:1 | tar -xO manifest.json`]);
    const id = JSON.parse(saved.toString())[0].Config.replace(/^blobs\/sha256\//, 'sha256:');
    const ended = new Promise((resolve) => dockerd?.once('exit', resolve));
    dockerd.kill();
    await ended;
    dockerd = undefined;
    const before = picture();

    const dry = daemon.berth(['migrate', '--from', root, '--dry-run']);
    expect(dry.stdout).toContain('2 containers would be taken');
    expect(daemon.berth(['ps', '-aq']).stdout).toBe('');
    const ran = daemon.berth(['migrate', '--from', root]);
    expect([ran.status, ran.stderr]).toEqual([0, '']);
    expect(ran.stdout).toMatch(/1 image, 2 volumes, 1 network, 2 containers taken\n$/);
    // A second time everything is here.
    expect(daemon.berth(['migrate', '--from', root]).stdout).toBe('nothing taken\n');
    expect(picture()).toEqual(before);

    const { json: image } = await daemon.call('GET', '/images/mine:1/json');
    expect(image.Id).toBe(id);
    const inside = (words: string[]) => daemon.berth(['run', '--rm', '--network', 'none', ...words]).stdout;
    expect(
      inside(['mine:1', 'sh', '-c', 'cat /d/sym /d/g; stat -c "%a %h" /d/hard; ls /bin/wget 2>&1']),
    ).toMatch(/^one\ntwo\n4711 2\nls: /);
    const { json: fresh } = await daemon.call('GET', '/containers/fresh/json');
    expect(fresh.HostConfig.RestartPolicy.Name).toBe('unless-stopped');
    expect(fresh.Config.Image).toBe('mine:1');
    expect(fresh.NetworkSettings.Networks.net1.IPAMConfig.IPv4Address).toBe('10.177.0.9');
    expect(fresh.NetworkSettings.Networks.net1.MacAddress).toBe('02:42:aa:bb:cc:01');
    expect(daemon.berth(['start', '-a', 'fresh']).stdout).toBe('kept\n');
    const { json: net } = await daemon.call('GET', '/networks/net1');
    expect([net.IPAM.Config[0].Subnet, net.Labels]).toEqual(['10.177.0.0/24', { l: '1' }]);
    expect((await daemon.call('GET', '/volumes/data')).json.Labels).toEqual({ a: 'b' });

    const { json: used } = await daemon.call('GET', '/containers/used/json');
    const look = 'cat /new /d/hard/f; ls /d/g 2>&1 | grep -c "No such"';
    expect(inside(['berth-migrated/used', 'sh', '-c', look])).toBe('new\nin\n1\n');
    expect(fresh.Image).toBe(id);
    const anonymous = used.Mounts.find(({ Destination }: { Destination: string }) => Destination === '/v');
    expect(readFileSync(join(anonymous.Source, 'f'), 'utf8')).toBe('anonymous\n');
    for (const name of ['fresh', 'used']) await daemon.call('DELETE', `/containers/${name}?force=1`);
    await daemon.call('DELETE', '/networks/net1');
    await daemon.call('DELETE', '/volumes/data');
    for (const name of ['mine:1', 'berth-migrated/used']) await daemon.call('DELETE', `/images/${name}`);
  },
  120_000,
);

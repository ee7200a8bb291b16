import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../../support/daemon.ts';
import { tarOf } from '../../support/tar.ts';

/* Mounts of containers, and copies in and out of them. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

test('a read-only bind leaves what is mounted below it alone before API version 1.44', async () => {
  const options = async (version: string) => {
    const { json } = await daemon.call('POST', `/v${version}/containers/create`, {
      Image: 'bb',
      Cmd: ['sh', '-c', 'awk \'$5 == "/host/shm" { print substr($6, 1, 2) }\' /proc/self/mountinfo'],
      HostConfig: { NetworkMode: 'none', Binds: ['/dev:/host:ro'] },
    });
    await daemon.call('POST', `/containers/${json.Id}/start`);
    await daemon.call('POST', `/containers/${json.Id}/wait`);
    const { stdout } = daemon.docker(['logs', json.Id]);
    await daemon.call('DELETE', `/containers/${json.Id}`);
    return new Set(stdout.trim().split('\n'));
  };
  expect(await options('1.43')).toEqual(new Set(['rw']));
  expect(await options('1.44')).toEqual(new Set(['ro']));
});

test('copies know the working directory before the first start and the files of the engine after the last', async () => {
  const { json } = await daemon.call('POST', '/containers/create', {
    Image: 'bb',
    Cmd: ['true'],
    WorkingDir: '/home/some/where',
    Hostname: 'berthed',
    HostConfig: { NetworkMode: 'none' },
  });
  const at = (path: string) => `/containers/${json.Id}/archive?path=${path}`;
  expect((await daemon.call('HEAD', at('/home/some/where'))).status).toBe(200);
  await daemon.call('POST', `/containers/${json.Id}/start`);
  await daemon.call('POST', `/containers/${json.Id}/wait`);
  expect((await daemon.raw('GET', at('/etc/hostname'))).body.toString()).toContain('berthed\n');
  for (const path of ['./', '/./']) {
    const { body } = await daemon.raw('GET', at(path));
    expect(body.toString('latin1', 0, 100).replace(/\0.*/s, '')).toBe('./');
  }
  await daemon.call('DELETE', `/containers/${json.Id}`);
});

test('a link in a volume is no way into a root that is read-only', async () => {
  const { json } = await daemon.call('POST', '/containers/create', {
    Image: 'bb',
    Cmd: ['ln', '-s', '/etc', '/data/link'],
    HostConfig: {
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      Mounts: [{ Type: 'volume', Target: '/data' }],
    },
  });
  await daemon.call('POST', `/containers/${json.Id}/start`);
  await daemon.call('POST', `/containers/${json.Id}/wait`);
  const put = (path: string) =>
    daemon.call('PUT', `/containers/${json.Id}/archive?path=${path}`, tarOf({ planted: 'x' }));
  expect(await put('/data/link')).toMatchObject({
    status: 500,
    json: { message: 'container rootfs is marked read-only' },
  });
  expect((await put('/data')).status).toBe(200);
  await daemon.call('DELETE', `/containers/${json.Id}?v=1`);
});

test('the export of a running container is its root without what is mounted in it', async () => {
  const id = await daemon.box(['sh', '-c', 'echo x > /mark; echo y > /mnt/over; sleep 60'], {
    HostConfig: { NetworkMode: 'none', Tmpfs: { '/mnt': '' } },
  });
  await sleep(200);
  const names = (await daemon.raw('GET', `/containers/${id}/export`)).body.toString('latin1');
  expect(names).toContain('mark\0');
  expect(names).toContain('mnt/\0');
  expect(names).not.toContain('mnt/over\0');
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('a folder without a device in it is no device, and the own folder of the daemon keeps its mounts', async () => {
  const create = (HostConfig: object) =>
    daemon.call('POST', '/containers/create', { Image: 'bb', HostConfig });
  const { json } = await create({
    NetworkMode: 'none',
    Devices: [{ PathOnHost: daemon.folder, PathInContainer: '/dev/x', CgroupPermissions: 'rwm' }],
  });
  const started = await daemon.call('POST', `/containers/${json.Id}/start`);
  expect(started.json.message).toContain(`"${daemon.folder}": not a device node`);
  await daemon.call('DELETE', `/containers/${json.Id}`);
  const refused = await create({ Binds: [`${daemon.folder}/data:/x:rprivate`] });
  expect(refused).toMatchObject({ status: 400 });
  expect(refused.json.message).toContain('must use either propagation mode "rslave" or "rshared"');
});

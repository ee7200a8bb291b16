import { asVersionMeans } from './older.ts';

const mount = (spec: object, version: number) =>
  (asVersionMeans({ HostConfig: { Mounts: [spec] } }, version).body.HostConfig!['Mounts'] as object[])[0];

test('mounts have what their version knew', () => {
  const bind = { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true };
  expect(mount({ ...bind, BindOptions: { CreateMountpoint: true } }, 41)).toEqual({
    ...bind,
    BindOptions: { ReadOnlyNonRecursive: true },
  });
  expect(mount({ ...bind, VolumeOptions: {} }, 41)).not.toHaveProperty('VolumeOptions');
  expect(mount(bind, 44)).toEqual(bind);
  expect(() => mount({ ...bind, BindOptions: { ReadOnlyForceRecursive: true } }, 43)).toThrow(
    'needs API v1.44',
  );
  expect(() => mount({ Type: 'volume', VolumeOptions: { Subpath: 'a' } }, 44)).toThrow('needs API v1.45');
  expect(() => mount({ Type: 'image', Source: 'a', Target: '/a' }, 47)).toThrow('mount type unknown');
});

test('what came later is left out', () => {
  const body = {
    Healthcheck: { Test: ['CMD', 'true'], StartInterval: 5 },
    HostConfig: { Annotations: { a: 'b' }, ConsoleSize: [1, 2] },
    NetworkingConfig: { EndpointsConfig: { a: { GwPriority: 5 } } },
  };
  const older = asVersionMeans(body, 41).body;
  expect(older['Healthcheck']).toEqual({ Test: ['CMD', 'true'], StartInterval: 0 });
  expect(older.HostConfig).toEqual({ ConsoleSize: [0, 0] });
  expect(asVersionMeans(body, 39).body.HostConfig).toMatchObject({ IpcMode: 'shareable' });
  expect(asVersionMeans({}, 39).body.HostConfig).toMatchObject({ IpcMode: 'shareable' });
  expect(asVersionMeans({ HostConfig: { AutoRemove: true } }, 24).body.HostConfig).toMatchObject({
    AutoRemove: false,
  });
  expect(older.NetworkingConfig!.EndpointsConfig).toEqual({ a: {} });
  expect(asVersionMeans(body, 52)).toEqual({ body, warnings: [] });
});

test('limits beside HostConfig hold for older clients', () => {
  expect(asVersionMeans({ Memory: 524287 }, 45).body.HostConfig).toEqual({ Memory: 524287 });
  expect(asVersionMeans({ Memory: 5, HostConfig: { Memory: 6 } }, 45).body.HostConfig).toEqual({
    Memory: 6,
  });
  expect(asVersionMeans({ Memory: 5 }, 48).body.HostConfig).toBeUndefined();
});

test("an interface's setting moves to its endpoint, and is refused from 1.48 on", () => {
  const body = { HostConfig: { Sysctls: { 'net.ipv4.conf.eth0.log_martians': '1', 'kernel.x': '2' } } };
  const { body: moved, warnings } = asVersionMeans(body, 47);
  expect(moved.HostConfig).toEqual({ Sysctls: { 'kernel.x': '2' } });
  expect(moved.NetworkingConfig!.EndpointsConfig).toEqual({
    default: {
      DriverOpts: { 'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.log_martians=1' },
    },
  });
  expect(warnings).toEqual([expect.stringContaining('Migrated sysctl')]);
  expect(() => asVersionMeans(body, 48)).toThrow('must be supplied using driver option');
  expect(() => asVersionMeans({ HostConfig: { Sysctls: { 'net.ipv4.conf.eth1.x': '1' } } }, 47)).toThrow(
    'unable to determine network endpoint',
  );
  expect(asVersionMeans({ HostConfig: { ...body.HostConfig, NetworkMode: 'host' } }, 52).warnings).toEqual(
    [],
  );
});

test('warnings come with the version that has them', () => {
  const bindings = { HostConfig: { PortBindings: { '80/tcp': [] } } };
  expect(asVersionMeans(bindings, 51).warnings).toEqual([]);
  expect(asVersionMeans(bindings, 52).warnings).toEqual([expect.stringContaining('80/tcp')]);
  const driver = { HostConfig: { VolumeDriver: 'x', Mounts: [{ Type: 'volume', Target: '/a' }] } };
  expect(asVersionMeans(driver, 47).warnings).toEqual([]);
  expect(asVersionMeans(driver, 48).warnings).toEqual([expect.stringContaining('volume-driver')]);
});

import { createFor } from './create.ts';

const mount = (spec: object, version: number) =>
  (createFor(version, { HostConfig: { Mounts: [spec] } }).body.HostConfig!['Mounts'] as object[])[0];

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
  const older = createFor(41, body).body;
  expect(older['Healthcheck']).toEqual({ Test: ['CMD', 'true'], StartInterval: 0 });
  expect(older.HostConfig).toEqual({ ConsoleSize: [0, 0] });
  expect(createFor(39, body).body.HostConfig).toMatchObject({ IpcMode: 'shareable' });
  expect(createFor(39, {}).body.HostConfig).toMatchObject({ IpcMode: 'shareable' });
  expect(createFor(24, { HostConfig: { AutoRemove: true } }).body.HostConfig).toMatchObject({
    AutoRemove: false,
  });
  expect(older.NetworkingConfig!.EndpointsConfig).toEqual({ a: {} });
  expect(createFor(52, body)).toMatchObject({ body, warnings: [] });
});

test('limits beside HostConfig hold for older clients', () => {
  expect(createFor(45, { Memory: 524287 }).body.HostConfig).toEqual({ Memory: 524287 });
  expect(createFor(45, { Memory: 5, HostConfig: { Memory: 6 } }).body.HostConfig).toEqual({
    Memory: 6,
  });
  expect(createFor(48, { Memory: 5 }).body.HostConfig).toBeUndefined();
});

test("an interface's setting moves to its endpoint, and is refused from 1.48 on", () => {
  const body = { HostConfig: { Sysctls: { 'net.ipv4.conf.eth0.log_martians': '1', 'kernel.x': '2' } } };
  const { body: moved, warnings } = createFor(47, body);
  expect(moved.HostConfig).toEqual({ Sysctls: { 'kernel.x': '2' } });
  expect(moved.NetworkingConfig!.EndpointsConfig).toEqual({
    default: {
      DriverOpts: { 'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.log_martians=1' },
    },
  });
  expect(warnings).toEqual([expect.stringContaining('Migrated sysctl')]);
  expect(() => createFor(48, body)).toThrow('must be supplied using driver option');
  expect(() => createFor(47, { HostConfig: { Sysctls: { 'net.ipv4.conf.eth1.x': '1' } } })).toThrow(
    'unable to determine network endpoint',
  );
  expect(createFor(52, { HostConfig: { ...body.HostConfig, NetworkMode: 'host' } }).warnings).toEqual([]);
});

test('warnings come with the version that has them', () => {
  const bindings = { HostConfig: { PortBindings: { '80/tcp': [] } } };
  expect(createFor(51, bindings).warnings).toEqual([]);
  expect(createFor(52, bindings).warnings).toEqual([expect.stringContaining('80/tcp')]);
  const driver = { HostConfig: { VolumeDriver: 'x', Mounts: [{ Type: 'volume', Target: '/a' }] } };
  expect(createFor(47, driver).warnings).toEqual([]);
  expect(createFor(48, driver).warnings).toEqual([expect.stringContaining('volume-driver')]);
});

test('several networks are for clients of 1.44 and later', () => {
  const body = { NetworkingConfig: { EndpointsConfig: { b: {}, a: {} } } };
  expect(() => createFor(43, body)).toThrow(
    'Container cannot be created with multiple network endpoints: a, b',
  );
  expect(createFor(44, body).body).toEqual(body);
});

test('a container-wide MAC address is warned of, and must be that of the main network', () => {
  const MacAddress = '02:42:00:00:00:01';
  for (const name of ['default', 'bridge']) {
    const NetworkingConfig = { EndpointsConfig: { [name]: { MacAddress } } };
    expect(createFor(45, { MacAddress, NetworkingConfig }).warnings).toEqual([
      expect.stringContaining('MacAddress field is now deprecated'),
    ]);
    expect(createFor(43, { MacAddress, NetworkingConfig }).warnings).toEqual([]);
    expect(() => createFor(45, { MacAddress: '02:42:00:00:00:02', NetworkingConfig })).toThrow(
      'must match the endpoint-specific',
    );
  }
  expect(() => createFor(52, { MacAddress })).toThrow('no longer supported');
});

test('a read-only bind and the cgroup namespace are what they were to a version', () => {
  expect(createFor(40, {})).toMatchObject({ shallowReadOnly: true, hostCgroupnsOnV1: true });
  expect(createFor(41, {})).toMatchObject({ shallowReadOnly: true, hostCgroupnsOnV1: false });
  expect(createFor(44, {})).toMatchObject({ shallowReadOnly: false, hostCgroupnsOnV1: false });
});

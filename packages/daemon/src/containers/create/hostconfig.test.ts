import type { BerthError } from '../../base/errors.ts';
import type { Settings } from '../../config/settings.ts';
import { mergeUpdate } from '../lifecycle/update.ts';
import { fillHostConfig } from './hostconfig.ts';
import { checkHostConfig, checkModes } from './hostconfig-checks.ts';

const settings = {
  logDriver: 'json-file',
  logOpts: {},
  bridge: '',
  defaultIpcMode: 'private',
  defaultCgroupnsMode: '',
  defaultShmSize: 67_108_864,
} as unknown as Settings;
const fill = (body: object, hostCgroupnsOnV1 = false) =>
  fillHostConfig(body as Record<string, unknown>, {
    settings,
    cgroupVersion: 1,
    runtime: 'runc',
    hostCgroupnsOnV1,
  });

function check(body: object, config: object = {}): string[] {
  const host = fill(body);
  checkModes(host, config);
  return checkHostConfig(host, body as Record<string, unknown>);
}

test('defaults are those of dockerd', () => {
  expect(fill({})).toMatchObject({
    NetworkMode: 'bridge',
    IpcMode: 'private',
    CgroupnsMode: 'host',
    ShmSize: 67_108_864,
    Runtime: 'runc',
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    LogConfig: { Type: 'json-file', Config: {} },
    PidsLimit: null,
    MemorySwappiness: null,
    OomKillDisable: false,
    ConsoleSize: [0, 0],
    Binds: null,
    Dns: null,
  });
});

test('values are put into the form that inspect shows', () => {
  expect(fill({ Memory: 100, PidsLimit: -1, MemorySwappiness: -1, NetworkMode: 'default' })).toMatchObject({
    MemorySwap: 200,
    PidsLimit: null,
    MemorySwappiness: null,
    NetworkMode: 'bridge',
  });
  expect(fill({ CapAdd: ['net_admin', 'ALL'] }).CapAdd).toEqual(['net_admin', 'ALL']);
  const privileged = fill({ Privileged: true });
  expect(privileged.MaskedPaths).toBeNull();
  expect(privileged.SecurityOpt).toEqual(['label=disable']);
});

test('parts have their members in one order, whatever order they came in', () => {
  const host = fill({
    Ulimits: [{ Soft: 1, Name: 'nofile' }],
    BlkioDeviceReadBps: [{ Rate: 7, Path: '/dev/null' }],
    Mounts: [
      {
        Target: '/v',
        ReadOnly: false,
        VolumeOptions: { DriverConfig: { Options: {}, Name: 'local' }, NoCopy: true, Labels: {} },
        Source: 'v',
        Type: 'volume',
      },
    ],
  });
  expect(JSON.stringify(host.Ulimits)).toBe('[{"Name":"nofile","Hard":0,"Soft":1}]');
  expect(JSON.stringify(host.BlkioDeviceReadBps)).toBe('[{"Path":"/dev/null","Rate":7}]');
  expect(JSON.stringify(host.Mounts)).toBe(
    '[{"Type":"volume","Source":"v","Target":"/v","VolumeOptions":{"NoCopy":true,"DriverConfig":{"Name":"local"}}}]',
  );
});

const refused: Array<[object, string, string, object?]> = [
  [{ IpcMode: 'bogus' }, 'invalid-parameter', 'invalid IPC mode: bogus'],
  [{ PidMode: 'bogus' }, 'invalid-parameter', 'invalid PID mode: bogus'],
  [{ UTSMode: 'bogus' }, 'invalid-parameter', 'invalid UTS mode: bogus'],
  [{ CgroupnsMode: 'bogus' }, 'invalid-parameter', 'invalid cgroup namespace mode: bogus'],
  [{ Isolation: 'bogus' }, 'invalid-parameter', `Invalid isolation: "bogus" - linux only supports 'default'`],
  [
    { IOMaximumIOps: 2 },
    'invalid-parameter',
    'Invalid QoS settings: linux does not support configuration of maximum IOPs',
  ],
  [
    { UTSMode: 'host' },
    'invalid-parameter',
    'conflicting options: hostname and the UTS mode',
    { Hostname: 'x' },
  ],
  [
    { NetworkMode: 'container:x', PublishAllPorts: true },
    'invalid-parameter',
    'conflicting options: port publishing and the container type network mode',
  ],
  [
    { RestartPolicy: { Name: 'bogus' } },
    'invalid-parameter',
    "invalid restart policy: unknown policy 'bogus'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
  ],
  [
    { RestartPolicy: { Name: 'always', MaximumRetryCount: 2 } },
    'invalid-parameter',
    "invalid restart policy: maximum retry count can only be used with 'on-failure'",
  ],
  [
    { AutoRemove: true, RestartPolicy: { Name: 'always' } },
    'invalid-parameter',
    "can't create 'AutoRemove' container with restart policy",
  ],
  [{ ShmSize: -1 }, 'invalid-parameter', 'SHM size can not be less than 0'],
  [
    { OomScoreAdj: 1001 },
    'invalid-parameter',
    'Invalid value 1001, range for oom score adj is [-1000, 1000]',
  ],
  [{ Tmpfs: { '//': '' } }, 'invalid-parameter', "invalid specification: destination can't be '/'"],
  [{ ExtraHosts: ['x'] }, 'invalid-parameter', 'bad format for add-host: "x"'],
  [{ ExtraHosts: ['x:y'] }, 'invalid-parameter', 'invalid IP address in add-host: "y"'],
  [{ Links: ['a:b:c'] }, 'invalid-parameter', 'bad format for links: a:b:c'],
  [{ PortBindings: { '80': [{ HostPort: 'x' }] } }, 'invalid-parameter', 'invalid port specification: "x"'],
  [
    { LogConfig: { Type: 'json-file', Config: { x: 'y' } } },
    'invalid-parameter',
    "unknown log opt 'x' for json-file log driver",
  ],
  [
    { LogConfig: { Type: 'x' } },
    'invalid-parameter',
    'error looking up logging plugin x: plugin "x" not found',
  ],
  [{ Tmpfs: { x: '' } }, 'invalid-parameter', "invalid mount path: 'x' mount path must be absolute"],
];

// Not four parameters: jest would take the one that a row lacks for a callback to wait for.
test.each(refused)('refuses %j', (...row) => {
  const [host, kind, message, config] = row;
  let thrown: BerthError | undefined;
  try {
    check(host, config);
  } catch (error) {
    thrown = error as BerthError;
  }
  expect(thrown).toMatchObject({ kind, message });
});

test('ports on the host`s network are a warning', () => {
  expect(check({ NetworkMode: 'host', PortBindings: { '80/tcp': [{ HostPort: '80' }] } })).toEqual([
    'Published ports are discarded when using host network mode',
  ]);
});

test('an update keeps what it does not name and refuses contradictions', () => {
  const host = fill({ Memory: 67_108_864, MemorySwap: 134_217_728 });
  expect(mergeUpdate(host, { CpuShares: 300, PidsLimit: -1 })).toMatchObject({
    Memory: 67_108_864,
    CpuShares: 300,
    PidsLimit: 0,
  });
  expect(() => mergeUpdate(host, { Memory: 268_435_456 })).toThrow(/Memory limit should be smaller/);
  expect(() => mergeUpdate({ ...host, CpuQuota: 1 }, { NanoCpus: 5 })).toThrow(
    /CPU Quota has already been set/,
  );
  expect(() => mergeUpdate({ ...host, AutoRemove: true }, { RestartPolicy: { Name: 'always' } })).toThrow(
    /AutoRemove is enabled/,
  );
});

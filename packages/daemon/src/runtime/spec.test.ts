import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeRequest } from './api.ts';
import { openCgroups } from './cgroups/index.ts';
import { type CompileContext, compileExec, compileSpec } from './compile.ts';
import { bundleExec, bundleLaunch, configParts } from './oci/bundle.ts';
import type { RuntimeSpec } from './oci/config.ts';
import { PROCESS, problemsOf } from './oci/schema.ts';
import { Seccomp } from './seccomp/index.ts';
import { buildSpec, containerProcess, type SpecContext } from './spec.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-spec-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MAPS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const context: SpecContext = {
  seccomp: new Seccomp(folder, 'builtin'),
  hasSeccomp: true,
  hasAppArmor: true,
  apparmorProfile: 'docker-default',
  noNewPrivileges: false,
  remapping: { uids: MAPS, gids: MAPS },
  hasPing: true,
  defaultCgroupNamespace: 'private',
  cgroupPath: ({ id }) => `/docker/${id}`,
  supported: (resources) => resources,
};
const cgroups = openCgroups({
  version: 2,
  root: '/sys/fs/cgroup',
  mounts: [],
  mountOf: () => undefined,
  nameOf: () => undefined,
});
const compileContext: CompileContext = {
  cgroups,
  seccompFile: () => '/run/filter.bpf',
  owner: 'us',
  hasKcore: false,
};

const plain: RuntimeRequest = {
  id: 'f'.repeat(64),
  rootFilesystem: {
    lower: [{ kind: 'erofs', image: '/l/1', devices: ['/l/1.tar'] }],
    upper: '/w/upper',
    work: '/w/work',
    volatile: false,
  },
  readonlyRootfs: false,
  args: ['sh', '-c', 'true'],
  env: ['PATH=/bin'],
  cwd: '/',
  user: '',
  groupAdd: [],
  tty: false,
  hostname: 'host',
  domainname: '',
  init: false,
  privileged: false,
  capAdd: [],
  capDrop: [],
  securityOpt: [],
  maskedPaths: null,
  readonlyPaths: null,
  ulimits: [],
  sysctls: {},
  resources: {},
  oomScoreAdj: 0,
  shmSize: 65_536,
  devices: [],
  deviceCgroupRules: [],
  mounts: [],
  networkFiles: [{ source: '/c/hosts', destination: '/etc/hosts' }],
  namespaces: {
    network: '/proc/7/ns/net',
    pid: 'private',
    ipc: 'private',
    uts: 'private',
    cgroup: '',
    user: 'host',
  },
  annotations: { 'com.example': 'x' },
};

const full: RuntimeRequest = {
  ...plain,
  user: 'app:staff',
  groupAdd: ['audio', '44'],
  tty: true,
  consoleSize: [24, 80],
  domainname: 'example.org',
  init: true,
  capAdd: ['NET_ADMIN'],
  capDrop: ['CHOWN'],
  securityOpt: ['no-new-privileges', 'writable-cgroups=true'],
  ulimits: [
    { Name: 'nofile', Soft: 10, Hard: 20 },
    { Name: 'core', Soft: -1, Hard: -1 },
  ],
  sysctls: { 'net.core.somaxconn': '10' },
  resources: {
    Memory: 64 * 2 ** 20,
    MemoryReservation: 32 * 2 ** 20,
    MemorySwappiness: 0,
    NanoCpus: 5e8,
    CpuShares: 512,
    CpusetCpus: '0',
    PidsLimit: -1,
    BlkioWeight: 100,
    BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 1000 }],
  },
  oomScoreAdj: 500,
  devices: [{ PathOnHost: '/dev/full', PathInContainer: '/dev/xfull', CgroupPermissions: 'r' }],
  deviceCgroupRules: ['c 10:* rw', 'a *:* m'],
  mounts: [
    {
      type: 'bind',
      source: '/data',
      destination: '/data',
      readonly: true,
      options: ['rbind', 'ro-force-recursive'],
    },
    { type: 'bind', source: '/v', subpath: 'a/b', destination: '/sub', readonly: false, options: ['rbind'] },
    {
      type: 'image',
      source: 'img',
      lower: [{ kind: 'folder', path: '/l/2' }],
      destination: '/img',
      readonly: true,
      options: [],
    },
    {
      type: 'bind',
      source: '/s',
      destination: '/s',
      readonly: false,
      options: ['rbind'],
      propagation: 'rshared',
    },
    { type: 'tmpfs', destination: '/t', readonly: false, options: ['noexec', 'size=1m'] },
  ],
};

const requests: Array<[what: string, request: RuntimeRequest]> = [
  ['a plain container', plain],
  ['one with all that can be asked for', full],
  ['a privileged one', { ...plain, privileged: true }],
  ['one in a user namespace', { ...full, namespaces: { ...plain.namespaces, user: 'private' } }],
  [
    "one in the host's namespaces",
    {
      ...plain,
      namespaces: { network: 'host', pid: 'host', ipc: 'host', uts: 'host', cgroup: 'host', user: 'host' },
    },
  ],
  [
    "one in another's namespaces",
    {
      ...plain,
      namespaces: {
        ...plain.namespaces,
        pid: '/proc/8/ns/pid',
        ipc: '/proc/8/ns/ipc',
        shmPath: '/proc/8/root/dev/shm',
      },
    },
  ],
];

const USER = '{"uid":1000,"gid":1000,"additionalGids":[1000,44]}';
const configOf = (spec: RuntimeSpec) => configParts(spec, '/run/b').join(USER);

test.each(requests)('the config.json of %s keeps the rules of the OCI specification', (_, request) => {
  expect(problemsOf(configOf(buildSpec(request, context)))).toEqual([]);
});

test('the rules find what is wrong', () => {
  const spec = buildSpec(full, context);
  const spoilt = { ...spec, mounts: [{ destination: 'relative', flags: [] }] } as unknown as RuntimeSpec;
  expect(problemsOf(configOf(spoilt))).toEqual(
    expect.arrayContaining([
      expect.stringContaining('config.mounts[0].destination'),
      'config.mounts[0].flags is not in the specification',
    ]),
  );
  expect(problemsOf(configOf(spec).replace('"soft":10,"hard":20', '"soft":21,"hard":20'))).toHaveLength(1);
});

test.each(requests)('the launch of %s is compiled of its spec alone, as it is written', (_, request) => {
  const spec = buildSpec(request, context);
  const read = JSON.parse(JSON.stringify(spec)) as RuntimeSpec;
  expect(compileSpec(read, compileContext)).toEqual(compileSpec(spec, compileContext));
  expect(bundleLaunch(read, { path: '/bin/runc', args: [] }, '/run/b', compileContext)).toEqual(
    bundleLaunch(spec, { path: '/bin/runc', args: [] }, '/run/b', compileContext),
  );
});

test('what the specification has no member for reaches the own runtime', () => {
  const records = compileSpec(buildSpec(full, context), compileContext);
  expect(records).toEqual(
    expect.arrayContaining([
      ['lower', 'erofs', '/l/1', '/l/1.tar'],
      ['overlay', '/w/upper', '/w/work'],
      ['image-lower', '/img', 'folder', '/l/2'],
      ['mount', 'image', 'img', '/img', 'ro'],
      ['mount', 'bind', '/v', '/sub', 'rbind', 'rprivate', 'subpath=a/b'],
      ['mount', 'bind', '/data', '/data', 'rbind', 'ro', 'rro', 'rprivate', 'force-recursive'],
      ['user', 'app:staff'],
      ['group', 'audio'],
      ['init'],
      ['domainname', 'example.org'],
      ['rlimit', 'core', '-1', '-1'],
      ['cgroup-write', '', 'memory.max', '67108864'],
      ['cgroup-write', '', 'pids.max', 'max'],
      ['device-rule', 'c', '1', '7', 'r'],
      ['device-rule', 'a', '*', '*', 'm'],
      ['namespace', 'net', '/proc/7/ns/net'],
    ]),
  );
});

test('a privileged container has no rules for devices, for one would deny the rest', () => {
  const records = compileSpec(buildSpec({ ...plain, privileged: true }, context), compileContext);
  expect(records.filter(([name]) => name === 'device-rule')).toEqual([]);
});

describe('the bundle for another runtime', () => {
  const config = (request: RuntimeRequest) =>
    JSON.parse(configOf(buildSpec(request, context))) as RuntimeSpec;

  test('names what the C side makes by paths of the bundle', () => {
    const { root, mounts, process } = config(full);
    const source = (place: string) => mounts.find(({ destination }) => destination === place)?.source;
    expect(root.path).toBe('/run/b/fs/rootfs');
    expect(source('/sub')).toBe('/run/b/fs/mounts/0');
    expect(source('/img')).toBe('/run/b/fs/mounts/1');
    expect(source('/data')).toBe('/data');
    expect(source('/sbin/docker-init')).toBe('/run/b/fs/init');
    expect(process.args.slice(0, 2)).toEqual(['/sbin/docker-init', '--']);
    const records = bundleLaunch(
      buildSpec(full, context),
      { path: '/bin/runc', args: ['--debug'] },
      '/run/b',
      compileContext,
    );
    expect(records).toContainEqual(['runtime', '/bin/runc', '/run/b', '/run/b/fs', '--debug']);
    expect(records.filter(([name]) => name === 'mount').map((record) => record[3])).toEqual(['/sub', '/img']);
  });

  test('has unlimited as the largest number, and no empty list of flags', () => {
    const text = configOf(buildSpec(full, context));
    expect(text).toContain('{"type":"RLIMIT_CORE","soft":18446744073709551615,"hard":18446744073709551615}');
    expect(config(full).linux.seccomp).not.toHaveProperty('flags');
  });

  test('lets mounts through where a bind is shared', () => {
    expect(config(full).linux.rootfsPropagation).toBe('shared');
    expect(config(plain).linux).not.toHaveProperty('rootfsPropagation');
  });

  test('of a user namespace lies where its root may go', () => {
    const { root, linux } = config({ ...full, namespaces: { ...plain.namespaces, user: 'private' } });
    expect(root.path).toBe('/sys/fs/bpf/rootfs');
    expect(linux.namespaces).toContainEqual({ type: 'user', path: '/sys/fs/bpf/user' });
  });
});

test('an exec is confined as its container, and may have all capabilities', () => {
  const exec = { args: ['id'], env: [], cwd: '/tmp', tty: false };
  const process = containerProcess(full, context, exec);
  expect(process).toMatchObject({ args: ['id'], cwd: '/tmp', noNewPrivileges: true, oomScoreAdj: 500 });
  expect(process.capabilities.bounding).toContain('CAP_NET_ADMIN');
  expect(containerProcess(full, context, { ...exec, privileged: true }).apparmorProfile).toBe('unconfined');
  const own = { id: full.id, user: 'app', groups: ['audio'] };
  expect(compileExec(process, own, undefined, compileContext)).toEqual(
    expect.arrayContaining([
      ['user', 'app'],
      ['group', 'audio'],
      ['cwd', '/tmp'],
      ['arg', 'id'],
    ]),
  );
  const [, head, tail] = bundleExec(process, own).find(([name]) => name === 'config')!;
  expect(problemsOf(`${head}${USER}${tail}`, PROCESS)).toEqual([]);
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rule } from './rule.ts';
import { CONTAINER_RULES, type ContainerSubject } from './rules/container.ts';
import { HOST_RULES, type HostSubject } from './rules/host.ts';
import { IMAGE_RULES, type ImageSubject } from './rules/image.ts';
import { NETWORK_RULES, type NetworkSubject } from './rules/network.ts';
import { secretIn, secretVariables } from './secrets.ts';
import { allRules, rulesPage } from './table.ts';

type Change = (subject: Record<string, never>) => void;

/** Sets a member of a nested object: `a.b.c`. */
const set = (path: string, value: unknown): Change => {
  const names = path.split('.');
  const last = names.pop()!;
  return (subject) => {
    let at: Record<string, unknown> = subject;
    for (const name of names) at = at[name] as Record<string, unknown>;
    at[last] = value;
  };
};
const host = (name: string, value: unknown) => set(`container.record.hostConfig.${name}`, value);
const config = (name: string, value: unknown) => set(`container.record.config.${name}`, value);
const facts = (name: string, value: unknown) => set(`facts.${name}`, value);
const mounts = (...list: object[]) => set('container.record.mounts', list);
const bind = (Source: string, RW = true, Propagation = 'rprivate') => ({
  Type: 'bind',
  Source,
  Destination: '/x',
  RW,
  Propagation,
});

const GOOD_CONTAINER = {
  container: {
    record: {
      imageName: 'web@sha256:0',
      mounts: [bind('/srv/data', false)],
      config: {
        User: '1000',
        Env: ['PATH=/bin', 'PASSWORD_FILE=/run/secrets/x'],
        Healthcheck: { Test: ['CMD', 'true'] },
      },
      hostConfig: {
        Privileged: false,
        NetworkMode: 'own',
        PidMode: '',
        IpcMode: 'private',
        UTSMode: '',
        UsernsMode: '',
        PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
        Memory: 1,
        PidsLimit: 100,
        NanoCpus: 1,
        CpuQuota: 0,
        CpuShares: 0,
        ReadonlyRootfs: true,
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 5 },
        MaskedPaths: ['/proc/keys'],
        ReadonlyPaths: [],
        OomKillDisable: false,
        OomScoreAdj: 0,
        CgroupParent: '',
        LogConfig: { Type: 'json-file' },
      },
    },
  },
  facts: {
    Processes: [{ Command: 'httpd', Pid: 1 }],
    Users: { Mapped: false },
    Confinement: {
      CapabilitiesBeyond: [],
      Capabilities: [{ Name: 'CAP_CHOWN' }],
      Seccomp: 'builtin',
      AppArmor: 'docker-default',
      NoNewPrivileges: true,
      Devices: [],
    },
  },
  imageHosts: { elsewhere: true, pinned: true },
  remapped: true,
  hasAppArmor: true,
};

const BAD_CONTAINER: Record<string, Change> = {
  BC001: host('Privileged', true),
  BC002: facts('Confinement.CapabilitiesBeyond', ['CAP_SYS_ADMIN']),
  BC003: facts('Confinement.CapabilitiesBeyond', ['CAP_NET_ADMIN']),
  BC004: facts('Confinement.Capabilities', [{ Name: 'CAP_NET_RAW' }]),
  BC005: facts('Confinement.Seccomp', 'unconfined'),
  BC006: facts('Confinement.AppArmor', 'unconfined'),
  BC007: facts('Confinement.NoNewPrivileges', false),
  BC008: host('NetworkMode', 'host'),
  BC009: host('PidMode', 'host'),
  BC010: host('IpcMode', 'host'),
  BC011: host('UTSMode', 'host'),
  BC012: host('UsernsMode', 'host'),
  BC013: mounts(bind('/var/run/docker.sock', false)),
  BC014: mounts(bind('/etc')),
  BC015: mounts(bind('/srv/data')),
  BC016: mounts(bind('/srv/data', false, 'rshared')),
  BC017: config('User', 'root:root'),
  BC018: host('PortBindings', { '80/tcp': [{ HostIp: '', HostPort: '8080' }] }),
  BC019: host('PortBindings', { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '80' }] }),
  BC020: host('Memory', 0),
  BC021: host('PidsLimit', null),
  BC022: host('NanoCpus', 0),
  BC023: host('ReadonlyRootfs', false),
  BC024: host('RestartPolicy', { Name: 'always', MaximumRetryCount: 0 }),
  BC025: config('Healthcheck', { Test: ['NONE'] }),
  BC026: config('Env', ['DB_PASSWORD=hunter22']),
  BC027: facts('Confinement.Devices', ['/dev/sda:/dev/sda:rwm']),
  BC028: host('NetworkMode', 'bridge'),
  BC029: facts('Processes', [{ Command: '/usr/sbin/sshd -D', Pid: 7 }]),
  BC030: host('MaskedPaths', []),
  BC031: set('imageHosts', { elsewhere: true, pinned: false }),
  BC032: host('OomScoreAdj', -1000),
  BC033: host('CgroupParent', '/x'),
  BC034: host('LogConfig', { Type: 'none' }),
};

const steps = (...list: string[]) =>
  set(
    'image.config.history',
    list.map((created_by) => ({ created_by })),
  );
const GOOD_IMAGE = {
  image: {
    repoTags: ['web:1.2'],
    repoDigests: ['web@sha256:0'],
    config: {
      config: {
        User: 'web',
        Env: ['PATH=/bin'],
        Healthcheck: { Test: ['CMD', 'true'] },
        ExposedPorts: { '80/tcp': {} },
      },
      history: [
        { created_by: '/bin/sh -c #(nop) ADD file:1 in /' },
        { created_by: 'RUN apt-get update && apt-get install -y --no-install-recommends x' },
        { created_by: 'COPY a /b' },
      ],
    },
  },
  scan: {
    setuid: [],
    worldWritable: [],
    emptyPasswords: [],
    secrets: [],
    caches: [],
    leftovers: [],
    sharedIds: [],
  },
  elsewhere: true,
};
const BAD_IMAGE: Record<string, Change> = {
  BI001: set('image.config.config.User', ''),
  BI002: steps('ARG', 'RUN echo ghp_012345678901234567890123456789012345'),
  BI003: set('scan.secrets', [{ path: '/k', kind: 'private key', layer: 0 }]),
  BI004: set('scan.setuid', ['/bin/su']),
  BI005: set('scan.worldWritable', ['/opt/x']),
  BI006: set('image.config.config.Healthcheck', undefined),
  BI007: steps('FROM', 'ADD http://x/y /z'),
  BI008: steps('RUN apt-get update'),
  BI009: steps('RUN sudo make install'),
  BI010: set('image.config.config.ExposedPorts', { '22/tcp': {} }),
  BI011: set('image.repoTags', ['web:latest']),
  BI012: set('newerBase', { name: 'debian:12', has: 'sha256:0', newest: 'sha256:1' }),
  BI013: steps('RUN curl -fsSL http://x/y | sh'),
  BI014: steps('RUN apt-get -y dist-upgrade'),
  BI015: set('scan.emptyPasswords', ['root']),
  BI016: set('image.repoDigests', []),
  BI017: steps('RUN apk add --allow-untrusted x.apk'),
  BI018: set('image.config.config.Volumes', { '/usr/': {} }),
  BI019: set('scan.sharedIds', ['/etc/passwd: a, b have 1000']),
  BI020: set('scan.caches', ['/var/cache/apk']),
  BI021: set('scan.leftovers', ['/app/.git']),
  BI022: steps('RUN apt-get update && apt-get install -y x'),
};

const GOOD_HOST = {
  settings: {
    hosts: ['unix:///run/berth.sock', 'tcp://0.0.0.0:2376'],
    tlsVerify: true,
    usernsRemap: 'default',
    icc: false,
    bridge: '',
    ip: '127.0.0.1',
    iptables: true,
    seccompProfile: 'builtin',
    noNewPrivileges: true,
    insecureRegistries: ['127.0.0.1:5000'],
    debug: false,
    logLevel: 'info',
    defaultUlimits: { nofile: {} },
    dataRoot: '/srv/berth',
    group: 'berth',
    logDriver: 'journald',
    cgroupParent: '',
  },
  hasAppArmor: true,
  sockets: [{ path: '/run/berth.sock', mode: 0o660, uid: 0 }],
  files: [
    { path: '/var/lib/berth', mode: 0o700, uid: 0, kind: 'folder' },
    { path: '/c', mode: 0o644, uid: 0, kind: 'certificate' },
  ],
  vulnerabilities: [],
  sysctls: { 'kernel.randomize_va_space': '2', 'net.ipv4.ip_forward': '1' },
  forwardGuarded: true,
  onRootDisk: false,
  members: [],
  unwatched: [],
};
const BAD_HOST: Record<string, Change> = {
  BH001: set('settings.tlsVerify', false),
  BH002: (subject) =>
    Object.assign(subject['settings'] as unknown as object, {
      tlsVerify: false,
      hosts: ['tcp://127.0.0.1:2375'],
    }),
  BH003: set('sockets', [{ path: '/s', mode: 0o666, uid: 0 }]),
  BH004: set('settings.usernsRemap', ''),
  BH005: set('settings.icc', true),
  BH006: set('settings.ip', '0.0.0.0'),
  BH007: set('settings.iptables', false),
  BH008: set('settings.seccompProfile', 'unconfined'),
  BH009: set('settings.noNewPrivileges', false),
  BH010: set('settings.insecureRegistries', ['registry.example']),
  BH011: set('files', [{ path: '/k', mode: 0o644, uid: 0, kind: 'key' }]),
  BH012: set('vulnerabilities', ['meltdown: Vulnerable']),
  BH013: set('hasAppArmor', false),
  BH014: set('sysctls', { 'kernel.randomize_va_space': '0' }),
  BH015: set('sysctls', { 'kernel.unprivileged_bpf_disabled': '0' }),
  BH016: set('forwardGuarded', false),
  BH017: set('settings.debug', true),
  BH018: set('settings.defaultUlimits', {}),
  BH019: set('onRootDisk', true),
  BH020: set('members', ['alice']),
  BH021: set('unwatched', ['/etc/berth']),
  BH022: set('settings.logDriver', 'local'),
  BH023: set('settings.cgroupParent', 'other.slice'),
};

const member = (...Ports: string[]) => ({ Id: '1', Name: 'web', Ports });
const OPTION = 'network.Options';

const GOOD_NETWORK = {
  network: { Options: {} },
  facts: {
    Network: 'own',
    Driver: 'bridge',
    Link: 'br-1',
    Icc: true,
    Table: 'berth',
    Members: [member('127.0.0.1:8080->80/tcp', '::1:8080->80/tcp', ':->81/tcp'), member()],
  },
};

const BAD_NETWORK: Record<string, Change> = {
  BN001: set(OPTION, { 'com.docker.network.bridge.gateway_mode_ipv6': 'nat-unprotected' }),
  BN002: set('facts.Table', undefined),
  BN003: set(OPTION, { 'com.docker.network.bridge.trusted_host_interfaces': 'tun0' }),
  BN004: set('facts.Driver', 'host'),
  BN005: set('facts.Driver', 'macvlan'),
  BN006: set('facts.Network', 'bridge'),
  BN007: set('facts.Members', [member('127.0.0.1:8080->80/tcp', ':::8080->80/tcp')]),
};

function broken<Subject>(rules: readonly Rule<Subject>[], subject: unknown): string[] {
  return rules.filter(({ find }) => find(subject as Subject).length > 0).map(({ id }) => id);
}

const CASES = [
  ['container', CONTAINER_RULES as Rule<ContainerSubject>[], GOOD_CONTAINER, BAD_CONTAINER],
  ['image', IMAGE_RULES as Rule<ImageSubject>[], GOOD_IMAGE, BAD_IMAGE],
  ['network', NETWORK_RULES as Rule<NetworkSubject>[], GOOD_NETWORK, BAD_NETWORK],
  ['host', HOST_RULES as Rule<HostSubject>[], GOOD_HOST, BAD_HOST],
] as const;

test.each(CASES)(
  'rules of a %s: each is silent on the good case and fires on its bad one',
  (_, rules, good, bad) => {
    expect(broken<never>(rules as never, good)).toEqual([]);
    expect(Object.keys(bad).sort()).toEqual((rules as readonly { id: string }[]).map(({ id }) => id).sort());
    for (const [id, change] of Object.entries(bad)) {
      const subject = structuredClone(good) as never;
      change(subject);
      expect({ id, broken: broken<never>(rules as never, subject) }).toEqual({
        id,
        broken: expect.arrayContaining([id]),
      });
    }
  },
);

test('secrets are known by their form, and not shown', () => {
  expect(secretIn('AKIAIOSFODNN7EXAMPLE')).toBe('AWS access key');
  expect(secretIn('-----BEGIN OPENSSH PRIVATE KEY-----')).toBe('private key');
  expect(secretIn('postgres://u:secret1@db/x')).toBe('password in a URL');
  expect(secretIn('https://example.org/path')).toBeUndefined();
  expect(secretVariables(['A=1', 'TOKEN_TTL=3600', 'API_KEY=', 'USE_TOKEN=true', 'SECRET_PATH=/x'])).toEqual(
    [],
  );
  expect(secretVariables(['MY_TOKEN=abcdefgh'])).toEqual(['MY_TOKEN: 8 characters']);
});

test('a hostile text does not hold the search up', () => {
  const began = performance.now();
  secretIn(`eyJ${'a'.repeat(60_000)}.eyJ${'://'.repeat(20_000)}`);
  expect(performance.now() - began).toBeLessThan(200);
});

test('every rule has a page entry, made of the table', () => {
  expect(new Set(allRules().map(({ Id }) => Id)).size).toBe(allRules().length);
  const page = readFileSync(join(import.meta.dirname, '../../docs/audit.md'), 'utf8');
  expect(page).toBe(rulesPage());
});

import { type Change, set } from './change.ts';

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

/** A container that no rule finds fault with. */
export const GOOD_CONTAINER = {
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

/** By each rule's id the change of the good one that the rule has to find. */
export const BAD_CONTAINER: Record<string, Change> = {
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

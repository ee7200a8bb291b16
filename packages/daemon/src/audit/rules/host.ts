import type { Settings } from '../../config/settings.ts';
import { type Rule, when } from '../rule.ts';

/** The host as rules see it: the engine's settings, and what the kernel tells. */
export interface HostSubject {
  settings: Settings;
  hasAppArmor: boolean;
  /** Sockets of the engine: mode and group. */
  sockets: Array<{ path: string; mode: number; uid: number }>;
  /** Files of TLS and of the data root, with modes. */
  files: Array<{
    path: string;
    mode: number;
    uid: number;
    kind: 'key' | 'certificate' | 'folder' | 'configuration';
  }>;
  /** Faults of the processor that nothing is done against. */
  vulnerabilities: string[];
  /** Values of /proc/sys, by name. */
  sysctls: Record<string, string>;
  /** Rules or policies guard the way through the host. */
  forwardGuarded: boolean;
  /** The data root is on the file system of /. */
  onRootDisk: boolean;
  /** Users of the socket's group, beside root. */
  members: string[];
  /** Paths of the engine that no rule of the kernel's audit watches. */
  unwatched: string[];
}

const tcp = ({ settings }: HostSubject) => settings.hosts.filter((host) => host.startsWith('tcp://'));
const octal = (mode: number) => (mode & 0o7777).toString(8);

export const HOST_RULES: Rule<HostSubject>[] = [
  {
    id: 'BH001',
    grade: 'high',
    title: 'The engine answers on the network without certificates',
    also: 'CIS 2.7',
    reason: 'Who reaches the port is root of this machine.',
    incident: 'Open ports 2375 are found within minutes and used for miners (Kinsing, Doki, TeamTNT).',
    mend: '--tlsverify with --tlscacert, --tlscert, --tlskey; or no -H tcp://',
    find: (subject) =>
      subject.settings.tlsVerify
        ? []
        : tcp(subject).filter((host) => !/^tcp:\/\/(?:127\.|localhost|\[::1\])/.test(host)),
  },
  {
    id: 'BH002',
    grade: 'medium',
    title: 'Every user of this machine reaches the engine by TCP',
    also: 'CIS 2.7',
    reason: 'The loopback has no owner; pages in a browser reach it too.',
    incident: 'CVE-2025-9074: the engine’s API on an address that containers reached.',
    mend: '-H unix:// alone, or --tlsverify',
    find: (subject) =>
      subject.settings.tlsVerify
        ? []
        : tcp(subject).filter((host) => /^tcp:\/\/(?:127\.|localhost|\[::1\])/.test(host)),
  },
  {
    id: 'BH003',
    grade: 'high',
    title: 'Others may write to the engine’s socket',
    also: 'CIS 3.15, 3.16',
    reason: 'Who writes to it is root of this machine.',
    incident: 'chmod 666 on the socket, advised in forums, gave root to every user.',
    mend: 'chmod 660 on the socket, and --group with few members',
    find: ({ sockets }) =>
      sockets
        .filter(({ mode, uid }) => (mode & 0o002) !== 0 || uid !== 0)
        .map(({ path, mode, uid }) => `${path}: mode ${octal(mode)}, owner ${uid}`),
  },
  {
    id: 'BH004',
    grade: 'low',
    title: 'Users of containers are users of the host',
    also: 'CIS 2.9',
    reason: 'Root in a container that leads out is root of the host.',
    incident: 'CVE-2019-5736 did nothing to engines with mapped users.',
    mend: '--userns-remap default',
    find: ({ settings }) => when(settings.usernsRemap === '', 'userns-remap is not set'),
  },
  {
    id: 'BH005',
    grade: 'low',
    title: 'Containers of the default network reach each other',
    also: 'CIS 2.2',
    reason: 'All that name no network are there.',
    incident: 'A broken web server reaches the databases of other projects.',
    mend: '--icc=false',
    find: ({ settings }) => when(settings.icc && settings.bridge !== 'none', 'icc is true'),
  },
  {
    id: 'BH006',
    grade: 'low',
    title: 'Ports are published at every address unless said otherwise',
    also: 'CIS 5.14',
    reason: 'A -p without an address is open to the network.',
    incident: 'Databases published for a neighbour were found and ransomed.',
    mend: '--ip 127.0.0.1',
    find: ({ settings }) => when(['0.0.0.0', '::', ''].includes(settings.ip), `ip is ${settings.ip}`),
  },
  {
    id: 'BH007',
    grade: 'high',
    title: 'The engine makes no firewall rules',
    also: 'CIS 2.4',
    reason: 'Networks of containers are not kept apart.',
    incident: 'CVE-2025-54388: published loopback ports were reached when rules were gone.',
    mend: 'leave --iptables=false out',
    find: ({ settings }) => when(!settings.iptables, 'iptables is false'),
  },
  {
    id: 'BH008',
    grade: 'high',
    title: 'System calls of containers are not filtered',
    also: 'CIS 2.17, 5.22',
    reason: 'Without seccomp the whole of the kernel can be attacked.',
    incident: 'CVE-2022-0185: unshare, which the default profile refuses, opened a fault in fsconfig.',
    mend: 'leave --seccomp-profile unconfined out',
    find: ({ settings }) => when(settings.seccompProfile === 'unconfined', 'seccomp-profile is unconfined'),
  },
  {
    id: 'BH009',
    grade: 'low',
    title: 'Programs in containers can gain privileges',
    also: 'CIS 2.14',
    reason: 'A set-user-ID program makes root of a user who broke in.',
    incident: 'CVE-2021-4034 (pkexec).',
    mend: '--no-new-privileges',
    find: ({ settings }) => when(!settings.noNewPrivileges, 'no-new-privileges is not set'),
  },
  {
    id: 'BH010',
    grade: 'medium',
    title: 'Registries without certificates are trusted',
    also: 'CIS 2.5',
    reason: 'Who is between changes the images.',
    incident: 'Images replaced on the way.',
    mend: 'leave --insecure-registry out; give the registry a certificate',
    find: ({ settings }) =>
      settings.insecureRegistries.filter((name) => !/^(?:127\.|localhost|::1)/.test(name)),
  },
  {
    id: 'BH011',
    grade: 'medium',
    title: 'Files of the engine are open to others',
    also: 'CIS 3.1 to 3.24',
    reason: 'Images, volumes and keys are read by users of the machine.',
    incident: 'CVE-2021-41091: folders below the data root were open to all.',
    mend: 'chmod 700 the data root, chmod 600 keys, chmod 644 certificates and configuration',
    find: ({ files }) =>
      files
        .filter(
          ({ mode, uid, kind }) =>
            uid !== 0 ||
            (mode &
              (kind === 'certificate' || kind === 'configuration'
                ? 0o022
                : kind === 'folder'
                  ? 0o066
                  : 0o077)) !==
              0,
        )
        .map(({ path, mode, uid }) => `${path}: mode ${octal(mode)}, owner ${uid}`),
  },
  {
    id: 'BH012',
    grade: 'medium',
    title: 'Nothing is done against faults of the processor',
    reason: 'A container reads memory of others through the processor’s caches.',
    incident: 'Meltdown, Spectre, MDS, Downfall.',
    mend: 'a newer kernel and microcode; leave mitigations=off out',
    find: ({ vulnerabilities }) => vulnerabilities,
  },
  {
    id: 'BH013',
    grade: 'low',
    title: 'AppArmor does not stand behind the other walls',
    also: 'CIS 5.2',
    reason: 'Where a capability or a mask fails, nothing refuses.',
    incident: 'CVE-2023-27561: masked paths that were not masked.',
    mend: 'a kernel with AppArmor (apparmor=1 security=apparmor)',
    find: ({ hasAppArmor }) => when(!hasAppArmor, 'the kernel has no AppArmor'),
  },
  {
    id: 'BH014',
    grade: 'medium',
    title: 'Addresses of programs can be guessed',
    reason: 'Attacks on memory need to know where it is.',
    incident: 'Exploits that randomised addresses would have stopped.',
    mend: 'sysctl kernel.randomize_va_space=2',
    find: ({ sysctls }) =>
      when(
        sysctls['kernel.randomize_va_space'] !== undefined && sysctls['kernel.randomize_va_space'] !== '2',
        `kernel.randomize_va_space is ${sysctls['kernel.randomize_va_space']}`,
      ),
  },
  {
    id: 'BH015',
    grade: 'low',
    title: 'Users without privileges load programs into the kernel',
    reason: 'BPF’s verifier has had many faults.',
    incident: 'CVE-2021-3490, CVE-2022-23222.',
    mend: 'sysctl kernel.unprivileged_bpf_disabled=2',
    find: ({ sysctls }) =>
      when(sysctls['kernel.unprivileged_bpf_disabled'] === '0', 'kernel.unprivileged_bpf_disabled is 0'),
  },
  {
    id: 'BH016',
    grade: 'info',
    title: 'The host passes on packets of others',
    reason:
      'With ip_forward, which containers need, and no rule of the host’s own, it is a router between its networks.',
    incident: 'Networks joined by a machine that was to serve one of them.',
    mend: 'a forward chain whose policy is drop',
    find: ({ sysctls, forwardGuarded }) =>
      when(
        sysctls['net.ipv4.ip_forward'] === '1' && !forwardGuarded,
        'net.ipv4.ip_forward is 1, and no chain of others refuses',
      ),
  },
  {
    id: 'BH017',
    grade: 'info',
    title: 'The engine logs all that it does',
    also: 'CIS 2.3',
    reason: 'A log at level debug has names and paths of everything.',
    incident: 'Secrets in logs.',
    mend: 'leave --debug out',
    find: ({ settings }) =>
      when(settings.debug || settings.logLevel === 'debug', `log level ${settings.logLevel}`),
  },
  {
    id: 'BH018',
    grade: 'info',
    title: 'Open files of containers are not limited',
    also: 'CIS 2.8',
    reason: 'One container takes all file handles of the machine.',
    incident: 'Leaks that stop a whole host.',
    mend: '--default-ulimit nofile=1024:65536',
    find: ({ settings }) => when(settings.defaultUlimits['nofile'] === undefined, 'no default ulimit nofile'),
  },
  {
    id: 'BH019',
    grade: 'info',
    title: 'Images and containers fill the disk of the system',
    also: 'CIS 1.1.1',
    reason: 'A container that writes without end leaves no room for the host’s own logs and logins.',
    incident: 'Hosts that nobody could log in to for a full root file system.',
    mend: 'a file system of its own for the data root (--data-root)',
    find: ({ settings, onRootDisk }) => when(onRootDisk, `${settings.dataRoot} is on the file system of /`),
  },
  {
    id: 'BH020',
    grade: 'medium',
    title: 'Users command the engine by their group',
    also: 'CIS 1.1.2',
    reason: 'Who may write to the socket is root of this host: a container with / mounted is one command.',
    incident: 'Privilege escalations that begin with the group docker.',
    mend: 'remove them from the group (gpasswd -d USER GROUP); give them certificates, or their own engine',
    find: ({ members, settings }) =>
      when(members.length > 0, `group ${settings.group}: ${members.slice(0, 20).join(', ')}`),
  },
  {
    id: 'BH021',
    grade: 'info',
    title: 'Nobody is told who changes the engine',
    also: 'CIS 1.1.3 to 1.1.18',
    reason: 'After a break-in, the kernel’s audit log is what tells what was changed, and by whom.',
    incident: 'Investigations that end at the engine’s socket.',
    mend: 'auditctl -w PATH -k berth for each of them, in /etc/audit/rules.d',
    find: ({ unwatched }) => unwatched,
  },
  {
    id: 'BH022',
    grade: 'info',
    title: 'Logs of containers stay on this machine',
    also: 'CIS 2.13',
    reason: 'An intruder who is root here removes them; a lost disk does, too.',
    incident: 'Break-ins without a trace.',
    mend: '--log-driver syslog, journald, fluentd, gelf, splunk or awslogs',
    find: ({ settings }) =>
      when(['json-file', 'local', 'none'].includes(settings.logDriver), `log driver ${settings.logDriver}`),
  },
  {
    id: 'BH023',
    grade: 'info',
    title: 'Containers are in another cgroup than the engine’s own',
    also: 'CIS 2.10',
    reason: 'They share the limits of whatever else is there, and tools that look for them do not find them.',
    incident: 'Containers that starve a service of the host whose cgroup they were put into.',
    mend: 'leave --cgroup-parent out, or make that cgroup for containers alone',
    find: ({ settings }) => when(settings.cgroupParent !== '', `--cgroup-parent ${settings.cgroupParent}`),
  },
];

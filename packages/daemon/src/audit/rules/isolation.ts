import { type Rule, when } from '../rule.ts';
import { binds, type ContainerSubject, ESCAPE, host, SENSITIVE, SOCKET } from './subject.ts';

/** Rules on the walls between a container, the host and other containers. */
export const ISOLATION: Rule<ContainerSubject>[] = [
  {
    id: 'BC001',
    grade: 'high',
    title: 'It runs with all privileges',
    also: 'CIS 5.5',
    reason:
      'Root in it has every capability and every device: it can load a kernel module or mount the disk of the host.',
    incident:
      'Escape by design: crypto miners start privileged containers on open Docker ports (Kinsing, TeamTNT).',
    mend: 'leave --privileged out; give --cap-add and --device for what it needs',
    find: (subject) => when(host(subject).Privileged, 'HostConfig.Privileged is true'),
  },
  {
    id: 'BC002',
    grade: 'high',
    title: 'It has capabilities that lead out of it',
    also: 'CIS 5.4, trivy KSV-0005',
    reason:
      'With one of these a process mounts, loads code into the kernel, or reads files and memory of others.',
    incident:
      'CVE-2022-0492: release_agent of a cgroup, writable with CAP_SYS_ADMIN, runs a program on the host.',
    mend: 'leave these out of --cap-add',
    find: (subject) =>
      host(subject).Privileged
        ? []
        : subject.facts.Confinement.CapabilitiesBeyond.filter((name) => ESCAPE.has(name)),
  },
  {
    id: 'BC003',
    grade: 'medium',
    title: 'It has capabilities beyond the default',
    also: 'CIS 5.4',
    reason: 'Each is one more way to act on the kernel or the network.',
    incident: 'CVE-2020-14386: a fault in packet sockets gave root to who had CAP_NET_RAW.',
    mend: 'leave these out of --cap-add, or drop all and add the few it needs',
    find: (subject) =>
      host(subject).Privileged
        ? []
        : subject.facts.Confinement.CapabilitiesBeyond.filter((name) => !ESCAPE.has(name)),
  },
  {
    id: 'BC004',
    grade: 'low',
    title: 'It may send forged packets',
    also: 'CIS 5.4',
    reason:
      'CAP_NET_RAW is in the default set for ping alone; with it a container forges ARP and DNS answers for its neighbours.',
    incident: 'CVE-2020-10749 and kin: forged router advertisements turn traffic of other containers.',
    mend: '--cap-drop NET_RAW (ping works without it)',
    find: (subject) =>
      when(
        !host(subject).Privileged &&
          host(subject).NetworkMode !== 'none' &&
          subject.facts.Confinement.Capabilities.some(({ Name }) => Name === 'CAP_NET_RAW'),
        'CAP_NET_RAW in its bounding set',
      ),
  },
  {
    id: 'BC005',
    grade: 'high',
    title: 'System calls are not filtered',
    also: 'CIS 5.22',
    reason: 'Without seccomp the whole of the kernel can be attacked.',
    incident: 'CVE-2022-0185: unshare, which the default profile refuses, opened a fault in fsconfig.',
    mend: 'leave --security-opt seccomp=unconfined out',
    find: (subject) =>
      when(
        !host(subject).Privileged && subject.facts.Confinement.Seccomp === 'unconfined',
        'seccomp is unconfined',
      ),
  },
  {
    id: 'BC006',
    grade: 'medium',
    title: 'AppArmor does not confine it',
    also: 'CIS 5.2',
    reason:
      'The profile refuses mounts and writes below /proc and /sys where a capability would let them through.',
    incident: 'CVE-2019-5021 and kin are worse where nothing stands behind the capabilities.',
    mend: 'leave --security-opt apparmor=unconfined out',
    find: (subject) =>
      when(
        subject.hasAppArmor &&
          !host(subject).Privileged &&
          ['', 'unconfined'].includes(subject.facts.Confinement.AppArmor),
        `profile ${subject.facts.Confinement.AppArmor || 'none'}`,
      ),
  },
  {
    id: 'BC007',
    grade: 'low',
    title: 'Programs in it can gain privileges',
    also: 'CIS 5.26',
    reason: 'A set-user-ID program makes root of a user who broke in.',
    incident: 'CVE-2021-4034 (pkexec): any user became root by one setuid file.',
    mend: '--security-opt no-new-privileges',
    find: (subject) => when(!subject.facts.Confinement.NoNewPrivileges, 'no-new-privileges is not set'),
  },
  {
    id: 'BC008',
    grade: 'medium',
    title: 'It is on the network of the host',
    also: 'CIS 5.10',
    reason: 'It reaches services of the host’s loopback, and listens at every address.',
    incident:
      'CVE-2020-15257: abstract sockets of containerd-shim were open to containers on the host’s network.',
    mend: 'leave --network host out; publish the ports it needs (-p)',
    find: (subject) => when(host(subject).NetworkMode === 'host', 'HostConfig.NetworkMode is host'),
  },
  {
    id: 'BC009',
    grade: 'high',
    title: 'It sees the processes of the host',
    also: 'CIS 5.16, trivy KSV-0010',
    reason: 'It reads their environment and memory maps and can end them.',
    incident: 'With CAP_SYS_PTRACE that is code in any process of the host.',
    mend: 'leave --pid host out',
    find: (subject) => when(host(subject).PidMode === 'host', 'HostConfig.PidMode is host'),
  },
  {
    id: 'BC010',
    grade: 'medium',
    title: 'It shares memory with the host',
    also: 'CIS 5.17, trivy KSV-0008',
    reason: 'It reads and writes shared memory of the host’s programs, such as databases.',
    incident: 'Secrets left in shared memory segments.',
    mend: 'leave --ipc host out',
    find: (subject) => when(host(subject).IpcMode === 'host', 'HostConfig.IpcMode is host'),
  },
  {
    id: 'BC011',
    grade: 'low',
    title: 'It can change the name of the host',
    also: 'CIS 5.21',
    reason: 'The UTS namespace is the host’s.',
    incident: 'Logs and licences that go by the host’s name are misled.',
    mend: 'leave --uts host out',
    find: (subject) => when(host(subject).UTSMode === 'host', 'HostConfig.UTSMode is host'),
  },
  {
    id: 'BC012',
    grade: 'medium',
    title: 'Its users are not mapped although the engine maps users',
    also: 'CIS 5.31',
    reason: 'Root in it is root of the host.',
    incident: 'CVE-2019-5736 (runc overwritten) did nothing to engines with mapped users.',
    mend: 'leave --userns host out',
    find: (subject) =>
      when(subject.remapped && host(subject).UsernsMode === 'host', 'HostConfig.UsernsMode is host'),
  },
  {
    id: 'BC013',
    grade: 'high',
    title: 'It can command the engine',
    also: 'CIS 5.32, trivy KSV-0006',
    reason: 'Who writes to the engine’s socket starts a privileged container: that is root of the host.',
    incident: 'CI runners and dashboards with the socket mounted were the way in to whole build farms.',
    mend: 'leave the mount of the socket out; a proxy that lets few calls through is the next best',
    find: (subject) =>
      binds(subject)
        .filter(({ Source }) => SOCKET.test(Source))
        .map(({ Source }) => `${Source} is mounted`),
  },
  {
    id: 'BC014',
    grade: 'high',
    title: 'It can write to folders of the host’s system',
    also: 'CIS 5.6',
    reason: 'A file there is a program, a cron job or a key of the host.',
    incident: 'Attackers with a Docker port mount / and write to /etc/cron.d or /root/.ssh.',
    mend: 'mount it read-only (:ro), or a folder of its own',
    find: (subject) =>
      binds(subject)
        .filter(({ Source, RW }) => RW && SENSITIVE.test(Source) && !SOCKET.test(Source))
        .map(({ Source, Destination }) => `${Source} at ${Destination}, writable`),
  },
  {
    id: 'BC015',
    grade: 'low',
    title: 'It can write to folders of the host',
    reason: 'What it writes there, others on the host read and perhaps execute.',
    incident: 'A set-user-ID file left in a shared folder runs on the host as its owner.',
    mend: 'mount it read-only (:ro), or use a volume',
    find: (subject) =>
      binds(subject)
        .filter(({ Source, RW }) => RW && !SENSITIVE.test(Source) && !SOCKET.test(Source))
        .map(({ Source, Destination }) => `${Source} at ${Destination}, writable`),
  },
  {
    id: 'BC016',
    grade: 'medium',
    title: 'Mounts that it makes appear on the host',
    also: 'CIS 5.20',
    reason: 'With shared propagation a mount in it is one of the host.',
    incident: 'A file system mounted over a folder of the host hides or replaces what is there.',
    mend: 'leave the propagation `shared` out (rprivate is the default)',
    find: (subject) =>
      subject.container.record.mounts
        .filter(({ Propagation }) => /^r?shared$/.test(Propagation))
        .map(({ Destination, Propagation }) => `${Destination}: ${Propagation}`),
  },
];

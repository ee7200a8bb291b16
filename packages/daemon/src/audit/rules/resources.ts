import { type Rule, when } from '../rule.ts';
import { secretVariables } from '../secrets.ts';
import { type ContainerSubject, config, host, ports } from './subject.ts';

/** Rules on a container's limits, its ports, and the secrets that it holds. */
export const RESOURCES: Rule<ContainerSubject>[] = [
  {
    id: 'BC017',
    grade: 'medium',
    title: 'Its program runs as root',
    also: 'CIS 4.1, trivy DS-0002',
    reason: 'Who breaks in is root at once; the next fault leads out.',
    incident:
      'Most known escapes (CVE-2019-5736, CVE-2022-0492, CVE-2024-21626) ask for root in the container.',
    mend: '--user UID:GID, or USER in the image',
    find: (subject) => {
      const user = config(subject).User.split(':')[0]!;
      return when(
        (user === '' || user === 'root' || user === '0') && !subject.facts.Users.Mapped,
        `user ${user || 'not set'}, not mapped`,
      );
    },
  },
  {
    id: 'BC018',
    grade: 'low',
    title: 'Ports are published at every address',
    also: 'CIS 5.14',
    reason: 'Everyone who reaches the host reaches the port, past the rules of ufw and the like.',
    incident: 'Databases published for a neighbour were found and ransomed (MongoDB, Redis, Elasticsearch).',
    mend: '-p 127.0.0.1:HOST:PORT, or the address that is meant',
    find: (subject) =>
      ports(subject)
        .filter(({ HostIp }) => ['', '0.0.0.0', '::'].includes(HostIp))
        .map(({ port, HostPort }) => `${HostPort || 'a port'} > ${port} at all addresses`),
  },
  {
    id: 'BC019',
    grade: 'info',
    title: 'Ports below 1024 of the host are published',
    also: 'CIS 5.8',
    reason: 'They are those of well-known services.',
    incident: 'A container in the place of the host’s own service.',
    mend: '-p with a port from 1024 on, unless it is that service',
    find: (subject) =>
      ports(subject)
        .filter(({ HostPort }) => Number(HostPort) > 0 && Number(HostPort) < 1024)
        .map(({ port, HostPort }) => `${HostPort} > ${port}`),
  },
  {
    id: 'BC020',
    grade: 'medium',
    title: 'Its memory is not limited',
    also: 'CIS 5.11, trivy KSV-0018',
    reason: 'It can take all of the machine’s memory; the kernel then ends processes of others.',
    incident: 'One leak takes a whole host down.',
    mend: '--memory',
    find: (subject) => when(host(subject).Memory === 0, 'HostConfig.Memory is 0'),
  },
  {
    id: 'BC021',
    grade: 'medium',
    title: 'Its processes are not limited',
    also: 'CIS 5.29',
    reason: 'It can take all process numbers of the machine.',
    incident: 'Fork bombs, by malice or mistake, stop logins and health checks.',
    mend: '--pids-limit',
    find: (subject) => when(!((host(subject).PidsLimit ?? 0) > 0), 'HostConfig.PidsLimit is not set'),
  },
  {
    id: 'BC022',
    grade: 'low',
    title: 'Its processor time is not limited',
    also: 'CIS 5.12, trivy KSV-0011',
    reason: 'It can take all processors from others.',
    incident: 'Miners in a container starve what runs beside it.',
    mend: '--cpus, or --cpu-shares',
    find: (subject) => {
      const { NanoCpus, CpuQuota, CpuShares } = host(subject);
      return when(
        !(NanoCpus > 0 || CpuQuota > 0 || CpuShares > 0),
        'neither NanoCpus, CpuQuota nor CpuShares is set',
      );
    },
  },
  {
    id: 'BC023',
    grade: 'low',
    title: 'It can write to its root',
    also: 'CIS 5.13, trivy KSV-0014',
    reason: 'Who breaks in leaves programs there.',
    incident: 'Web shells are written beside the program that was broken.',
    mend: '--read-only with --tmpfs where it writes',
    find: (subject) => when(!host(subject).ReadonlyRootfs, 'HostConfig.ReadonlyRootfs is false'),
  },
  {
    id: 'BC024',
    grade: 'info',
    title: 'It is restarted without end',
    also: 'CIS 5.15',
    reason: 'A program that crashes under attack gives as many attempts as are wanted.',
    incident: 'Restart loops fill logs and disks.',
    mend: '--restart on-failure:5',
    find: (subject) => {
      const { Name, MaximumRetryCount } = host(subject).RestartPolicy;
      return when(
        Name === 'always' || (Name === 'on-failure' && MaximumRetryCount === 0),
        `restart policy ${Name}`,
      );
    },
  },
  {
    id: 'BC025',
    grade: 'low',
    title: 'Its health is not checked',
    also: 'CIS 5.27, trivy DS-0026',
    reason: 'A program that hangs is not told from one that works.',
    incident: 'Outages that users report first.',
    mend: '--health-cmd, or HEALTHCHECK in the image',
    find: (subject) => {
      const test = config(subject).Healthcheck?.Test ?? [];
      return when(test.length === 0 || test[0] === 'NONE', 'no health check');
    },
  },
  {
    id: 'BC026',
    grade: 'high',
    title: 'Secrets are in its environment',
    also: 'trivy secret scanning, dockle CIS-DI-0010',
    reason: 'The environment is shown by inspect, inherited by every program, and written to crash reports.',
    incident: 'Credentials found in environment dumps of debug pages and CI logs.',
    mend: 'mount it as a file (-v secret:/run/secrets:ro) and name the file',
    find: (subject) => secretVariables(config(subject).Env ?? []),
  },
  {
    id: 'BC027',
    grade: 'medium',
    title: 'It has devices of the host',
    also: 'CIS 5.18',
    reason: 'A disk’s device is all files of the disk; others drive hardware.',
    incident: 'debugfs on /dev/sda reads every file of the host.',
    mend: 'leave --device out, or give it read-only (:r)',
    find: (subject) => subject.facts.Confinement.Devices,
  },
  {
    id: 'BC028',
    grade: 'low',
    title: 'It is on the default network',
    also: 'CIS 5.30',
    reason: 'All containers that name no network are there, and reach each other.',
    incident: 'A broken web server reaches the databases of other projects.',
    mend: '--network with a network of its own',
    find: (subject) => when(['bridge', 'default'].includes(host(subject).NetworkMode), 'network bridge'),
  },
  {
    id: 'BC029',
    grade: 'medium',
    title: 'An SSH server runs in it',
    also: 'CIS 5.7',
    reason: 'It is one more way in, with keys and users of its own.',
    incident: 'Images with default passwords of sshd are taken over by scanners.',
    mend: 'use `berth exec` in its place',
    find: (subject) =>
      subject.facts.Processes.filter(({ Command }) => /(?:^|\/)sshd(?:\s|:|$)/.test(Command)).map(
        ({ Command, Pid }) => `${Command} (process ${Pid})`,
      ),
  },
  {
    id: 'BC030',
    grade: 'high',
    title: 'Nothing of /proc is hidden from it',
    also: 'trivy KSV-0027',
    reason: 'It sees memory and keys of the kernel, and may write to /proc/sys.',
    incident: '/proc/sys/kernel/core_pattern, writable, runs a program on the host.',
    mend: 'leave --security-opt systempaths=unconfined out',
    find: (subject) =>
      when(
        !host(subject).Privileged &&
          (host(subject).MaskedPaths ?? []).length === 0 &&
          (host(subject).ReadonlyPaths ?? []).length === 0,
        'no masked and no read-only paths',
      ),
  },
  {
    id: 'BC031',
    grade: 'low',
    title: 'Its image can change under its name',
    also: 'CIS 4.2, trivy DS-0001',
    reason: 'A tag of a registry is what its owner makes of it today.',
    incident: 'Taken-over accounts push a changed image to a name that many pull.',
    mend: 'name it by digest (NAME@sha256:...)',
    find: (subject) =>
      when(
        subject.imageHosts.elsewhere && !subject.imageHosts.pinned,
        `image ${subject.container.record.imageName}`,
      ),
  },
  {
    id: 'BC032',
    grade: 'medium',
    title: 'The kernel may not end it for memory',
    reason: 'Without a memory limit the kernel ends others in its place.',
    incident: 'The host hangs when it leaks.',
    mend: 'leave --oom-kill-disable out, or give --memory',
    find: (subject) =>
      when(
        (host(subject).OomKillDisable === true && host(subject).Memory === 0) ||
          host(subject).OomScoreAdj <= -900,
        `OomKillDisable ${host(subject).OomKillDisable}, OomScoreAdj ${host(subject).OomScoreAdj}`,
      ),
  },
  {
    id: 'BC033',
    grade: 'low',
    title: 'Its cgroup is not where the engine keeps them',
    also: 'CIS 5.25',
    reason: 'Limits of a parent cgroup that is not the engine’s are somebody else’s.',
    incident: 'Containers that no limit of the host holds.',
    mend: 'leave --cgroup-parent out',
    find: (subject) => when(host(subject).CgroupParent !== '', `cgroup parent ${host(subject).CgroupParent}`),
  },
  {
    id: 'BC034',
    grade: 'info',
    title: 'Its output is not kept',
    also: 'CIS 2.13',
    reason: 'What happened in it cannot be told afterwards.',
    incident: 'Break-ins that nobody can date.',
    mend: 'leave --log-driver none out',
    find: (subject) => when(host(subject).LogConfig.Type === 'none', 'log driver none'),
  },
];

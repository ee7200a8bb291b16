import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { Case } from './causes.ts';
import {
  daemon,
  elf,
  elfWithLoader,
  ended,
  FOREVER,
  HTTPD,
  host,
  make,
  named,
  on,
  published,
  sh,
} from './setup.ts';

/** A port of this host that a program has, which is no container. */
async function takenPort(): Promise<{ port: string; server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  return { port: String((server.address() as { port: number }).port), server };
}

/** A program whose words and exit code are those of a loader. */
const says = (text: string, code: number) => async () =>
  ended(await make(sh(`cat >&2 <<'END'\n${text}\nEND\nexit ${code}`)));

/** Riddles whose reason is not what a shell or an exit code tells. */
export const MORE_CASES: Record<string, Case> = {
  'a shell that tells of a fault of its child': {
    cause: 'exit.fault',
    make: async () => ended(await make(sh('sh -c "kill -ABRT \\$\\$"; exit $?'))),
    evidence: /SIGABRT/,
  },
  'a file that a shell may not execute': {
    cause: 'exit.not-executable',
    make: async () => ended(await make(sh('/etc/passwd'))),
  },
  'a program of another processor, by a shell': {
    cause: 'exit.architecture',
    make: async () =>
      ended(await make(sh('/prog'), {}, { prog: { text: elf(process.arch === 'arm64' ? 62 : 183) } })),
  },
  'a loader that is missing, by a shell': {
    cause: 'exit.loader-missing',
    make: async () => ended(await make(sh('/prog'), {}, { prog: { text: elfWithLoader('/lib/nosuch.so') } })),
  },
  'a loader that is missing': {
    cause: 'exit.loader-missing',
    make: () => make(['/prog'], {}, { prog: { text: elfWithLoader('/lib/nosuch.so') } }),
  },
  'line ends of Windows, by a shell': {
    cause: 'exit.interpreter-missing',
    make: async () => ended(await make(sh('cd /; ./prog'), {}, { prog: { text: '#!/bin/sh\r\necho\r\n' } })),
    evidence: /Windows/,
  },
  'an interpreter that env does not find': {
    cause: 'exit.interpreter-missing',
    make: says("env: can't execute 'python3': No such file or directory", 127),
    evidence: /python3/,
  },
  'an interpreter that is a folder': {
    cause: 'exit.not-executable',
    make: () => make(['/prog'], {}, { prog: { text: '#!/bin\n' } }),
    evidence: /interpreter/,
  },
  'a library that is missing (glibc)': {
    cause: 'exit.library-missing',
    make: says(
      './app: error while loading shared libraries: libfoo.so.1: cannot open shared object file: No such file or directory',
      127,
    ),
    evidence: /libfoo\.so\.1/,
  },
  'a library that is missing (musl)': {
    cause: 'exit.library-missing',
    make: says('Error loading shared library libfoo.so.1: No such file or directory (needed by /app)', 127),
    evidence: /libfoo\.so\.1/,
  },
  'libraries that are too old': {
    cause: 'exit.library-old',
    make: says("./app: /lib/libc.so.6: version `GLIBC_2.38' not found (required by ./app)", 1),
    evidence: /GLIBC_2\.38/,
  },
  'no more processes, and the end': {
    cause: 'exit.pids',
    make: async () =>
      ended(await make(sh('sleep 100 & sleep 100 & sleep 100 & sleep 100'), host({ PidsLimit: 3 }))),
    evidence: /may have 3/,
  },
  'no more open files': {
    cause: 'exit.files',
    make: async () =>
      ended(
        await make(
          sh('exec 3</etc/passwd 4</etc/passwd 5</etc/passwd 6</etc/passwd'),
          host({ Ulimits: [{ Name: 'nofile', Soft: 5, Hard: 5 }] }),
        ),
      ),
    evidence: /which is 5/,
  },
  'a child killed for memory, while it goes on': {
    cause: 'exit.child-oom',
    make: () => make(sh(`tail /dev/zero; ${FOREVER}`), host({ Memory: 8 << 20, MemorySwap: 8 << 20 })),
    evidence: /1 killed/,
  },
  'a supervisor that was killed': {
    cause: 'exit.lost',
    make: async () => {
      const id = await make(sh(FOREVER));
      const { Pid } = (await daemon.call('GET', `/containers/${id}/json`)).json.State;
      process.kill(Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${Pid}/status`, 'utf8'))![1]), 'SIGKILL');
      return ended(id);
    },
  },
  'a port that a program of the host has': {
    cause: 'exit.port-taken',
    make: async () => {
      const { port, server } = await takenPort();
      const id = await make(HTTPD, published(80, { HostPort: port }));
      server.close();
      return id;
    },
  },
  'an operation without its capability': {
    cause: 'exit.not-permitted',
    make: async () => ended(await make(sh('mount -t tmpfs x /mnt'))),
  },
  'a call that seccomp refuses': {
    cause: 'exit.not-permitted',
    make: async () => ended(await make(sh('unshare -U true'))),
  },
  'a port that another program in it has': {
    cause: 'exit.address-in-use',
    make: async () => ended(await make(sh('httpd -p 80; httpd -f -p 80'))),
  },
  'a disk that is full, and the end': {
    cause: 'exit.no-space',
    make: async () =>
      ended(await make(sh('echo x >/t/x || exit 1'), host({ Tmpfs: { '/t': 'nr_inodes=1' } }))),
  },
  'a service that is not there yet': {
    cause: 'exit.peer-refused',
    make: async () => ended(await make(sh('wget -qO- http://127.0.0.1:81/ || exit 1'))),
  },
  'a service that goes into the background': {
    cause: 'exit.done',
    make: async () => ended(await make(['httpd', '-p', '80'])),
  },
  'a device that is not there': {
    cause: 'exit.device',
    make: () =>
      make(
        sh('true'),
        host({
          Devices: [{ PathOnHost: '/dev/nosuch', PathInContainer: '/dev/x', CgroupPermissions: 'rwm' }],
        }),
      ),
  },
  'a setting that the kernel does not have': {
    cause: 'exit.sysctl',
    make: () => make(sh('true'), host({ Sysctls: { 'net.ipv4.nosuch': '1' } })),
    evidence: /net\.ipv4\.nosuch/,
  },
  'a quota of the disk': {
    cause: 'write.quota',
    make: () => make(sh(`echo "dd: error writing '/data/x': Disk quota exceeded"; ${FOREVER}`)),
    evidence: /error writing/,
  },
  'a loop of restarts': {
    cause: 'exit.code',
    make: () => make(sh('exit 3'), host({ RestartPolicy: { Name: 'always' } })),
    evidence: /[2-9] by its policy always since 20[^;]+; the last wait is 0\.[2-9]/,
  },
  'restarts that are used up': {
    cause: 'exit.code',
    make: () => make(sh('exit 3'), host({ RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } })),
    evidence: /2 of at most 2 by its policy on-failure since 20/,
  },
  'a run after one that failed': {
    cause: 'exit.restarted',
    make: () =>
      make(
        sh(`[ -e /once ] || { touch /once; exit 3; }; ${FOREVER}`),
        host({ RestartPolicy: { Name: 'always' } }),
      ),
    evidence: /1 by its policy always since 20.*exit code 3/,
  },
  'listening by IPv6 alone': {
    cause: 'reach.ipv6-only',
    make: () => {
      const { ExposedPorts, HostConfig } = published(80);
      return make(HTTPD, {
        ExposedPorts,
        HostConfig: { ...HostConfig, Sysctls: { 'net.ipv6.bindv6only': '1' } },
      });
    },
  },
  'a port published for another protocol': {
    cause: 'reach.other-protocol',
    make: () =>
      make(HTTPD, {
        ExposedPorts: { '80/udp': {} },
        HostConfig: { PortBindings: { '80/udp': [{ HostPort: '' }] } },
      }),
  },
  'a name that its log complains of, after its end': {
    cause: 'resolve.network-not-shared',
    make: async () => {
      const name = await named('elsewhere', on('two'));
      return ended(await make(sh(`echo "Error: getaddrinfo ENOTFOUND ${name}"; exit 1`), on('one')));
    },
    evidence: /elsewhere/,
  },
};

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from './causes.ts';
import { daemon, ended, folder, HTTPD, host, make, memory, named, sh, withFile } from './setup.ts';

/** A container that ends with the words and the exit code of a program. */
const gaveUp =
  (words: string, code = 1) =>
  async () =>
    ended(await make(sh(`cat >&2 <<'END'\n${words}\nEND\nexit ${code}`)));

/** Ends of every day: what users ask about most. */
export const COMMON_ENDS: Record<string, Case> = {
  'a script that is not there': {
    cause: 'exit.file-missing',
    make: async () => ended(await make(['sh', '/app/x.sh'])),
    evidence: /\/app\/x\.sh/,
  },
  'a script that a mount hides': {
    cause: 'exit.file-missing',
    make: async () =>
      ended(await make(['sh', '/etc/init.d/x'], host({ Binds: [`${folder('hides')}:/etc/init.d`] }))),
    evidence: /hides what the image has/,
  },
  'a program that a mount hides': {
    cause: 'exit.entrypoint-missing',
    make: () => make(['/bin/busybox', 'true'], host({ Binds: [`${folder('hides-bin')}:/bin`] })),
    evidence: /mounted at \/bin/,
  },
  'a package of its language': {
    cause: 'exit.module-missing',
    make: gaveUp("ModuleNotFoundError: No module named 'flask'"),
    evidence: /flask/,
  },
  'a heap that is used up': {
    cause: 'exit.memory',
    make: gaveUp('java.lang.OutOfMemoryError: Java heap space'),
  },
  'a setting of the host': {
    cause: 'exit.host-setting',
    make: gaveUp(
      'max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]',
      78,
    ),
    evidence: /sysctl -w/,
  },
  'a certificate of another time': {
    cause: 'exit.certificate-time',
    make: gaveUp('x509: certificate has expired or is not yet valid'),
    evidence: /which says 20/,
  },
  'nobody who vouches for a server': {
    cause: 'exit.certificate',
    make: gaveUp('x509: certificate signed by unknown authority'),
  },
  'a variable that is not set': {
    cause: 'exit.variable-missing',
    make: async () => ended(await make(sh(': ${DB_URL:?must be set}'))),
    evidence: /DB_URL/,
  },
  'a name that is not found, and the end': {
    cause: 'exit.name-unknown',
    make: gaveUp('getaddrinfo ENOTFOUND db.example'),
    evidence: /db\.example/,
  },
  'a program in memory that is not for programs': {
    cause: 'exit.noexec',
    make: async () => ended(await make(sh('cp /bin/busybox /t/x; /t/x true'), host({ Tmpfs: { '/t': '' } }))),
    evidence: /noexec/,
  },
  'a program on a disk that is not for programs': {
    cause: 'exit.noexec',
    make: () => {
      const path = memory('noexec', 'noexec');
      writeFileSync(join(path, 'x'), '#!/bin/sh\n', { mode: 0o755 });
      return make(['/t/x'], host({ Binds: [`${path}:/t`] }));
    },
  },
  'processes of a user': {
    cause: 'exit.pids',
    make: async () =>
      ended(
        await make(sh('sleep 50 & sleep 50 & sleep 50 & sleep 50'), {
          User: '12345',
          ...host({ Ulimits: [{ Name: 'nproc', Soft: 2, Hard: 2 }] }),
        }),
      ),
    evidence: /--ulimit nproc/,
  },
  'a file that is too large': {
    cause: 'exit.ulimit',
    make: async () =>
      ended(
        await make(
          ['dd', 'if=/dev/zero', 'of=/x', 'bs=1k', 'count=9'],
          host({ Ulimits: [{ Name: 'fsize', Soft: 1024, Hard: 1024 }] }),
        ),
      ),
    evidence: /fsize/,
  },
  'seconds that are used up': {
    cause: 'exit.ulimit',
    make: async () =>
      ended(await make(sh('while :; do :; done'), host({ Ulimits: [{ Name: 'cpu', Soft: 1, Hard: 1 }] }))),
    evidence: /--ulimit cpu/,
  },
  'a low port': {
    cause: 'exit.port-privileged',
    make: async () =>
      ended(
        await make(HTTPD, {
          User: '1000',
          ...host({ Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '1024' } }),
        }),
      ),
    evidence: /below 1024/,
  },
  'a file of a device alone': {
    cause: 'exit.device-denied',
    make: async () => ended(await make(['cat', '/dev/kmsg'], host({ Binds: ['/dev/kmsg:/dev/kmsg'] }))),
    evidence: /--device/,
  },
  'a mount that is replaced': {
    cause: 'exit.mount-busy',
    make: async () =>
      ended(
        await make(['sed', '-i', 's/a/b/', '/conf'], host({ Binds: [`${withFile('busy')}/conf:/conf`] })),
      ),
  },
  'a stop that came too late': {
    cause: 'exit.stopped',
    make: async () => {
      const id = await make(['sleep', '1000']);
      await daemon.call('POST', `/containers/${id}/stop?t=1`);
      return id;
    },
    evidence: /in time/,
  },
  'the network of a container that does not run': {
    cause: 'exit.network-owner',
    make: async () => {
      const owner = await named('gone-owner', {});
      await daemon.call('POST', `/containers/${owner}/stop?t=0`);
      return make(HTTPD, host({ NetworkMode: `container:${owner}` }));
    },
  },
  'one that was never started': {
    cause: 'exit.never-started',
    make: async () => (await daemon.call('POST', '/containers/create', { Image: 'bb' })).json.Id,
    query: '?question=exit',
  },
};

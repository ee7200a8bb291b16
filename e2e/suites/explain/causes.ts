import { spawnSync } from 'node:child_process';
import {
  daemon,
  elf,
  ended,
  FOREVER,
  full,
  HTTPD,
  host,
  make,
  named,
  on,
  published,
  sh,
  silent,
  silentServer,
  table,
} from './setup.ts';

/** A fault, and the cause that has to be told. */
export interface Case {
  cause: string;
  make: () => Promise<string>;
  /** Waits until the fault shows. */
  query?: string | (() => Promise<string>);
  evidence?: RegExp;
}

export const CASES: Record<string, Case> = {
  'killed for memory': {
    cause: 'exit.oom',
    make: async () =>
      ended(await make(['tail', '/dev/zero'], host({ Memory: 8 << 20, MemorySwap: 8 << 20 }))),
    evidence: /8 MiB/,
  },
  'a program that is in no folder': { cause: 'exit.entrypoint-missing', make: () => make(['nosuch']) },
  'a program that is not in the image': {
    cause: 'exit.entrypoint-missing',
    make: () => make(['/opt/nosuch']),
  },
  'a program of another processor': {
    cause: 'exit.architecture',
    make: () => make(['/prog'], {}, { prog: { text: elf(process.arch === 'arm64' ? 62 : 183) } }),
  },
  'a script without an interpreter': {
    cause: 'exit.no-interpreter',
    make: () => make(['/prog'], {}, { prog: { text: 'echo hello\n' } }),
  },
  'an interpreter that is missing': {
    cause: 'exit.interpreter-missing',
    make: () => make(['/prog'], {}, { prog: { text: '#!/bin/nosuch\n' } }),
  },
  'line ends of Windows': {
    cause: 'exit.interpreter-missing',
    make: () => make(['/prog'], {}, { prog: { text: '#!/bin/sh\r\necho\r\n' } }),
  },
  'a program that is not executable': {
    cause: 'exit.not-executable',
    make: () => make(['/prog'], {}, { prog: { text: '#!/bin/sh\n', mode: 0o644 } }),
  },
  'an exit code': {
    cause: 'exit.code',
    make: async () => ended(await make(sh('echo the reason; exit 3'))),
    evidence: /the reason/,
  },
  'a command that was not found': {
    cause: 'exit.command-missing',
    make: async () => ended(await make(sh('nosuch'))),
  },
  'work that is done': { cause: 'exit.done', make: async () => ended(await make(sh('true'))) },
  'a shell without input': { cause: 'exit.no-input', make: async () => ended(await make(['sh'])) },
  'a stop by request': {
    cause: 'exit.stopped',
    make: async () => {
      const id = await make(sh(FOREVER));
      await daemon.call('POST', `/containers/${id}/stop?t=0`);
      return id;
    },
    evidence: /signal/,
  },
  'a signal from the host': {
    cause: 'exit.signal',
    make: async () => {
      const id = await make(sh(FOREVER));
      process.kill((await daemon.call('GET', `/containers/${id}/json`)).json.State.Pid, 'SIGKILL');
      return ended(id);
    },
  },
  'a fault of the program': {
    cause: 'exit.fault',
    make: async () => ended(await make(sh('kill -SEGV $$'), host({ Init: true }))),
  },
  'a health check that ends it': {
    cause: 'exit.unhealthy',
    make: async () =>
      ended(
        await make(sh('trap "exit 143" TERM; while :; do sleep 0.1; done'), {
          Healthcheck: { Test: ['CMD-SHELL', 'kill 1; exit 1'], Interval: 1e8, Retries: 1 },
        }),
      ),
  },
  'a port that is taken': {
    cause: 'exit.port-taken',
    make: async () => {
      const first = await make(HTTPD, published(80));
      const { json } = await daemon.call('GET', `/containers/${first}/json`);
      return make(HTTPD, published(80, { HostPort: json.NetworkSettings.Ports['80/tcp'][0].HostPort }));
    },
  },
  'a user whom the image does not have': {
    cause: 'exit.user-missing',
    make: () => make(HTTPD, { User: 'nosuch' }),
  },
  'nothing listens at a published port': {
    cause: 'reach.not-listening',
    make: () => make(['httpd', '-f', '-p', '8000'], published(80)),
    evidence: /8000/,
  },
  'listening at the loopback': {
    cause: 'reach.loopback',
    make: () => make(['httpd', '-f', '-p', '127.0.0.1:80'], published(80)),
  },
  'a port that is not published': {
    cause: 'reach.not-published',
    make: () => make(HTTPD),
    query: '?question=reach',
  },
  'published on the loopback': {
    cause: 'reach.published-on-loopback',
    make: () => make(HTTPD, published(80, { HostIp: '127.0.0.1' })),
    query: '?question=reach',
  },
  'published on another address': {
    cause: 'reach.published-elsewhere',
    make: async () => {
      const { json } = await daemon.call('GET', '/networks/bridge');
      return make(HTTPD, published(80, { HostIp: json.IPAM.Config[0].Gateway }));
    },
    query: '?question=reach',
  },
  'a firewall rule of another program': {
    cause: 'reach.firewall',
    make: async () => {
      spawnSync('nft', ['-f', '-'], {
        input: `table inet ${table} {\n chain f {\n type filter hook forward priority 0\n tcp dport 7777 counter drop\n }\n}\n`,
      });
      return make(['httpd', '-f', '-p', '7777'], published(7777));
    },
    evidence: /7777/,
  },
  'a network that is not shared': {
    cause: 'reach.network-not-shared',
    make: () => make(HTTPD, on('one')),
    query: async () => `?from=${await make(sh(FOREVER), on('two'))}`,
  },
  'a port of an internal network': {
    cause: 'reach.internal',
    make: () => {
      const { ExposedPorts, HostConfig } = published(80);
      return make(HTTPD, { ExposedPorts, HostConfig: { ...HostConfig, NetworkMode: 'inner' } });
    },
  },
  'a paused container': {
    cause: 'reach.paused',
    make: async () => {
      const id = await make(HTTPD, published(80));
      await daemon.call('POST', `/containers/${id}/pause`);
      return id;
    },
  },
  'a read-only root': {
    cause: 'write.root-read-only',
    make: () => make(sh(`echo x >/x; ${FOREVER}`), host({ ReadonlyRootfs: true })),
  },
  'a read-only mount': {
    cause: 'write.mount-read-only',
    make: () => make(sh(`echo x >/data/x; ${FOREVER}`), host({ Binds: ['ro:/data:ro'] })),
  },
  'a user who does not own the volume': {
    cause: 'write.user',
    make: () => make(sh(FOREVER), { User: '1000', ...host({ Binds: ['roots:/data'] }) }),
  },
  'a user who does not own the folder': {
    cause: 'write.user',
    make: () => make(sh(FOREVER), { User: '1000' }),
    query: '?path=/etc/new',
  },
  'a full tmpfs': {
    cause: 'write.tmpfs-full',
    make: () => make(sh(`dd if=/dev/zero of=/t/x; ${FOREVER}`), host({ Tmpfs: { '/t': 'size=64k' } })),
  },
  'a full disk': {
    cause: 'write.disk-full',
    make: () => make(sh(FOREVER), host({ Binds: [`${full}:/data`] })),
  },
  throttled: {
    cause: 'slow.throttled',
    make: () => make(sh('while :; do :; done'), host({ NanoCpus: 5e7 })),
  },
  'short of memory': {
    cause: 'slow.memory',
    make: () =>
      make(
        sh('dd if=/dev/zero of=/f bs=1M count=40; while :; do cat /f >/dev/null; done'),
        host({ Memory: 12 << 20 }),
      ),
  },
  'no more processes': {
    cause: 'slow.pids',
    make: () => make(sh('sleep 1000 & sleep 1000 & wait'), host({ PidsLimit: 3 })),
  },
  'a name on the default bridge': {
    cause: 'resolve.default-bridge',
    make: () => make(sh(FOREVER)),
    query: async () => `?name=${await named('plain', {})}`,
  },
  'the name of a stopped container': {
    cause: 'resolve.not-running',
    make: () => make(sh(FOREVER), on('one')),
    query: async () => {
      const name = await named('halted', on('one'));
      await daemon.call('POST', `/containers/${name}/stop?t=0`);
      return `?name=${name}`;
    },
  },
  'a name on another network': {
    cause: 'resolve.network-not-shared',
    make: () => make(sh(FOREVER), on('one')),
    query: async () => `?name=${await named('apart', on('two'))}`,
  },
  'no name server': {
    cause: 'resolve.no-server',
    make: () => make(sh(`: >/etc/resolv.conf; ${FOREVER}`)),
  },
  'a name server that is the container itself': {
    cause: 'resolve.loopback-server',
    make: () => make(sh(`echo nameserver 127.0.0.1 >/etc/resolv.conf; ${FOREVER}`)),
  },
  'a name server that does not answer': {
    cause: 'resolve.server-silent',
    make: async () => {
      const { address, close } = await silentServer();
      silent.push(close);
      return make(sh(`echo "bad address 'db.example'"; ${FOREVER}`), host({ Dns: [address] }));
    },
  },
  'a name of the world on an internal network': {
    cause: 'resolve.internal',
    make: () => make(sh(FOREVER), on('inner')),
    query: '?name=example.com',
  },
};

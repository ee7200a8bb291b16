import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, TestDaemon, until } from '../../support/daemon.ts';
import { tarOfEntries } from '../../support/tar.ts';

let daemon: TestDaemon;
let full: string;
const table = `why-${process.pid}`;

type Options = Record<string, unknown>;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  full = join(daemon.folder, 'full');
  mkdirSync(full);
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', full]);
  spawnSync('dd', ['if=/dev/zero', `of=${full}/x`, 'bs=1k', 'count=100']);
  for (const [Name, Internal] of [
    ['one', false],
    ['two', false],
    ['inner', true],
  ] as const)
    await daemon.call('POST', '/networks/create', { Name, Internal });
}, 60_000);

afterAll(async () => {
  for (const close of silent) close();
  spawnSync('nft', ['delete', 'table', 'inet', table]);
  spawnSync('umount', ['-l', full]);
  await daemon.dispose();
}, 60_000);

/** A container that may fail to start; its files are put into its root before. */
async function make(
  command: string[],
  options: Options = {},
  files: Record<string, { text: string | Buffer; mode?: number }> = {},
): Promise<string> {
  const { json, text } = await daemon.call('POST', '/containers/create', {
    Image: 'bb',
    Cmd: command,
    ...options,
  });
  if (!json?.Id) throw new Error(text);
  for (const [name, { text: content, mode = 0o755 }] of Object.entries(files))
    await daemon.call(
      'PUT',
      `/containers/${json.Id}/archive?path=/`,
      tarOfEntries([{ name, body: Buffer.from(content), mode }]),
    );
  await daemon.call('POST', `/containers/${json.Id}/start`);
  return json.Id;
}

async function ended(id: string): Promise<string> {
  await daemon.call('POST', `/containers/${id}/wait`);
  return id;
}

const why = async (id: string, query = '') =>
  (await daemon.call('GET', `/berth/explain/containers/${id}/why${query}`)).json as {
    Answers: Array<{
      Cause: string;
      Sure: boolean;
      Text: string;
      Evidence: Array<{ Source: string; Found: string }>;
    }>;
    Looked: Array<{ Question: string; Sources: string[] }>;
  };

const elf = (machine: number) => {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0x7f454c46, 0);
  head.set([2, 1, 1], 4);
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(machine, 18);
  return head;
};
const sh = (text: string) => ['sh', '-c', text];
const published = (port: number, host: Options = {}) => ({
  ExposedPorts: { [`${port}/tcp`]: {} },
  HostConfig: { PortBindings: { [`${port}/tcp`]: [{ HostPort: '', ...host }] } },
});
const silent: Array<() => void> = [];

/** A name server of this machine that hears and never answers; gateways answer for addresses that nobody has. */
async function silentServer(): Promise<{ address: string; close: () => void }> {
  const { json } = await daemon.call('GET', '/networks/one');
  const address: string = json.IPAM.Config[0].Gateway;
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(53, address, resolve));
  return { address, close: () => socket.close() };
}

const on = (network: string) => ({ HostConfig: { NetworkMode: network } });
const host = (HostConfig: Options) => ({ HostConfig });
const FOREVER = 'while :; do sleep 100; done';
const HTTPD = ['httpd', '-f', '-p', '80'];

interface Case {
  cause: string;
  make: () => Promise<string>;
  /** Waits until the fault shows. */
  query?: string | (() => Promise<string>);
  evidence?: RegExp;
}

const CASES: Record<string, Case> = {
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

async function named(name: string, options: Options): Promise<string> {
  await daemon.box(sh(FOREVER), options, name);
  return name;
}

/** Healthy containers of many kinds. */
const HEALTHY: Options[] = [
  {},
  { Tty: true },
  { User: '1000' },
  { WorkingDir: '/tmp' },
  { Hostname: 'web' },
  { Env: ['A=1'] },
  { Labels: { a: 'b' } },
  { StopSignal: 'SIGINT' },
  { Healthcheck: { Test: ['CMD', 'true'], Interval: 1e9 } },
  ...[
    { Memory: 64 << 20 },
    { NanoCpus: 1e9 },
    { PidsLimit: 100 },
    { CpuShares: 512 },
    { Init: true },
    { ReadonlyRootfs: true, Tmpfs: { '/tmp': '' } },
    { Tmpfs: { '/t': 'size=1m' } },
    { Binds: ['healthy:/data'] },
    { Binds: ['healthy:/data:ro'] },
    { CapDrop: ['ALL'] },
    { CapAdd: ['NET_ADMIN'] },
    { Privileged: true },
    { SecurityOpt: ['no-new-privileges'] },
    { ShmSize: 1 << 20 },
    { Ulimits: [{ Name: 'nofile', Soft: 64, Hard: 64 }] },
    { NetworkMode: 'none' },
    { NetworkMode: 'host' },
    { NetworkMode: 'one' },
    { NetworkMode: 'inner' },
    { IpcMode: 'host' },
    { Dns: ['203.0.113.1'] },
  ].map(host),
];

test('each cause is answered, and only with it', async () => {
  const wrong: string[] = [];
  const check = async ([name, { cause, make: prepare, query = '', evidence }]: [string, Case]) => {
    try {
      const id = await prepare();
      const asked = typeof query === 'string' ? query : await query();
      let answers: Awaited<ReturnType<typeof why>>['Answers'] = [];
      // Some faults show a moment after the start.
      for (let attempt = 0; attempt < 40; attempt++) {
        answers = (await why(id, asked)).Answers;
        const found = answers.find(({ Cause }) => Cause === cause);
        if (found && (!evidence || evidence.test(JSON.stringify(found)))) break;
        await sleep(100);
      }
      const answer = answers.find(({ Cause }) => Cause === cause);
      const others = answers.filter(
        ({ Cause, Sure }) =>
          Sure &&
          Cause.split('.')[0] === cause.split('.')[0] &&
          ![cause, 'slow.cpu-contended'].includes(Cause),
      );
      if (!answer?.Sure || others.length > 0 || answer.Evidence.length === 0)
        wrong.push(`${name}: ${JSON.stringify(answers)}`);
      else if (evidence && !evidence.test(JSON.stringify(answer)))
        wrong.push(`${name}: no ${evidence} in ${JSON.stringify(answer)}`);
    } catch (error) {
      wrong.push(`${name}: ${(error as Error).message}`);
    }
  };
  const waiting = Object.entries(CASES);
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await check(next);
    }),
  );
  expect(Object.keys(CASES).length).toBeGreaterThanOrEqual(30);
  expect(wrong).toEqual([]);
}, 120_000);

test('healthy containers are not complained of', async () => {
  const { json } = await daemon.call('GET', '/containers/json?all=1');
  for (const { Id } of json) await daemon.call('DELETE', `/containers/${Id}?force=1`);
  expect(HEALTHY.length).toBeGreaterThanOrEqual(30);
  const ids = await Promise.all(HEALTHY.map((options) => make(sh(FOREVER), options)));
  const wrong: string[] = [];
  await Promise.all(
    ids.map(async (id, index) => {
      const { Answers, Looked } = await why(id);
      const sure = Answers.filter(({ Sure, Cause }) => Sure && Cause !== 'slow.cpu-contended');
      if (sure.length > 0 || Looked.length !== 5)
        wrong.push(`${JSON.stringify(HEALTHY[index])}: ${JSON.stringify(sure)}`);
    }),
  );
  expect(wrong).toEqual([]);
}, 120_000);

test('files of the host that mapped users do not own', async () => {
  const mapped = await TestDaemon.start(['--userns-remap', 'default']);
  try {
    const folder = join(mapped.folder, 'theirs');
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    const id = await mapped.box(sh(FOREVER), host({ Binds: [`${folder}:/data`] }));
    const { json } = await mapped.call('GET', `/berth/explain/containers/${id}/why?question=write`);
    expect(json.Answers).toMatchObject([{ Cause: 'write.mapped-owner', Sure: true }]);
    const { json: all } = await mapped.call('GET', `/berth/explain/containers/${id}`);
    expect(all.Users).toMatchObject({ Mapped: true, Uid: 0 });
    expect(all.Users.HostUid).toBeGreaterThan(0);
    expect(all.Processes[0]).toMatchObject({ Inside: 1, InsideUid: 0, Uid: all.Users.HostUid });
    rmSync(folder, { recursive: true });
  } finally {
    await mapped.dispose();
  }
}, 60_000);

test('a question that is not known', async () => {
  const id = await make(sh(FOREVER));
  const answer = await daemon.call('GET', `/berth/explain/containers/${id}/why?question=life`);
  expect(answer.status).toBe(400);
  expect(answer.json.message).toContain('"life"');
  expect((await daemon.call('GET', '/berth/explain/containers/nosuch/why')).status).toBe(404);
  await until(
    'its end',
    async () => (await daemon.call('DELETE', `/containers/${id}?force=1`)).status === 204,
  );
});

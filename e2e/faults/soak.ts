// Much use of one daemon, after which all it holds is as before; `npm run soak -- --help` says how.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { sleep, TestDaemon, until } from '../support/daemon.ts';
import { leaks } from '../support/leaks.ts';
import { type Census, census, grown } from './census.ts';
import { call, type Follower, follow } from './connection.ts';
import { Probe, percentile } from './latency.ts';
import { options } from './options.ts';
import { removeCgroupParent } from './run.ts';

/** The daemon's memory after all that, in bytes. */
const MEMORY_LIMIT = 140e6;
/** The 99th percentile of a ping on a machine that does nothing else, in milliseconds. */
const PING_LIMIT = 25;

const values = options(
  `npm run soak [-- [--scale N]]

10,000 cycles of a container, 10,000 execs, 10,000 attaches that are broken off, 2,000 followers of a log, 1,000 idle
connections and slow readers on one daemon, with a ping beside them. Afterwards descriptors, threads, cgroups and files are
as before, and the daemon has at most ${MEMORY_LIMIT / 1e6} MB.

  --scale  how much of it: 0.1 is a tenth
  --help   prints this`,
  { scale: { type: 'string', default: '1' } },
);
const scale = Number(values.scale);
const parent = `berth-soak-${randomBytes(4).toString('hex')}`;
const daemon = await TestDaemon.start(['--cgroup-parent', parent]);
const broken: string[] = [];

/** Does something `count` times (at full scale), `width` at once. */
async function times(count: number, width: number, act: (index: number) => Promise<void>): Promise<void> {
  const total = Math.ceil(count * scale);
  let next = 0;
  const worker = async () => {
    while (next < total) await act(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

async function ask(method: string, path: string, body?: object, wanted = [200, 201, 204]) {
  const reply = await call(daemon.socket, { method, path, body }, 60_000);
  if (!wanted.includes(reply.status)) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
  return reply;
}

async function cycle(): Promise<void> {
  const { json } = await ask('POST', '/containers/create', {
    Image: 'bb',
    Cmd: ['true'],
    HostConfig: { NetworkMode: 'none' },
  });
  const waits = ask('POST', `/containers/${json.Id}/wait?condition=next-exit`);
  await ask('POST', `/containers/${json.Id}/start`);
  await waits;
  await ask('DELETE', `/containers/${json.Id}`);
}

async function exec(id: string): Promise<void> {
  const { json } = await ask('POST', `/containers/${id}/exec`, { Cmd: ['true'], AttachStdout: true });
  const path = `/exec/${json.Id}/start`;
  const run = await follow(daemon.socket, { method: 'POST', path, body: {} }, { hijack: true });
  await run.over;
}

async function abortedAttach(id: string): Promise<void> {
  const path = `/containers/${id}/attach?stream=1&stdout=1&stdin=1`;
  (await follow(daemon.socket, { method: 'POST', path }, { hijack: true })).close();
}

/** Many that follow one container's output to its end. */
async function followers(): Promise<void> {
  const id = await daemon.box(
    ['sh', '-c', 'i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo $i; sleep 0.05; done'],
    {
      HostConfig: { NetworkMode: 'none' },
    },
  );
  const all: Follower[] = [];
  await times(2000, 20, async () => {
    const path = `/containers/${id}/logs?stdout=1&follow=1`;
    all.push(await follow(daemon.socket, { method: 'GET', path }));
  });
  await Promise.all(all.map(({ over }) => over));
  const wanted = Array.from({ length: 100 }, (_, index) => `${index + 1}\n`).join('');
  const wrong = all.filter(({ text }) => text !== wanted).length;
  if (wrong > 0) broken.push(`${wrong} of ${all.length} followers did not get the whole output once`);
  await ask('DELETE', `/containers/${id}?force=1`);
}

/** Connections that say nothing, or half a request. */
async function idle(): Promise<void> {
  const sockets: Socket[] = [];
  await times(1000, 20, async (index) => {
    const socket = connect(daemon.socket);
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    if (index % 2) socket.write('GET /_ping HTTP/1.1\r\nHost: x\r\n');
    sockets.push(socket);
  });
  await sleep(500);
  for (const socket of sockets) socket.destroy();
}

/** Followers of a flood that read nothing for a while and then go. */
async function slowReaders(): Promise<void> {
  const id = await daemon.box(
    ['sh', '-c', 'while :; do echo 0123456789012345678901234567890123456789; done'],
    {
      HostConfig: {
        NetworkMode: 'none',
        NanoCpus: 200_000_000,
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '2' } },
      },
    },
  );
  const all: Follower[] = [];
  await times(100, 10, async (index) => {
    const [method, path] =
      index % 2
        ? ['GET', `/containers/${id}/logs?stdout=1&follow=1`]
        : ['POST', `/containers/${id}/attach?stdout=1&stream=1`];
    const follower = await follow(daemon.socket, { method, path }, { hijack: method === 'POST' });
    follower.pause();
    all.push(follower);
  });
  await sleep(2000);
  for (const follower of all) follower.close();
  await ask('DELETE', `/containers/${id}?force=1`);
}

const target = await daemon.box(['sleep', '100000'], { HostConfig: { NetworkMode: 'none' } });
const load: Record<string, () => Promise<void>> = {
  '10,000 cycles': () => times(10_000, 4, cycle),
  '10,000 execs': () => times(10_000, 4, () => exec(target)),
  '10,000 aborted attaches': () => times(10_000, 4, () => abortedAttach(target)),
  '2,000 log followers': followers,
  '1,000 idle connections': idle,
  'slow readers': slowReaders,
};

// A little of it first, so that what is made once, or made ahead, is there.
for (let index = 0; index < 40; index++) await cycle();
await exec(target);
await abortedAttach(target);
await sleep(500);
const before: Census = census(daemon, parent);
process.stdout.write(`before: ${JSON.stringify(before)}\n`);
const probe = new Probe({ socketPath: daemon.socket, path: '/_ping' });
try {
  for (const [name, act] of Object.entries(load)) {
    const began = performance.now();
    await act();
    const pings = probe.take();
    const p99 = percentile(pings, 0.99);
    process.stdout.write(
      `${name.padEnd(26)} ${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s   ` +
        `ping p50 ${percentile(pings, 0.5).toFixed(1)} p99 ${p99.toFixed(1)} ms of ${pings.length}` +
        `${p99 > PING_LIMIT ? `   over ${PING_LIMIT} ms` : ''}\n`,
    );
  }
  if (probe.failures > 0) broken.push(`${probe.failures} pings failed`);
  await probe.stop();
  await until(
    'all to be given back',
    // Memory that a burst took is given back when it is quiet.
    () => {
      const now = census(daemon, parent);
      return grown(before, now, 3).length === 0 && now.memory < MEMORY_LIMIT;
    },
    15_000,
  ).catch(() => undefined);
  const after = census(daemon, parent);
  process.stdout.write(`after:  ${JSON.stringify(after)}\n`);
  broken.push(...grown(before, after, 3), ...(await leaks(daemon, parent)));
  if (after.memory > MEMORY_LIMIT) broken.push(`the daemon has ${(after.memory / 1e6).toFixed(0)} MB`);
} catch (error) {
  broken.push((error as Error).message, daemon.log.slice(-3000));
} finally {
  await daemon.dispose();
  removeCgroupParent(parent);
}
for (const what of broken) process.stdout.write(`broken: ${what}\n`);
process.exit(broken.length > 0 ? 1 : 0);

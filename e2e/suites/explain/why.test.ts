import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, TestDaemon, until } from '../../support/daemon.ts';
import { CASES, type Case } from './causes.ts';
import { COMMON_CASES } from './common-causes.ts';
import { COMMON_ENDS } from './common-ends.ts';
import { MORE_CASES } from './more-causes.ts';
import { daemon, FOREVER, HTTPD, host, make, type Options, published, sh, why, withDaemon } from './setup.ts';

withDaemon();

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
    { NetworkMode: 'one', Dns: ['203.0.113.1'] },
    { CpusetCpus: '0' },
    { Tmpfs: { '/t': 'exec' } },
    { Ulimits: [{ Name: 'cpu', Soft: 100, Hard: 100 }] },
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
  const waiting = Object.entries({ ...CASES, ...MORE_CASES, ...COMMON_ENDS, ...COMMON_CASES });
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
  // It listens at ::, where IPv4 comes too.
  const server = await make(HTTPD, published(80));
  await until('its socket', async () =>
    (await why(server, '?question=reach')).Answers.every(({ Sure }) => !Sure),
  );
  ids.push(server, await make(sh(FOREVER), host({ NetworkMode: `container:${server}` })));
  const wrong: string[] = [];
  await Promise.all(
    ids.map(async (id, index) => {
      const { Answers, Looked } = await why(id);
      const sure = Answers.filter(({ Sure, Cause }) => Sure && Cause !== 'slow.cpu-contended');
      if (sure.length > 0 || Looked.length !== 6)
        wrong.push(
          `${JSON.stringify(HEALTHY[index] ?? 'a server, or one that shares its network')}: ${JSON.stringify(sure)}`,
        );
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

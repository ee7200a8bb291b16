import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import { TestDaemon, until } from '../support/daemon.ts';
import { helperOf, stateOfProcess, supervisorOf } from '../support/helpers.ts';
import { busyboxTar } from '../support/images.ts';
import { leaks } from '../support/leaks.ts';
import { outputOf, post, talk } from '../support/raw.ts';

/* A process that works for the daemon is stopped: every request is answered in bounded time, and all goes on afterwards. */

const PARENT = `/berth-stopped-${process.pid}`;
/** Far above what the shortened limits come to (0.8 s, then 1.6 s for an answer), far below for ever. */
const BOUND = 15_000;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = new TestDaemon(['--cgroup-parent', PARENT], { environment: { BERTH_HELPER_SILENCE_MS: '800' } });
  await daemon.up();
  await daemon.importBusybox();
});
afterAll(async () => {
  await daemon?.dispose();
  spawnSync('sh', ['-c', `rmdir /sys/fs/cgroup${PARENT} /sys/fs/cgroup/*${PARENT} 2>/dev/null`]);
});

const none = { HostConfig: { NetworkMode: 'none' } };
const remove = (id: string) => daemon.call('DELETE', `/containers/${id}?force=1&v=1`);
const stateOf = async (id: string) => (await daemon.call('GET', `/containers/${id}/json`)).json.State;
const execOf = async (id: string, config: object) =>
  (await daemon.call('POST', `/containers/${id}/exec`, config)).json.Id as string;

/** The result of `work`, which may not take longer than `BOUND`. */
async function bounded<T>(work: Promise<T>): Promise<T> {
  const began = Date.now();
  const result = await work;
  expect(Date.now() - began).toBeLessThan(BOUND);
  return result;
}

test('launcher and supervisor: a container is killed and removed', async () => {
  const ids = await Promise.all([0, 1].map(() => daemon.box(['sleep', '1000'], none)));
  process.kill(supervisorOf((await stateOf(ids[0]!)).Pid), 'SIGSTOP');
  const removed = ids.map((id) => remove(id));
  process.kill(helperOf(daemon, 'berth-launcher')!, 'SIGSTOP');
  for (const answer of await bounded(Promise.all(removed))) expect(answer.status).toBe(204);
  await remove(await daemon.box(['true'], none));
}, 60_000);

test('network worker: what can be asked again is, and nothing half-made is left', async () => {
  const ports = { ExposedPorts: { '80/tcp': {} } };
  const published = { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } };
  const old = await daemon.box(['sleep', '1000'], { ...ports, HostConfig: published });
  await daemon.call('POST', '/networks/create', { Name: 'old' });
  const worker = helperOf(daemon, 'berth-net')!;
  process.kill(worker, 'SIGSTOP');
  const [made, id, removed, gone] = await bounded(
    Promise.all([
      daemon.call('POST', '/networks/create', { Name: 'new' }),
      daemon.box(['sleep', '1000'], { ...ports, HostConfig: published }),
      remove(old),
      daemon.call('DELETE', '/networks/old'),
    ]),
  );
  expect([made.status, removed.status, gone.status]).toEqual([201, 204, 204]);
  expect(helperOf(daemon, 'berth-net')).not.toBe(worker);
  const answer = await daemon.call('GET', `/containers/${id}/json`);
  expect(answer.json.NetworkSettings.Ports['80/tcp']).toHaveLength(1);
  const exec = await execOf(id, { Cmd: ['ip', '-o', '-4', 'addr'], AttachStdout: true });
  expect(outputOf(await talk(daemon, post(`/exec/${exec}/start`, {})))).toContain(
    answer.json.NetworkSettings.Networks.bridge.IPAddress,
  );
  expect(await leaks(daemon, PARENT)).toEqual([]);
  for (const one of [id, await daemon.box(['sleep', '1000'], { HostConfig: { NetworkMode: 'new' } })])
    expect((await remove(one)).status).toBe(204);
  expect((await daemon.call('DELETE', '/networks/new')).status).toBe(204);
  expect(await leaks(daemon, PARENT)).toEqual([]);
}, 60_000);

test('network worker: it does not outlive the daemon', async () => {
  const worker = helperOf(daemon, 'berth-net')!;
  process.kill(worker, 'SIGSTOP');
  await daemon.down('SIGKILL');
  // The process that has inherited it may not have waited for it.
  await until('the end of the worker', () => ['', 'Z', 'X'].includes(stateOfProcess(worker)));
  await daemon.up();
});

test('supervisor: an exec is refused with the reason, and does not run later', async () => {
  const id = await daemon.box(['sleep', '1000'], none);
  const supervisor = supervisorOf((await stateOf(id)).Pid);
  const attached = await execOf(id, { Cmd: ['touch', '/attached'], AttachStdout: true });
  const detached = await execOf(id, { Cmd: ['touch', '/detached'] });
  process.kill(supervisor, 'SIGSTOP');
  const [stream, answer] = await bounded(
    Promise.all([
      talk(daemon, post(`/exec/${attached}/start`, {})),
      daemon.call('POST', `/exec/${detached}/start`, { Detach: true }),
    ]),
  );
  const reason = `is the process ${supervisor} stopped?`;
  expect(answer).toMatchObject({ status: 500, json: { message: expect.stringContaining(reason) } });
  expect(stream).toContain(reason);
  process.kill(supervisor, 'SIGCONT');
  const exec = await execOf(id, {
    Cmd: ['sh', '-c', 'ls -d /attached /detached; echo here'],
    AttachStdout: true,
  });
  expect(outputOf(await talk(daemon, post(`/exec/${exec}/start`, {})))).toBe('here\n');
  expect((await remove(id)).status).toBe(204);
}, 60_000);

test('layer helper: an import fails with the reason', async () => {
  const tar = busyboxTar();
  const answered = new Promise<string>((resolve, reject) => {
    const path = '/images/create?fromSrc=-&repo=never';
    const sent = request({ socketPath: daemon.socket, method: 'POST', path, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (part) => {
        text += part;
      });
      answer.on('end', () => resolve(text));
    });
    sent.on('error', reject);
    sent.write(tar.subarray(0, 100_000));
    until('the helper', () => helperOf(daemon, 'layer')).then((helper) => {
      process.kill(helper, 'SIGSTOP');
      sent.end(tar.subarray(100_000));
    }, reject);
  });
  expect(await bounded(answered)).toContain('stopped from outside');
  expect((await daemon.call('GET', '/images/never/json')).status).toBe(404);
  await daemon.importBusybox('again:latest');
}, 60_000);

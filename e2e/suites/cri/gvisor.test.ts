import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CriDaemon } from '../../support/cri.ts';
import { until } from '../../support/daemon.ts';

/* Containers under gVisor's runsc (the distribution's package): a kernel of their own on the network of their pod. */

const RUNSC = '/usr/bin/runsc';
const EXITED = 2;
const folder = mkdtempSync(join(tmpdir(), 'berth-gvisor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

(existsSync(RUNSC) ? test : test.skip)('a pod and a container of the engine under runsc', async () => {
  const file = join(folder, 'daemon.json');
  // This version takes every network namespace for the machine's on newer kernels, and then makes no network of its own.
  const runtimes = { runsc: { path: RUNSC, runtimeArgs: ['--network=host'] } };
  writeFileSync(file, JSON.stringify({ runtimes }));
  const cri = await CriDaemon.start('--config-file', file);
  try {
    const pod = await cri.pod('sandboxed', {}, 'runsc');
    const { status: shown } = await cri.call('PodSandboxStatus', { pod_sandbox_id: pod.id });
    expect(shown.runtime_handler).toBe('runsc');
    const id = await cri.container(pod, 'box', { command: ['sleep', '1000'] });
    expect(await cri.exec(id, 'dmesg')).toContain('Starting gVisor');
    expect(await cri.exec(id, 'ip', 'addr')).toContain(shown.network.ip);
    const ends = await cri.container(pod, 'ends', { command: ['sh', '-c', 'exit 3'] });
    const status = async () => (await cri.call('ContainerStatus', { container_id: ends }))['status'];
    await until('its end', async () => (await status()).state === EXITED);
    expect(await status()).toMatchObject({ exit_code: 3, reason: 'Error' });
    await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
    const run = ['run', '--rm', '--runtime', 'runsc', '-m', '64m', 'bb', 'sh', '-c', 'dmesg; ip addr'];
    const { stdout, stderr } = cri.daemon.docker(run);
    expect(stderr).toBe('');
    expect(stdout).toContain('Starting gVisor');
    expect(stdout).toMatch(/inet 172\./);
  } finally {
    await cri.dispose();
  }
});

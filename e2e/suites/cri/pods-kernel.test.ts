import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CriDaemon } from '../../support/cri.ts';

/* Pods where the kernel cannot do, or refuses for a time, what they need. */

const sleeper = { command: ['sleep', '1000'] };

test('where the kernel cannot make it, the procfs of a shared PID namespace was mounted with the pod', async () => {
  // A folder that is named as a process's namespace is must not be taken for one.
  const top = mkdtempSync(join(tmpdir(), 'berth-e2e-'));
  const temporary = process.env['TMPDIR'];
  process.env['TMPDIR'] = join(top, 'ns/pid');
  mkdirSync(process.env['TMPDIR'], { recursive: true });
  process.env['BERTH_PROC_OF_OTHER'] = '1';
  const older = await CriDaemon.start().finally(() => {
    delete process.env['BERTH_PROC_OF_OTHER'];
    if (temporary === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = temporary;
  });
  try {
    const map = [{ container_id: 0, host_id: 200_000, length: 65_536 }];
    const userns_options = { mode: 0, uids: map, gids: map };
    for (const namespace_options of [{}, { userns_options }]) {
      const linux = { security_context: { namespace_options } };
      const pod = await older.pod(`older-${Object.keys(namespace_options)}`, { linux });
      const first = await older.container(pod, 'first', { ...sleeper, linux });
      const second = await older.container(pod, 'second', { command: ['sleep', '2000'], linux });
      for (const id of [first, second]) {
        const seen = await older.exec(id, 'ps');
        expect(seen).toContain('sleep 1000');
        expect(seen).toContain('sleep 2000');
        expect(await older.exec(id, 'sh', '-c', 'echo x > /proc/sys/kernel/panic || echo kept')).toBe('kept');
      }
      await older.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
    }
    const mounted = readFileSync('/proc/self/mounts', 'utf8');
    expect(mounted).not.toContain(join(older.daemon.folder, 'exec/pods'));
  } finally {
    await older.dispose();
    rmSync(top, { recursive: true, force: true });
  }
});

test('a pod whose cgroup cannot be removed is stopped when that is asked for again', async () => {
  const cri = await CriDaemon.start();
  try {
    const linux = { security_context: { namespace_options: { pid: 0 } } };
    const pod = await cri.pod('held', { linux });
    const find = () =>
      spawnSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', pod.id], { encoding: 'utf8' });
    const groups = find().stdout.trim().split('\n');
    expect(groups[0]).toContain(pod.id);
    // The kernel removes no directory that something is mounted on.
    spawnSync('mount', ['--bind', groups[0]!, groups[0]!]);
    try {
      await expect(cri.call('StopPodSandbox', { pod_sandbox_id: pod.id })).rejects.toThrow('is still in use');
    } finally {
      spawnSync('umount', [groups[0]!]);
    }
    await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
    expect(find().stdout).toBe('');
  } finally {
    await cri.dispose();
  }
});

test("a container's limits that cannot all be changed stay as they were", async () => {
  const cri = await CriDaemon.start();
  const MIB = 2 ** 20;
  const limits = (mib: number, oom_score_adj: number) => ({
    memory_limit_in_bytes: mib * MIB,
    oom_score_adj,
  });
  try {
    const pod = await cri.pod('limited');
    const container_id = await cri.container(pod, 'box', {
      ...sleeper,
      linux: { resources: limits(64, 500) },
    });
    const { json } = await cri.daemon.call('GET', `/containers/${container_id}/json`);
    const score = `/proc/${json.State.Pid}/oom_score_adj`;
    const holds = async (mib: number, adjusted: number) => {
      const { status } = await cri.call('ContainerStatus', { container_id });
      expect(status.resources.linux).toMatchObject({
        memory_limit_in_bytes: mib * MIB,
        oom_score_adj: adjusted,
      });
      const stats = await cri.daemon.call('GET', `/containers/${container_id}/stats?stream=0&one-shot=1`);
      expect(stats.json.memory_stats.limit).toBe(mib * MIB);
      expect(readFileSync(score, 'utf8')).toBe(`${adjusted}\n`);
    };
    const update = () => cri.call('UpdateContainerResources', { container_id, linux: limits(128, 600) });
    spawnSync('mount', ['--bind', score, score]);
    try {
      spawnSync('mount', ['-o', 'remount,bind,ro', score]);
      await expect(update()).rejects.toThrow('write oom_score_adj');
      await holds(64, 500);
    } finally {
      spawnSync('umount', [score]);
    }
    await update();
    await holds(128, 600);
  } finally {
    await cri.dispose();
  }
});

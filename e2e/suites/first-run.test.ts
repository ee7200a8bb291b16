import { TestDaemon, until } from '../support/daemon.ts';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

describe('a container runs', () => {
  test.each(['berth', 'docker'] as const)('with %s: output, exit code and nothing left', (client) => {
    const run = ['run', '--rm', '--network', 'none', 'bb', 'sh', '-c', 'echo out; echo err >&2; exit 7'];
    expect(daemon[client](run)).toEqual({ status: 7, stdout: 'out\n', stderr: 'err\n' });
    expect(daemon.berth(['ps', '-aq']).stdout).toBe('');
  });

  test('input reaches it, and its end ends the program', () => {
    for (const client of ['berth', 'docker'] as const) {
      const ran = daemon[client](['run', '-i', '--rm', '--network', 'none', 'bb', 'wc', '-c'], {
        input: 'x'.repeat(100_000),
      });
      expect(ran.stderr).toBe('');
      expect(ran.stdout.trim()).toBe('100000');
    }
  });

  test('its limits are in force', async () => {
    const id = await daemon.box(['sleep', '60'], {
      HostConfig: { Memory: 32 << 20, NanoCpus: 5e8, PidsLimit: 20, NetworkMode: 'none' },
    });
    const limits = daemon.docker([
      'exec',
      id,
      'sh',
      '-c',
      'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null',
    ]);
    expect(limits.stdout.split('\n').filter(Boolean)).toEqual([String(32 << 20), '20']);
    await daemon.call('DELETE', `/containers/${id}?force=1`);
  });

  test('a user who is not root reads its names, addresses and limits', () => {
    const files = '/etc/hosts /etc/hostname /etc/resolv.conf';
    const limits = '/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max';
    const script = `cat ${files} >/dev/null && cat ${limits} 2>/dev/null`;
    const ran = daemon.docker(['run', '--rm', '--user', '1000', '-m', '32m', 'bb', 'sh', '-c', script]);
    expect(ran).toMatchObject({ stdout: `${32 << 20}\n`, stderr: '' });
  });

  test('it lives on without the daemon, and its log and exit code are known', async () => {
    const id = await daemon.box(
      ['sh', '-c', 'echo before; while [ ! -e /go ]; do sleep 0.05; done; echo after; exit 5'],
      { HostConfig: { NetworkMode: 'none' } },
    );
    await until('the first line', async () =>
      (await daemon.call('GET', `/containers/${id}/logs?stdout=1`)).text.includes('before'),
    );
    await daemon.down('SIGKILL');
    await daemon.up();
    expect((await daemon.call('GET', `/containers/${id}/json`)).json.State.Running).toBe(true);
    expect(daemon.docker(['exec', id, 'touch', '/go']).status).toBe(0);
    expect((await daemon.call('POST', `/containers/${id}/wait`)).json.StatusCode).toBe(5);
    expect((await daemon.call('GET', `/containers/${id}/logs?stdout=1`)).text).toContain('after');
    await daemon.call('DELETE', `/containers/${id}`);
  });
});

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';

interface Answer {
  Cause: string;
  Sure: boolean;
}

/** The answers about a container that are sure. */
async function sure(daemon: TestDaemon, id: string, query = ''): Promise<Answer[]> {
  const { json } = await daemon.call('GET', `/berth/explain/containers/${id}/why${query}`);
  return (json.Answers as Answer[]).filter(({ Sure, Cause }) => Sure && Cause !== 'slow.cpu-contended');
}

test('a disk that was full as a container was to be started', async () => {
  const disk = mkdtempSync(join(tmpdir(), 'berth-full-'));
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
  const daemon = new TestDaemon([], { data: join(disk, 'data') });
  try {
    await daemon.up();
    await daemon.importBusybox();
    const { json } = await daemon.call('POST', '/containers/create', { Image: 'bb', Cmd: ['true'] });
    spawnSync('dd', ['if=/dev/zero', `of=${disk}/x`, 'bs=64k']);
    expect((await daemon.call('POST', `/containers/${json.Id}/start`)).status).toBe(500);
    expect(await sure(daemon, json.Id)).toMatchObject([
      { Cause: 'exit.no-space', Evidence: [{ Found: expect.stringContaining('ENOSPC') }] },
      { Cause: 'write.disk-full', Evidence: [{ Found: expect.stringMatching(/^0 of /) }] },
    ]);
  } finally {
    rmSync(join(disk, 'x'), { force: true });
    await daemon.dispose();
    spawnSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  }
}, 60_000);

test('ports of a daemon without a userland proxy', async () => {
  const daemon = await TestDaemon.start(['--userland-proxy=false']);
  const server = (HostIp: string) =>
    daemon.box(['httpd', '-f', '-p', '80'], {
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp, HostPort: '' }] } },
    });
  try {
    const [all, loopback, six] = [await server(''), await server('127.0.0.1'), await server('::1')];
    for (const id of [all, loopback]) {
      const { json } = await daemon.call('GET', `/containers/${id}/json`);
      const [{ HostPort }] = json.NetworkSettings.Ports['80/tcp'];
      expect((await fetch(`http://127.0.0.1:${HostPort}/`)).status).toBe(404);
      expect(await sure(daemon, id)).toEqual([]);
    }
    expect(await sure(daemon, loopback, '?question=reach')).toMatchObject([
      { Cause: 'reach.published-on-loopback' },
    ]);
    expect(await sure(daemon, six)).toMatchObject([{ Cause: 'reach.no-ipv6' }]);
  } finally {
    await daemon.dispose();
  }
}, 60_000);

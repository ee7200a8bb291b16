import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';

// Files that a container controls and the daemon reads. Its watchdog fails the suite when one holds the event loop.

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon?.dispose());

test('hosts and resolv.conf that a container made gigabytes large hold up no connect, and keep what it wrote', async () => {
  await daemon.call('POST', '/networks/create', { Name: 'other' });
  const id = await daemon.box(['sh', '-c', 'truncate -s 3G /etc/hosts /etc/resolv.conf; exec sleep 300']);
  daemon.succeeds('exec', id, 'sh', '-c', 'until [ $(stat -c %s /etc/resolv.conf) -gt 99999 ]; do :; done');
  const began = performance.now();
  for (const change of ['connect', 'disconnect', 'connect']) {
    const answer = daemon.call('POST', `/networks/other/${change}`, { Container: id, Force: true });
    const asked = performance.now();
    expect((await daemon.call('GET', '/_ping')).status).toBe(200);
    expect(performance.now() - asked).toBeLessThan(500);
    expect((await answer).status).toBe(200);
  }
  expect(performance.now() - began).toBeLessThan(3000);
  expect(daemon.succeeds('exec', id, 'stat', '-c', '%s', '/etc/hosts', '/etc/resolv.conf')).toBe(
    '3221225472\n3221225472',
  );
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('a file that a client names is not waited for, nor read without end', async () => {
  const pipe = join(daemon.folder, 'pipe');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  const address = { 'splunk-url': 'https://127.0.0.1:1', 'splunk-token': 't' };
  for (const path of [pipe, '/dev/zero']) {
    const logs = { Type: 'splunk', Config: { ...address, 'splunk-capath': path } };
    const created = await daemon.call('POST', '/containers/create', {
      Image: 'bb',
      HostConfig: { LogConfig: logs },
    });
    const answer =
      created.status === 201 ? await daemon.call('POST', `/containers/${created.json.Id}/start`) : created;
    expect(answer.text).toContain(`${path} is not a regular file`);
  }
});

test('folders deeper than a path may be long are removed with their volume, cache and container', async () => {
  const deep = `while mkdir ${'n'.repeat(250)} && cd n*; do :; done 2> /dev/null; true`;
  const left = (folder: string) => readdirSync(join(daemon.data, folder));
  daemon.succeeds('run', '--name', 'deep', '-v', 'deep:/v', 'bb', 'sh', '-c', `cd /v; ${deep}`);
  daemon.succeeds('rm', 'deep');
  daemon.succeeds('volume', 'rm', 'deep');
  expect(left('volumes/.removed')).toEqual([]);
  const input = `FROM bb\nRUN --mount=type=cache,target=/c cd /c; ${deep}\n`;
  expect(daemon.docker(['build', '-q', '-'], { input })).toMatchObject({ status: 0 });
  expect(left('build/mounts')).toHaveLength(1);
  daemon.succeeds('builder', 'prune', '-af');
  expect(left('build/mounts')).toEqual([]);
});

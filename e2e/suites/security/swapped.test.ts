import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';
import { helperOf } from '../../support/helpers.ts';
import { imageTar } from '../../support/images.ts';
import { type TarEntry, tarOfEntries } from '../../support/tar.ts';

/* What a container puts in the place of a file while the engine works on it, or an image has in the place of one. */

/** Puts a link to ARGV[2] in the place of whatever is at ARGV[1], for ever. */
const SWAPPER = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct stat st;
  char aside[256];
  snprintf(aside, sizeof aside, "%s.aside", argv[1]);
  for (;;) {
    symlink(argv[2], aside);
    if (!lstat(argv[1], &st) && !S_ISLNK(st.st_mode)) syscall(SYS_renameat2, AT_FDCWD, aside, AT_FDCWD, argv[1], 2);
    if (!lstat(aside, &st) && !S_ISLNK(st.st_mode) && rmdir(aside)) unlink(aside);
  }
}
`;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon?.dispose());

test('no mode of an archive is given to what a link leads to that takes the place of a file (CVE-2021-41089)', async () => {
  const [swapper, kept] = [join(daemon.folder, 'swapper'), join(daemon.folder, 'kept')];
  const compiled = spawnSync('cc', ['-static', '-x', 'c', '-', '-o', swapper], { input: SWAPPER });
  expect(compiled.status).toBe(0);
  writeFileSync(kept, 'of the host');
  chmodSync(kept, 0o600);
  const id = await daemon.box(['/swapper', '/v/x', kept], {
    HostConfig: { Binds: ['shared:/v', `${swapper}:/swapper:ro`], NetworkMode: 'none' },
  });
  const { json } = await daemon.call('POST', '/containers/create', {
    Image: 'bb',
    HostConfig: { Binds: ['shared:/w'] },
  });
  for (const type of ['5', '6', '3']) {
    const tar = tarOfEntries(Array<TarEntry>(5000).fill({ name: 'x', type, mode: 0o777 }));
    await daemon.call('PUT', `/containers/${json.Id}/archive?path=/w`, tar);
    await daemon.call('PUT', `/containers/${id}/archive?path=/v`, tar);
    expect(statSync(kept).mode & 0o777).toBe(0o600);
  }
  for (const each of [id, json.Id]) await daemon.call('DELETE', `/containers/${each}?force=1`);
});

/** The options of all mounts that the helper has which works on a copy out of the container, in the middle of it. */
async function mountsOfCopy(id: string, path: string): Promise<string[]> {
  const request = get({
    socketPath: daemon.socket,
    path: `/containers/${id}/archive?path=${path}`,
    agent: false,
  });
  request.on('error', () => undefined);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.on('error', () => undefined).pause();
  const mounts = readFileSync(`/proc/${helperOf(daemon, 'get')}/mountinfo`, 'utf8')
    .trim()
    .split('\n');
  request.destroy();
  return mounts.map((line) => line.split(' ')).map(([, , , , point, options]) => `${point} ${options}`);
}

// A file that was looked at may be a device by the time it is opened. Opening a watchdog's starts it, which restarts the machine.
test('a copy out of a container is by mounts that have no devices', async () => {
  const Binds = ['shared:/w'];
  const id = await daemon.box(['sleep', '300'], { HostConfig: { Binds, NetworkMode: 'none' } });
  const { json } = await daemon.call('POST', '/containers/create', { Image: 'bb', HostConfig: { Binds } });
  expect(daemon.docker(['exec', id, 'truncate', '-s', '64M', '/large', '/w/large']).status).toBe(0);
  const running = await mountsOfCopy(id, '/large');
  expect(running.map((each) => each.split(' ')[0])).toEqual(expect.arrayContaining(['/', '/w', '/dev']));
  const stopped = (await mountsOfCopy(json.Id, '/w/large')).filter((each) => /\/root(\/w)? /.test(each));
  expect(stopped).toHaveLength(2);
  for (const mount of [...running, ...stopped]) expect(mount).toMatch(/[ ,]nodev(,|$)/);
  for (const each of [id, json.Id]) await daemon.call('DELETE', `/containers/${each}?force=1`);
});

// The kernel says so when a device is opened that has no driver.
const OPENED = /no such device or address/i;

test("a device that an image has in the place of its users' files is not opened", async () => {
  for (const name of ['etc/passwd', 'etc/group']) {
    const entries: TarEntry[] = [{ name, type: '3', major: 250, minor: 77 }];
    const loaded = await daemon.call(
      'POST',
      '/images/load',
      await imageTar('devices', { entries, config: { User: 'some' } }),
    );
    expect(loaded.text).toContain('Loaded image');
    const { json } = await daemon.call('POST', '/containers/create', { Image: 'devices', Cmd: ['true'] });
    const put = await daemon.call(
      'PUT',
      `/containers/${json.Id}/archive?path=/&copyUIDGID=1`,
      tarOfEntries([{ name: 'file' }]),
    );
    const started = await daemon.call('POST', `/containers/${json.Id}/start`);
    const built = daemon.docker(['build', '--no-cache', '-'], {
      input:
        'FROM devices\nADD --chown=some https://localhost:1/x /x\nCOPY --chown=some / /x/\nUSER some\nRUN true',
      env: { BUILDKIT_PROGRESS: 'plain' },
    });
    for (const text of [put.text, started.text, built.stdout + built.stderr]) {
      expect(text).not.toBe('');
      expect(text).not.toMatch(OPENED);
    }
    await daemon.call('DELETE', `/containers/${json.Id}`);
  }
});

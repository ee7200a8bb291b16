import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start(['--icc=false']);
});
afterAll(async () => {
  await daemon?.dispose();
});

const SERVER = ['sh', '-c', 'while :; do echo hello | nc -l -p 80; done'];
const ask = (host: string, ...flags: string[]) =>
  daemon.docker(['run', '--rm', ...flags, 'bb', 'sh', '-c', `nc -w 1 ${host} 80 < /dev/null`]).stdout;

test('without communication between containers only a link opens what the other exposes', async () => {
  const server = await daemon.box(SERVER, { ExposedPorts: { '80/tcp': {} } }, 'server');
  const hidden = await daemon.box(SERVER, {}, 'hidden');
  const address = async (id: string) =>
    (await daemon.call('GET', `/containers/${id}/json`)).json.NetworkSettings.Networks.bridge.IPAddress;
  expect(ask(await address(server))).toBe('');
  expect(ask('other', '--link', 'server:other')).toBe('hello\n');
  expect(ask(await address(hidden), '--link', 'hidden')).toBe('');
  // The link went with its container.
  expect(ask(await address(server))).toBe('');
  daemon.docker(['network', 'create', '--opt', 'com.docker.network.bridge.enable_icc=false', 'apart']);
  daemon.docker(['run', '-d', '--name', 'third', '--network', 'apart', 'bb', ...SERVER]);
  expect(ask('third', '--network', 'apart')).toBe('');
  daemon.docker(['rm', '-f', 'server', 'hidden', 'third']);
});

/** Exchanges two names for ever. */
const SWAP = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  for (;;) syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], 2);
}
`;

test('copies, mounts and working folders that race with a link stay in the container', async () => {
  const swap = join(daemon.folder, 'swap');
  const trap = join(daemon.folder, 'trap');
  const file = join(daemon.folder, 'file');
  expect(spawnSync('cc', ['-static', '-x', 'c', '-', '-o', swap], { input: SWAP }).status).toBe(0);
  mkdirSync(trap);
  writeFileSync(join(trap, 'secret'), 'of the host');
  writeFileSync(file, 'of the user');
  const id = await daemon.box(
    ['sh', '-c', `mkdir /v/x; echo own > /v/x/secret; ln -s ${trap} /v/y; exec /swap /v/x /v/y`],
    { HostConfig: { Binds: ['shared:/v', `${swap}:/swap:ro`], NetworkMode: 'none' } },
  );
  let read = '';
  for (let turn = 0; turn < 6; turn++) {
    read += daemon.docker(['cp', `${id}:/v/x/secret`, '-']).stdout;
    read += daemon.docker(['cp', `${id}:/v`, '-']).stdout;
    daemon.docker(['cp', file, `${id}:/v/x/planted${turn}`]);
    const flags = ['-v', 'shared:/v', '-v', `${file}:/v/x/deep/${turn}`, '--tmpfs', `/v/x/t${turn}`];
    read += daemon.docker([
      ...['run', '--rm', '--network=none', ...flags, '-w', `/v/x/w${turn}`],
      ...['bb', 'cat', '/v/x/secret'],
    ]).stdout;
  }
  expect(read).not.toContain('of the host');
  expect(readdirSync(trap)).toEqual(['secret']);
  expect(readFileSync(join(trap, 'secret'), 'utf8')).toBe('of the host');
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon, until } from '../../support/daemon.ts';

// Devices of the Container Device Interface: all that a specification says is applied, or refused with its field.

let daemon: TestDaemon;
let specs: string;
let marks: string;
beforeAll(async () => {
  daemon = new TestDaemon();
  specs = join(daemon.folder, 'cdi');
  marks = join(daemon.folder, 'marks');
  mkdirSync(specs);
  mkdirSync(marks);
  daemon.extra.push('--cdi-spec-dir', specs);
  const hook = join(daemon.folder, 'hook');
  // As nvidia-cdi-hook does: finds the root by the bundle of the state on its standard input, and changes it.
  writeFileSync(
    hook,
    `#!/bin/sh
state=$(cat)
bundle=$(echo "$state" | sed -n 's/.*"bundle": *"\\([^"]*\\)".*/\\1/p')
root=$(tr ',{' '\\n\\n' <"$bundle/config.json" | sed -n 's/^"root":$//; s/^"path":"\\(.*fs\\/rootfs\\)".*/\\1/p')
case $1 in createContainer) case $root in /*) ;; *) root=$bundle/$root ;; esac; echo linked >$root/by-hook ;; esac
echo "$1 $VALUE" >>${marks}/log
`,
  );
  chmodSync(hook, 0o755);
  const hooks = ['createRuntime', 'createContainer', 'poststart', 'poststop'].map((hookName) => ({
    ...{
      hookName,
      path: hook,
      args: ['hook', hookName],
      env: ['VALUE=v', 'PATH=/usr/bin:/bin'],
      timeout: 10,
    },
  }));
  write('plain', {
    env: ['GIVEN=device', 'MORE=1'],
    deviceNodes: [
      { path: '/dev/own', hostPath: '/dev/null', fileMode: 0o640, uid: 7, gid: 8, permissions: 'r' },
      { path: '/dev/users', type: 'c', major: 1, minor: 5 },
    ],
    mounts: [
      { hostPath: marks, containerPath: '/marks', options: ['ro', 'nosuid', 'noexec', 'rbind'] },
      { hostPath: 'tmpfs', containerPath: '/scratch', type: 'tmpfs', options: ['size=1m'] },
    ],
    additionalGids: [4711],
  });
  write('hooked', { hooks });
  write('network', { netDevices: [{ hostInterfaceName: 'nosuch0', name: 'eth9' }] });
  write('odd', { mounts: [{ hostPath: 'proc', containerPath: '/p', type: 'proc' }] });
  await daemon.up();
  await daemon.importBusybox();
});
afterAll(async () => {
  await daemon?.dispose();
});

function write(name: string, containerEdits: object): void {
  const devices = [{ name, containerEdits }];
  writeFileSync(
    join(specs, `${name}.json`),
    JSON.stringify({ cdiVersion: '0.7.0', kind: `test.org/${name}`, devices }),
  );
}

const device = (name: string) => ['--device', `test.org/${name}=${name}`];
const run = (...args: string[]) => daemon.docker(['run', '--rm', '--network=none', ...args]);

test('nodes, mounts, variables and groups', () => {
  const look = `stat -c '%n %a %u:%g %t:%T' /dev/own /dev/users; grep ' /marks ' /proc/self/mountinfo | cut -d' ' -f6
grep ' /scratch ' /proc/self/mountinfo | grep -o size=1024k; echo $GIVEN $MORE; env | grep -c GIVEN; id -G
cat /dev/own && head -c1 /dev/users | wc -c; echo x 2>/dev/null >/dev/own || echo refused`;
  const { stdout, stderr } = run('-u', '5:6', '-e', 'GIVEN=user', ...device('plain'), 'bb', 'sh', '-c', look);
  expect(stderr).toContain("can't open '/dev/own'");
  expect(stdout.split('\n').filter(Boolean)).toEqual([
    ...['/dev/own 640 7:8 1:3', '/dev/users 666 5:6 1:5'],
    ...[expect.stringMatching(/^ro,nosuid,noexec/), 'size=1024k', 'device 1', '1', '6 4711', 'refused'],
  ]);
});

test('execs have the groups of the devices, also after the daemon was started again', async () => {
  daemon.succeeds('run', '-d', '--name=kept', '--network=none', ...device('plain'), 'bb', 'sleep', '600');
  expect(daemon.succeeds('exec', 'kept', 'id', '-G')).toContain('4711');
  await daemon.down();
  await daemon.up();
  expect(daemon.succeeds('exec', 'kept', 'id', '-G')).toContain('4711');
  daemon.succeeds('rm', '-f', 'kept');
});

const hasRuntime = existsSync('/usr/sbin/runc') || existsSync('/usr/bin/crun');
(hasRuntime ? test : test.skip)('hooks are called at their moments', async () => {
  const { stdout, stderr, status } = run(...device('hooked'), 'bb', 'cat', '/by-hook');
  expect({ stdout, stderr, status }).toEqual({ stdout: 'linked\n', stderr: '', status: 0 });
  const log = () => readFileSync(join(marks, 'log'), 'utf8').split('\n').filter(Boolean);
  await until('the last hook', () => log().length === 4);
  expect(log()).toEqual(['createRuntime v', 'createContainer v', 'poststart v', 'poststop v']);
});

test('what cannot be applied is refused with the file and the field', () => {
  expect(run(...device('network'), 'bb', 'true')).toMatchObject({
    stderr: expect.stringContaining(
      `${specs}/network.json: containerEdits of test.org/network=network.netDevices needs an OCI runtime`,
    ),
  });
  expect(run(...device('odd'), 'bb', 'true').stderr).toContain(
    `${specs}/odd.json: containerEdits of test.org/odd=odd.mounts[0].type: a mount of type proc is not supported`,
  );
});

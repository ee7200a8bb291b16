// Devices, joins, security modules and user namespaces, on a kernel that has them all.
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { TestDaemon, until } from '../../support/daemon.ts';

import { check, inside, remove, sleeper } from './check.ts';

/** A program that looks at processes that join its container (see e2e/support/joining-reader.c). */
const READER = '/opt/berth/joining-reader';

check('joins: an exec is a process of the container only, from its first moment', async (daemon) => {
  const file = `${daemon.folder}/host-file`;
  writeFileSync(file, '');
  const volume = ['-v', `${READER}:/reader:ro`, '--cap-add', 'SYS_PTRACE', '--network', 'none'];
  const started = daemon.berth(['run', '-d', ...volume, 'bb', '/reader', file, 'secret-of-', 'another']);
  assert.equal(started.stderr, '');
  const id = started.stdout.trim();
  const said = () => daemon.berth(['logs', id]).stdout;
  await until('the reader', () => said().includes('ready'));
  for (let index = 0; index < 24; index++) {
    const { json } = await daemon.call('POST', `/containers/${id}/exec`, {
      Cmd: ['true'],
      AttachStdout: true,
      Tty: index % 3 === 1,
    });
    const options = { Tty: index % 3 === 1, Detach: index % 3 === 2 };
    assert.equal((await daemon.call('POST', `/exec/${json.Id}/start`, options)).status, 200);
  }
  daemon.berth(['stop', id]);
  const lines = said().trim().split('\n');
  assert.deepEqual(
    lines.filter((line) => line.startsWith('leak')),
    [],
  );
  const [, seen, early] = /^seen (\d+) early (\d+)$/.exec(lines.at(-1) ?? '') ?? [];
  process.stdout.write(`     ${seen} processes seen, ${early} before they ran their program\n`);
  // An emulated processor seldom lets it be early enough to see more (security/joining.test.ts does on a real one).
  assert.ok(Number(seen) > 0);
  remove(daemon, id);
});

check('devices: no inode of the host’s /dev is in a container', (daemon) => {
  const host = statSync('/dev/null').dev;
  const script =
    'cat /proc/self/mountinfo; stat -Lc "node %d %n" /dev/* /proc/kcore /proc/1/fd/* /proc/self/fd/*';
  const id = sleeper(daemon);
  for (const said of [
    inside(daemon, [], script),
    inside(daemon, ['--device', '/dev/loop-control'], script),
    daemon.berth(['exec', id, 'sh', '-c', script]).stdout,
  ]) {
    assert.ok(said.includes('/dev/null\n'));
    const found = said.split('\n').filter((line) => / devtmpfs |^node /.test(line));
    assert.deepEqual(
      found.filter((line) => / devtmpfs /.test(line) || line.startsWith(`node ${host} `)),
      [],
    );
  }
  remove(daemon, id);
});

check('devices: a program in the kernel lets through what was given, and no more', (daemon) => {
  const { major } = /^(?<major>\d+):/.exec(readFileSync('/sys/block/vda/dev', 'utf8'))!.groups!;
  const flags = ['--device', '/dev/loop-control:/dev/lc:r', '--device-cgroup-rule', 'c 10:200 rwm'];
  const script = `
    t() { "$@" 2>/dev/null && echo yes || echo no; }
    t sh -c ': < /dev/lc'; t sh -c ': > /dev/lc'; mknod /tmp/tun c 10 200; t sh -c ': < /tmp/tun'
    mknod /tmp/kmsg c 1 11; t sh -c ': < /tmp/kmsg'; mknod /tmp/vda b ${major} 0; t sh -c ': < /tmp/vda'
    t sh -c 'head -c1 /dev/urandom >/dev/null'`;
  assert.equal(inside(daemon, flags, script), 'yes\nno\nyes\nno\nno\nyes\n');
  assert.equal(inside(daemon, ['--privileged'], 'head -c1 /dev/vda | wc -c'), '1\n');
});

check('security: AppArmor, seccomp, capabilities', async (daemon) => {
  assert.equal(inside(daemon, [], 'cat /proc/self/attr/current'), 'docker-default (enforce)\n');
  assert.equal(inside(daemon, ['--privileged'], 'cat /proc/self/attr/current'), 'unconfined\n');
  assert.match(inside(daemon, [], 'grep Seccomp: /proc/self/status'), /\t2\n/);
  const mount = 'mount -t tmpfs x /tmp && echo mounted';
  assert.match(inside(daemon, ['--cap-add', 'SYS_ADMIN'], mount), /denied/);
  const open = ['--cap-add', 'SYS_ADMIN', '--security-opt', 'apparmor=unconfined'];
  assert.equal(inside(daemon, open, mount), 'mounted\n');
  const id = sleeper(daemon);
  assert.equal((await daemon.call('GET', `/containers/${id}/json`)).json.AppArmorProfile, 'docker-default');
  assert.equal(
    daemon.berth(['exec', id, 'cat', '/proc/self/attr/current']).stdout,
    'docker-default (enforce)\n',
  );
  remove(daemon, id);
});

check('user namespaces: ids are another range here, root there', async () => {
  for (const file of ['/etc/subuid', '/etc/subgid']) writeFileSync(file, 'mapped:300000:65536\n');
  appendFileSync('/etc/passwd', 'mapped:x:990:990::/:/usr/sbin/nologin\n');
  const daemon = await TestDaemon.start(['--userns-remap', 'mapped']);
  try {
    const script =
      'cat /proc/self/uid_map; touch /new; stat -c %u /new /bin/busybox /etc; cat /sys/fs/cgroup/memory.max; cat /etc/hosts >/dev/null';
    const said = inside(daemon, ['-m', '64m'], script);
    assert.equal(said.replace(/ +/g, ' '), ' 0 300000 65536\n0\n0\n0\n67108864\n');
    assert.match(inside(daemon, ['--userns', 'host'], 'cat /proc/self/uid_map'), / 4294967295\n/);
    const id = sleeper(daemon, ['--oom-score-adj', '300']);
    assert.equal(daemon.berth(['exec', id, 'cat', '/proc/self/oom_score_adj']).stdout, '300\n');
    remove(daemon, id);
  } finally {
    await daemon.dispose();
  }
});

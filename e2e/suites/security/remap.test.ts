import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { TestDaemon } from '../../support/daemon.ts';

const hasUser = () => /^dockremap:/m.test(readFileSync('/etc/passwd', 'utf8'));
const before = hasUser();

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start(['--userns-remap', 'default']);
});
afterAll(async () => {
  await daemon?.dispose();
  if (!before) spawnSync('userdel', ['dockremap']);
});

const inBox = (flags: string[], script: string) =>
  daemon.docker(['run', '--rm', ...flags, 'bb', 'sh', '-c', script]);

test('the default user has ranges, made where they were missing', () => {
  expect(hasUser()).toBe(true);
  const map = inBox(['--network=none'], 'cat /proc/self/uid_map').stdout.trim().split(/\s+/);
  expect(readFileSync('/etc/subuid', 'utf8')).toContain(`dockremap:${map[1]}:${map[2]}\n`);
});

test("a container's root is root of its network, and of nobody else's", () => {
  const script =
    'ip link add br9 type bridge && ip route add 10.99.0.0/16 dev eth0 && ls /sys/class/net | grep eth0';
  expect(inBox(['--cap-add=NET_ADMIN'], script)).toMatchObject({ status: 0, stdout: 'eth0\n', stderr: '' });
  expect(inBox([], 'ip link set eth0 down').status).not.toBe(0);
  expect(inBox([], 'echo 1 > /proc/sys/net/ipv4/ip_forward').status).not.toBe(0);
});

test('what shares namespaces shares the user namespace that owns them', async () => {
  const id = await daemon.box(['sh', '-c', 'echo shared > /dev/shm/file; exec sleep 300'], {
    HostConfig: { IpcMode: 'shareable' },
  });
  const namespace = (flags: string[]) => inBox(flags, 'stat -L -c %i /proc/self/ns/user').stdout;
  const own = daemon.docker(['exec', id, 'stat', '-L', '-c', '%i', '/proc/self/ns/user']).stdout;
  for (const kind of ['network', 'pid', 'ipc']) expect(namespace([`--${kind}=container:${id}`])).toBe(own);
  expect(namespace([])).not.toBe(own);
  expect(inBox([`--ipc=container:${id}`], 'cat /dev/shm/file').stdout).toBe('shared\n');
  expect(inBox([`--pid=container:${id}`], 'ps | grep -c "[s]leep 300"').stdout).toBe('1\n');
  expect(inBox([`--pid=container:${id}`, '--cap-add=NET_ADMIN'], 'ip link set eth0 down').status).toBe(0);
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test("where the machine's sysfs is shown, nothing that is mounted in it is", async () => {
  const id = await daemon.box(['sleep', '300'], { HostConfig: { NetworkMode: 'none', UsernsMode: 'host' } });
  const { stdout } = inBox([`--network=container:${id}`], 'cat /proc/self/uid_map /proc/self/mountinfo');
  expect(stdout).toMatch(/^ +0 +[1-9]/);
  expect(stdout).toMatch(/ \/ \/sys ro,nosuid,nodev,noexec/);
  // A hierarchy's root is the machine's; the container's own are below it, or of a namespace of its own.
  const own = daemon.docker(['exec', id, 'cat', '/proc/self/mountinfo']).stdout;
  const roots = (text: string) =>
    text.split('\n').filter((line) => / \/ \/sys\/(?!firmware)/.test(line)).length;
  expect(roots(stdout)).toBe(roots(own));
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test("what is the host's cannot be had with a user namespace", () => {
  expect(inBox(['--privileged'], 'true').stderr).toContain('incompatible with user namespaces');
  expect(inBox(['--network=host'], 'true').stderr).toContain("the host's network namespace");
  expect(inBox(['--pid=host'], 'true').stderr).toContain('the host PID namespace');
  expect(inBox(['--privileged', '--userns=host', '--pid=host'], 'true')).toMatchObject({ status: 0 });
});

test('steps of a build are remapped as containers are', () => {
  const Dockerfile = 'FROM bb\nRUN cat /proc/self/uid_map; touch /made; chown 1000 /made\n';
  for (const DOCKER_BUILDKIT of ['1', '0']) {
    const built = daemon.docker(['build', '--no-cache', '-t', 'built', '-'], {
      input: Dockerfile,
      env: { DOCKER_BUILDKIT, BUILDKIT_PROGRESS: 'plain' },
    });
    expect(built.stdout + built.stderr).toMatch(/ 0 +[1-9]\d+ +65536/);
    const { stdout } = daemon.docker(['run', '--rm', 'built', 'stat', '-c', '%u', '/made', '/etc/passwd']);
    expect(stdout).toBe('1000\n0\n');
  }
});

import { TestDaemon, until } from '../../support/daemon.ts';

// Health checks that need no program in the container, and what is done to one that has become unhealthy.

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const berth = (...args: string[]) => daemon.output(args);
const health = (name: string) => berth('inspect', '-f', '{{json .State.Health}}', name);
const status = (name: string) => berth('inspect', '-f', '{{.State.Health.Status}}', name);
const often = ['--health-interval', '200ms', '--health-retries', '2'];

test.each([
  ['http', 'http://:8080/x', 'http://localhost:8081/', 'httpd -f -p 127.0.0.1:8080 -h /www'],
  ['tcp', '127.0.0.1:8080', '8081', 'httpd -f -p 127.0.0.1:8080 -h /www'],
])('%s, at the loopback of the container', async (kind, good, bad, server) => {
  const script = `mkdir /www; echo fine > /www/x; ${server}`;
  berth(
    'run',
    '-d',
    '--name',
    'good',
    '--network',
    'none',
    ...often,
    `--health-${kind}`,
    good,
    'bb',
    'sh',
    '-c',
    script,
  );
  berth(
    'run',
    '-d',
    '--name',
    'bad',
    '--network',
    'none',
    ...often,
    `--health-${kind}`,
    bad,
    'bb',
    'sleep',
    '300',
  );
  await until('health', () => status('good') === 'healthy');
  await until('sickness', () => status('bad') === 'unhealthy');
  if (kind === 'http') expect(health('good')).toContain('HTTP/1.1 200 OK');
  expect(health('bad')).toContain('connect to 127.0.0.1 port 8081: Connection refused');
  berth('rm', '-f', 'good', 'bad');
});

test('a status that tells of an error is one; so is a path without a socket', async () => {
  berth(
    'run',
    '-d',
    '--name',
    'web',
    '--network',
    'none',
    ...often,
    '--health-http',
    'http://:80/none',
    'bb',
    'httpd',
    '-f',
    '-h',
    '/tmp',
  );
  berth('run', '-d', '--name', 'sock', ...often, '--health-unix', '/run/none', 'bb', 'sleep', '300');
  await until('sickness', () => status('web') === 'unhealthy' && status('sock') === 'unhealthy');
  expect(health('web')).toContain('404 Not Found');
  expect(health('sock')).toContain('/run/none: No such file or directory');
  berth('rm', '-f', 'web', 'sock');
});

test('one that is unhealthy is stopped, or started again', async () => {
  const sick = ['--health-cmd', 'test ! -f /sick', ...often];
  berth(
    'run',
    '-d',
    '--name',
    'stops',
    '--restart',
    'always',
    '--on-unhealthy',
    'stop',
    '-t',
    ...sick,
    'bb',
    'sh',
    '-c',
    'touch /sick; trap exit TERM; while :; do sleep 0.1; done',
  );
  berth(
    'run',
    '-d',
    '--name',
    'again',
    '--on-unhealthy',
    'restart',
    ...sick,
    'bb',
    'sh',
    '-c',
    '[ -f /once ] || touch /sick /once; [ -f /was ] && rm -f /sick; touch /was; trap exit TERM; while :; do sleep 0.1; done',
  );
  await until('the stop', () => berth('inspect', '-f', '{{.State.Status}}', 'stops') === 'exited');
  await until('health after a restart', () => status('again') === 'healthy');
  berth('rm', '-f', 'stops', 'again');
});

test.each([
  [['--health-http', 'https://x'], 'the URL must begin with http://'],
  [['--health-tcp', 'example.com:80'], 'the host must be an address'],
  [['--health-tcp', '99999'], 'a port from 1 to 65535 is wanted'],
  [['--health-unix', 'run/x'], 'the path must be absolute'],
  [['--on-unhealthy', 'pray'], 'OnUnhealthy must be none, restart or stop'],
  [['--health-tcp', '80', '--health-cmd', 'true'], 'one health check'],
])('what is refused: %j', (flags, why) => {
  expect(daemon.berth(['create', ...flags, 'bb', 'true']).stderr).toContain(why);
});

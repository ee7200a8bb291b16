import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon, until } from '../../support/daemon.ts';

// Secrets and configs without a swarm: by Docker's own commands, and in containers.

let daemon: TestDaemon;
let remapped: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start(['-D']);
  remapped = await TestDaemon.start(['--userns-remap', 'default']);
});
afterAll(async () => {
  await daemon?.dispose();
  await remapped?.dispose();
});

const TEXT = 'kept-from-all-eyes';
const mounted = () =>
  readFileSync('/proc/self/mountinfo', 'utf8').includes(join(daemon.folder, 'exec/secrets'));

function berth(...args: string[]): string {
  const { status, stdout, stderr } = daemon.berth(args, { input: TEXT });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

test("Docker's and our commands make, list, show and remove them", () => {
  const id = berth('secret', 'create', '-l', 'a=b', 'one', '-');
  expect(daemon.docker(['secret', 'create', 'one', '-'], { input: 'x' }).stderr).toContain(
    'secret one already exists',
  );
  expect(daemon.succeeds('secret', 'ls', '-q')).toBe(id);
  expect(berth('secret', 'ls', '--format', '{{.Name}} {{.Labels}}')).toBe('one a=b');
  expect(daemon.succeeds('secret', 'inspect', '-f', '{{.Spec.Name}}{{.Spec.Data}}', 'one')).toBe('one[]');
  expect(berth('config', 'create', 'two', '-')).toMatch(/^[a-z0-9]{25}$/);
  expect(daemon.succeeds('config', 'inspect', '--pretty', 'two')).toContain(`Data:\n${TEXT}`);
  expect(daemon.succeeds('config', 'rm', 'two')).toBe('two');
  expect(berth('secret', 'rm', 'one')).toBe('one');
  expect(daemon.docker(['secret', 'inspect', 'one']).status).not.toBe(0);
});

test('a container has them as files, and nothing else tells of their bytes', async () => {
  berth('secret', 'create', 'db', '-');
  berth('config', 'create', 'app.conf', '-');
  berth(
    ...[
      'run',
      '-d',
      '--name=holds',
      '--network=none',
      '--secret',
      'db',
      '--config',
      'app.conf,target=/etc/app',
    ],
    ...['--secret', 'db,target=own,uid=5,gid=6,mode=0400', 'bb', 'sleep', '600'],
  );
  const seen = 'cat /run/secrets/db /run/secrets/own /etc/app; stat -c "%a %u:%g" /run/secrets/*';
  expect(daemon.succeeds('exec', 'holds', 'sh', '-c', seen)).toBe(`${TEXT.repeat(3)}444 0:0\n400 5:6`);
  expect(daemon.succeeds('exec', 'holds', 'stat', '-f', '-c', '%T', '/run/secrets')).toBe('tmpfs');
  expect(daemon.docker(['exec', 'holds', 'sh', '-c', 'echo x >/run/secrets/db']).stderr).toContain(
    'Read-only',
  );

  expect(daemon.succeeds('inspect', 'holds')).not.toContain(TEXT);
  expect(daemon.succeeds('inspect', 'holds')).toContain('"SecretName": "db"');
  expect(daemon.succeeds('diff', 'holds')).not.toMatch(/secrets\/|SECRET/);
  expect(daemon.succeeds('export', 'holds')).not.toContain(TEXT);
  daemon.succeeds('commit', 'holds', 'committed');
  expect(daemon.succeeds('run', '--rm', '--network=none', 'committed', 'ls', '/run/secrets')).toBe('');
  for (const file of ['log', 'data/berth.db', 'data/berth.db-wal'])
    if (existsSync(join(daemon.folder, file)))
      expect(readFileSync(join(daemon.folder, file)).includes(TEXT)).toBe(false);

  expect((await daemon.call('DELETE', '/secrets/db')).status).toBe(409);
  // They are there again for each run, also of a daemon that was killed meanwhile.
  await daemon.down('SIGKILL');
  await daemon.up();
  daemon.succeeds('restart', '-t0', 'holds');
  expect(daemon.succeeds('exec', 'holds', 'cat', '/run/secrets/db')).toBe(TEXT);
  expect(mounted()).toBe(true);
  daemon.succeeds('stop', '-t0', 'holds');
  await until('the tmpfs to go', () => !mounted());
  daemon.succeeds('rm', 'holds');
  expect((await daemon.call('DELETE', '/secrets/db')).status).toBe(204);
  expect((await daemon.call('DELETE', '/configs/app.conf')).status).toBe(204);
});

test('clients without such options name them by annotations', () => {
  berth('secret', 'create', 'by-note', '-');
  const run = (note: string) =>
    daemon.docker(
      ['run', '--rm', '--network=none', '--annotation', `dev.berth.secrets=${note}`].concat(
        'bb',
        'cat',
        '/x/y',
      ),
    );
  expect(run('by-note,target=/x/y')).toMatchObject({ status: 0, stdout: TEXT });
  expect(run('nosuch').stderr).toContain('secret nosuch not found: make it first');
});

test("a user namespace's users own their files", () => {
  remapped.berth(['secret', 'create', 'db', '-'], { input: TEXT });
  const args = ['run', '--rm', '--network=none', '--secret', 'db,uid=1000,mode=400', '-u', '1000', 'bb'];
  expect(remapped.berth([...args, 'cat', '/run/secrets/db'])).toMatchObject({ status: 0, stdout: TEXT });
});

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { dist, TestDaemon, until } from '../../support/daemon.ts';

// Volumes out to archives, in from them, and copied: with all that files have, or nothing is left.

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  daemon.succeeds('volume', 'create', 'full');
  const inside = (name: string) => join(place('full'), name);
  const script = `cd "$1"; echo hi >a; ln a b; mkdir d; chmod 1770 d; chown 3:4 d; ln -s ../../../nowhere l; mkfifo p
truncate -s 64M hole; truncate -s 1M mid; printf x | dd of=mid bs=1 seek=500000 conv=notrunc 2>/dev/null; chmod 4755 mid
touch -d '2001-01-01 01:02:03.123456789' a; chmod 2750 .; chown 7:8 .`;
  spawnSync('sh', ['-c', script, 'sh', inside('')]);
  xattr('set', inside('a'));
});
afterAll(async () => {
  await daemon?.dispose();
});

const volumes = () => join(daemon.data, 'volumes');
const place = (name: string) => join(volumes(), name, '_data');
/** All that is known of a volume's files, blocks and extended attributes too. */
function files(name: string): string {
  const script = `cd "$1" && find . -printf '%p %y %m %U:%G %n %s %b %T@ %l\\n' | sort; cat a mid | md5sum`;
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', place(name)], { encoding: 'utf8' });
  return stdout + xattr('get', join(place(name), 'a'));
}
/** Node has no call for extended attributes. */
function xattr(verb: 'get' | 'set', path: string): string {
  const value = verb === 'set' ? ', b"kept"' : '';
  const script = `import os, sys; print(os.${verb}xattr(sys.argv[1], "user.note"${value}))`;
  return spawnSync('python3', ['-c', script, path], { encoding: 'utf8' }).stdout;
}
const unfinished = () => readdirSync(volumes()).filter((name) => name.startsWith('.unfinished-'));
const names = () => daemon.succeeds('volume', 'ls', '-q').split('\n').sort();

test('an export that is imported again has the same files, holes and links', () => {
  const tar = join(daemon.folder, 'full.tar');
  expect(daemon.berth(['volume', 'export', '-o', tar, 'full'])).toMatchObject({ status: 0 });
  expect(statSync(tar).size).toBeLessThan(200_000);
  expect(daemon.berth(['volume', 'import', 'again', tar])).toMatchObject({ status: 0, stdout: 'again\n' });
  expect(files('again')).toBe(files('full'));
  expect(files('full')).toContain("b'kept'");
  // GNU tar reads it, and writes what is read here.
  const other = join(daemon.folder, 'gnu');
  mkdirSync(other);
  expect(spawnSync('tar', ['-C', other, '-xpf', tar]).status).toBe(0);
  const gnu = spawnSync('tar', ['-C', other, '--sparse', '-czf', '-', '.'], { maxBuffer: 1 << 26 }).stdout;
  expect(daemon.berth(['volume', 'import', 'gnu'], { input: gnu })).toMatchObject({ status: 0 });
  const shape = (name: string) =>
    spawnSync('sh', [
      '-c',
      'cd "$1" && find . -printf "%p %y %m %U:%G %n %s\\n" | sort',
      'sh',
      place(name),
    ]).stdout.toString();
  expect(shape('gnu')).toBe(shape('full'));
});

test('a volume that has files, or that a container refers to, is no place for an import', async () => {
  const tar = spawnSync('tar', ['-C', daemon.folder, '-cf', '-', 'pid']).stdout;
  expect(daemon.berth(['volume', 'import', 'full'], { input: tar }).stderr).toContain('it has files');
  daemon.succeeds('volume', 'create', 'used');
  daemon.succeeds('create', '--name=user', '-v', 'used:/v', '--network=none', 'bb');
  expect(daemon.berth(['volume', 'import', 'used'], { input: tar }).stderr).toContain(
    'containers refer to it',
  );
  daemon.succeeds('rm', 'user');
  expect(daemon.berth(['volume', 'import', 'used'], { input: tar })).toMatchObject({ status: 0 });
  expect(readdirSync(place('used'))).toEqual(['pid']);
  expect(unfinished()).toEqual([]);
});

test('a broken archive, one that leads out, and a client that leaves: nothing is left', async () => {
  const before = names();
  expect((await daemon.call('POST', '/volumes/broken/import', Buffer.alloc(4096, 'x'))).status).toBe(400);
  const evil = join(daemon.folder, 'evil');
  mkdirSync(evil);
  writeFileSync(join(evil, 'f'), 'x');
  const leads = spawnSync('tar', [
    '-C',
    evil,
    '-P',
    '--transform',
    's,^,../../../../tmp/berth-evil-,',
    '-cf',
    '-',
    'f',
  ]).stdout;
  expect((await daemon.call('POST', '/volumes/evil/import', leads)).status).toBe(400);
  expect(existsSync('/tmp/berth-evil-f')).toBe(false);

  const left = request({
    socketPath: daemon.socket,
    method: 'POST',
    path: '/volumes/left/import',
    headers: { 'content-type': 'application/x-tar', 'content-length': 1 << 30 },
  });
  left.on('error', () => undefined);
  left.write(
    spawnSync('tar', ['-C', place('full'), '-cf', '-', '.'], { maxBuffer: 1 << 27 }).stdout.subarray(
      0,
      1 << 20,
    ),
  );
  await until('the import to begin', () => unfinished().length === 1);
  left.destroy();
  await until('its files to go', () => unfinished().length === 0);

  const child = spawn(join(dist, 'berth'), ['-H', daemon.host, 'volume', 'import', 'left'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.write(Buffer.alloc(512));
  await until('the import to begin', () => unfinished().length === 1);
  child.kill('SIGINT');
  await until('its files to go', () => unfinished().length === 0);
  child.stdin.destroy();
  expect(names()).toEqual(before);
});

test('a daemon that is killed in an import clears it away', async () => {
  const left = request({
    socketPath: daemon.socket,
    method: 'POST',
    path: '/volumes/left/import',
    headers: { 'content-type': 'application/x-tar', 'content-length': 1 << 30 },
  });
  left.on('error', () => undefined);
  left.write(Buffer.alloc(512));
  await until('the import to begin', () => unfinished().length === 1);
  await daemon.down('SIGKILL');
  left.destroy();
  await daemon.up();
  expect(unfinished()).toEqual([]);
  expect(names()).not.toContain('left');
});

test('clones and snapshots', async () => {
  const cloned = await daemon.call('POST', '/volumes/full/clone', { Name: 'copy', Labels: { a: 'b' } });
  expect(cloned.json).toMatchObject({ Volume: { Name: 'copy', Labels: { a: 'b' } } });
  expect(cloned.json.Shared + cloned.json.Copied).toBe(3);
  expect(files('copy')).toBe(files('full'));
  expect((await daemon.call('POST', '/volumes/full/clone', { Name: 'copy' })).status).toBe(409);
  expect((await daemon.call('POST', '/volumes/nosuch/clone', { Name: 'x1' })).status).toBe(404);
  expect((await daemon.call('POST', '/volumes/full/clone', { Name: '../x' })).status).toBe(400);
  const { stdout } = daemon.berth(['volume', 'snapshot', 'full']);
  expect(stdout).toMatch(/^full-\d{8}-\d{6}\n$/);
  expect(daemon.succeeds('volume', 'ls', '-q', '--filter', 'label=dev.berth.volume.snapshot-of=full')).toBe(
    stdout.trim(),
  );
  const always = daemon.berth(['volume', 'clone', '--reflink', 'always', 'full', 'shared']);
  if (cloned.json.Shared > 0) expect(always.status).toBe(0);
  else expect(always.stderr).toContain('cannot share data between files (reflink)');
  expect(names().includes('shared')).toBe(cloned.json.Shared > 0);
  expect(unfinished()).toEqual([]);
});

import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';

// Binds whose files have other ids in the container than on the host (id-mapped mounts).

const hasUser = () => /^dockremap:/m.test(readFileSync('/etc/passwd', 'utf8'));
const before = hasUser();
const root = mkdtempSync(join(tmpdir(), 'berth-idmap-'));
// A tmpfs takes mappings (Linux 6.3), whatever the host's own folders are on.
const place = join(root, 'place');
const lower = join(place, 'lower');
const shared = join(place, 'shared');
let plain: TestDaemon;
let remapped: TestDaemon;

beforeAll(async () => {
  mkdirSync(place);
  execFileSync('mount', ['-t', 'tmpfs', 'berth-test', place]);
  for (const folder of [lower, shared]) mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', 'berth-test', lower]);
  [plain, remapped] = await Promise.all([
    TestDaemon.start(),
    TestDaemon.start(['--userns-remap', 'default']),
  ]);
}, 60_000);
afterAll(async () => {
  await Promise.all([plain?.dispose(), remapped?.dispose()]);
  spawnSync('umount', ['-R', place]);
  rmSync(root, { recursive: true, force: true });
  if (!before) spawnSync('userdel', ['dockremap']);
});

/** The owners of a file and of one that is made, as the container sees them. */
const LOOK = 'stat -c %u:%g /m/old; echo new >/m/new && stat -c %u:%g /m/new';
const owner = (path: string) => {
  const { uid, gid } = statSync(path);
  return `${uid}:${gid}`;
};
function look(daemon: TestDaemon, flags: string[], script = LOOK): string {
  writeFileSync(join(shared, 'old'), 'old');
  chownSync(join(shared, 'old'), 1000, 1001);
  rmSync(join(shared, 'new'), { force: true });
  chownSync(shared, 1000, 1001);
  const ran = daemon.berth(['run', '--rm', '--network', 'none', ...flags, 'bb', 'sh', '-c', script]);
  expect([ran.status, ran.stderr]).toEqual([0, '']);
  return ran.stdout.trim().replaceAll('\n', ' ');
}

test('files of user 1000 are those of root, and what root makes is of user 1000', async () => {
  const map = 'idmap=uids=1000-0-1;gids=1001-0-1';
  expect(look(plain, ['-v', `${shared}:/m:${map}`])).toBe('0:0 0:0');
  expect(owner(join(shared, 'new'))).toBe('1000:1001');
  expect(look(plain, ['--mount', `type=bind,src=${shared},dst=/m,${map}`])).toBe('0:0 0:0');
  // A kind that is not named stays as it is.
  expect(look(plain, ['-v', `${shared}:/m:idmap=uids=1000-0-1`])).toBe('0:1001 0:0');
  expect(owner(join(shared, 'new'))).toBe('1000:0');
});

test('with remapped users the files can have the ids of the container', () => {
  const script = 'chown 1000:1001 /m/old && touch /m/new && stat -c %u:%g /m/old /m/new';
  const seen = look(remapped, ['-v', `${shared}:/m`], 'stat -c %u:%g /m/old; touch /m/new 2>&1 || true');
  expect(seen).toMatch(/^65534:65534 touch: .*Permission denied$/);
  expect(look(remapped, ['-v', `${shared}:/m:idmap`], script)).toBe('1000:1001 0:0');
  expect([owner(join(shared, 'old')), owner(join(shared, 'new'))]).toEqual(['1000:1001', '0:0']);
  expect(look(remapped, ['-v', `${shared}:/m:idmap=uids=@1000-0-1;gids=@1001-0-1`])).toBe('0:0 0:0');
  expect(owner(join(shared, 'new'))).toBe('1000:1001');
});

test('what is mounted below the source is mapped, too', () => {
  writeFileSync(join(lower, 'f'), '');
  chownSync(join(lower, 'f'), 1000, 1000);
  const script = 'stat -c %u /m/lower/f';
  expect(look(plain, ['-v', `${place}:/m:idmap=uids=1000-7-1`], script)).toBe('7');
});

test('the map is shown, survives a restart of the daemon, and comes to a running container', async () => {
  const map = 'uids=1000-0-1;gids=1001-0-1';
  const mount = { Type: 'bind', Source: shared, Target: '/m', BindOptions: { IDMap: map } };
  const id = await plain.box(['sleep', '300'], { HostConfig: { NetworkMode: 'none', Mounts: [mount] } });
  await plain.down('SIGKILL');
  await plain.up();
  expect(plain.berth(['restart', '-t', '0', id]).status).toBe(0);
  const inside = (path: string) => plain.berth(['exec', id, 'stat', '-c', '%u:%g', path]).stdout.trim();
  expect(inside('/m/old')).toBe('0:0');
  const { json } = await plain.call('GET', `/containers/${id}/json`);
  expect(json.HostConfig.Mounts).toEqual([mount]);
  const { status } = await plain.call('POST', `/containers/${id}/update`, {
    Mounts: [{ ...mount, Target: '/late' }],
  });
  expect([status, inside('/late/old')]).toEqual([200, '0:0']);
  await plain.call('DELETE', `/containers/${id}?force=1`);
});

test('what cannot be is refused with its field', async () => {
  const refused = async (IDMap: unknown) => {
    const { status, json } = await plain.call('POST', '/containers/create', {
      Image: 'bb',
      HostConfig: { Mounts: [{ Type: 'bind', Source: shared, Target: '/m', BindOptions: { IDMap } }] },
    });
    return `${status} ${json.message}`;
  };
  expect(await refused('container')).toMatch(/^400 .*BindOptions\.IDMap.*no user namespace/);
  expect(await refused('uids=0-1')).toMatch(/^400 .*BindOptions\.IDMap.*no range FILE-HOST-SIZE/);
  expect(await refused(true)).toMatch(/^400 .*IDMap/);
  expect((await plain.call('GET', '/containers/json?all=1')).json).toEqual([]);
});

test('a file system that maps no ids is named, with what can be done', () => {
  const ran = plain.berth(['run', '--rm', '-v', '/proc/sys:/m:idmap=uids=0-1-1', 'bb', 'true']);
  expect(ran.status).not.toBe(0);
  expect(ran.stderr).toMatch(/map the ids of its files: .*cannot map ids: use ext4/);
});

test.each(['runc', 'crun'].filter((name) => spawnSync(name, ['--version']).status === 0))(
  'under the runtime %s',
  async (name) => {
    const daemon = await TestDaemon.start(['--add-runtime', `other=${name}`]);
    try {
      const map = 'idmap=uids=1000-0-1;gids=1001-0-1';
      expect(look(daemon, ['--runtime', 'other', '-v', `${shared}:/m:${map}`])).toBe('0:0 0:0');
      expect(owner(join(shared, 'new'))).toBe('1000:1001');
    } finally {
      await daemon.dispose();
    }
  },
);

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeProgram } from '@berth/native';
import { openEvents } from '../events/index.ts';
import { createHelper } from '../layers/helper.ts';
import { folderSizes } from '../layers/sizes.ts';
import { openTrees } from '../layers/trees.ts';
import { openStore, type Store } from '../store/index.ts';
import { openVolumes, type Volumes } from './index.ts';

const folderSize = folderSizes(createHelper(nativeProgram)).of;
const ownTrees = openTrees(createHelper(nativeProgram));
let root: string;
let store: Store;
let volumes: Volumes;
const events = openEvents();
let users: Record<string, string[]>;

async function open(trees = ownTrees): Promise<void> {
  store = openStore(join(root, 'berth.db'));
  volumes = openVolumes({ dataRoot: root, store, events, folderSize, trees });
  volumes.setUsers((name) => users[name] ?? []);
  await volumes.reconcile();
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'berth-volumes-'));
  users = {};
  await open();
});
afterEach(async () => {
  for (const { Name } of await volumes.list()) await volumes.unmount(Name, 'owner');
  store.close();
  rmSync(root, { recursive: true });
});

test('a volume is filled wholly or not at all, and nothing that is there is lost', async () => {
  const { volume } = await volumes.create({ name: 'data' });
  const files = () => readdirSync(volume.Mountpoint).sort();
  const writing = (name: string) => async (place: { source: string }) =>
    writeFileSync(join(place.source, name), 'x');
  const broken = volumes.fill('data', 'me', undefined, async (place) => {
    await writing('half')(place);
    // What a kill leaves here is nothing that a user sees.
    expect(files()).toEqual([]);
    throw new Error('no room');
  });
  await expect(broken).rejects.toThrow('no room');
  expect(files()).toEqual([]);
  mkdirSync(join(volume.Mountpoint, 'folder'));
  await volumes.fill('data', 'me', 'folder', writing('f'));
  expect(readdirSync(join(volume.Mountpoint, 'folder'))).toEqual(['f']);
  // A link out of the volume is followed nowhere.
  const outside = join(root, 'outside');
  mkdirSync(outside);
  symlinkSync(outside, join(volume.Mountpoint, 'link'));
  await volumes.fill('data', 'me', 'link', writing('l'));
  expect(readdirSync(outside)).toEqual([]);
  rmSync(join(volume.Mountpoint, 'link'));
  // A folder that was written to meanwhile is kept.
  await volumes.fill('data', 'me', undefined, writing('g'));
  expect(files()).toEqual(['folder']);
  // Others may have it mounted: a folder in its place would not be theirs.
  users = { data: ['me', 'other'] };
  await volumes.fill('data', 'me', undefined, writing('h'));
  expect(files()).toEqual(['folder', 'h']);
  expect(readdirSync(join(root, 'volumes')).filter((name) => name.startsWith('.unfinished'))).toEqual([]);
});

test('a volume whose folder is a link or a mount is filled where it is', async () => {
  const { volume } = await volumes.create({ name: 'moved' });
  const elsewhere = join(root, 'elsewhere');
  mkdirSync(elsewhere);
  rmdirSync(volume.Mountpoint);
  symlinkSync(elsewhere, volume.Mountpoint);
  const put = async (place: { source: string }) => writeFileSync(join(place.source, 'f'), 'x');
  await volumes.fill('moved', 'me', undefined, put);
  expect(readdirSync(elsewhere)).toEqual(['f']);
  const { volume: other } = await volumes.create({ name: 'mounted' });
  const mount = (...args: string[]) => expect(spawnSync(args[0]!, args.slice(1)).status).toBe(0);
  mount('mount', '-t', 'tmpfs', 'tmpfs', other.Mountpoint);
  try {
    await volumes.fill('mounted', 'me', undefined, put);
    expect(readdirSync(other.Mountpoint)).toEqual(['f']);
  } finally {
    mount('umount', other.Mountpoint);
  }
});

test('who asks for a volume that is being made is told when it is on the disk', async () => {
  const made: string[] = [];
  const first = volumes.create({ name: 'data' }).then(() => made.push('first'));
  const second = volumes.create({ name: 'data' }).then(() => made.push('second'));
  await Promise.all([first, second]);
  expect(made).toEqual(['first', 'second']);
});

test('a volume is made once, kept over a restart, and removed with its files', async () => {
  const { volume, created } = await volumes.create({ name: 'data', labels: { a: 'b' } });
  expect(created).toBe(true);
  expect(volume).toMatchObject({
    Name: 'data',
    Driver: 'local',
    Labels: { a: 'b' },
    Options: null,
    Scope: 'local',
  });
  expect(statSync(volume.Mountpoint).mode & 0o777).toBe(0o755);
  expect((await volumes.create({ name: 'data' })).created).toBe(false);
  expect(await volumes.needsCopyUp('data')).toBe(true);
  writeFileSync(join(volume.Mountpoint, 'f'), 'x'.repeat(1000));
  expect(await volumes.needsCopyUp('data')).toBe(false);
  mkdirSync(join(volume.Mountpoint, 'folder'));
  symlinkSync('/', join(volume.Mountpoint, 'out'));
  expect(await volumes.needsCopyUp('data', 'folder')).toBe(true);
  for (const path of ['f', 'nothing', 'out/proc/tty', '..'])
    expect(await volumes.needsCopyUp('data', path)).toBe(false);
  for (const name of ['folder', 'out']) rmSync(join(volume.Mountpoint, name), { recursive: true });
  expect(await volumes.size('data')).toBe(1000);

  store.close();
  await open();
  expect(volumes.get('data')).toEqual(volume);
  await volumes.remove('data', { force: false });
  expect(existsSync(join(root, 'volumes', 'data'))).toBe(false);
  expect(() => volumes.get('data')).toThrow('get data: no such volume');
});

test('a size is told of a volume whose folder comes or goes meanwhile, and of none that was removed', async () => {
  const { volume } = await volumes.create({ name: 'data' });
  let meanwhile: () => Promise<unknown> | unknown = () => undefined;
  const slow = async (folder: string) => {
    const counted = folderSize(folder);
    await counted.catch(() => undefined);
    await meanwhile();
    return counted;
  };
  const other = openVolumes({ dataRoot: root, store, events, folderSize: slow, trees: ownTrees });
  rmSync(volume.Mountpoint, { recursive: true });
  meanwhile = () => mkdirSync(volume.Mountpoint);
  expect(await other.size('data')).toBe(0);

  meanwhile = () => other.remove('data', { force: false });
  rmSync(volume.Mountpoint, { recursive: true });
  await expect(other.size('data')).rejects.toThrow('get data: no such volume');
  await expect(other.size('data')).rejects.toThrow('get data: no such volume');
});

test('at the start: removals end, files without a record are a volume again, the rest goes', async () => {
  await volumes.create({ name: 'kept' });
  await volumes.create({ name: 'half-removed' });
  store.close();
  rmSync(join(root, 'volumes', 'kept'), { recursive: true });
  mkdirSync(join(root, 'volumes', 'found', '_data'), { recursive: true });
  mkdirSync(join(root, 'volumes', 'no-volume'));
  mkdirSync(join(root, 'volumes', '.removed'), { recursive: true });
  renameSync(join(root, 'volumes', 'half-removed'), join(root, 'volumes', '.removed', 'half-removed'));
  await open();
  expect((await volumes.list()).map(({ Name }) => Name)).toEqual(['kept', 'found']);
  expect(readdirSync(join(root, 'volumes')).sort()).toEqual(['.removed', 'found', 'kept']);
  expect(readdirSync(join(root, 'volumes', '.removed'))).toEqual([]);
});

test('what cannot be removed is no reason not to start', async () => {
  await volumes.create({ name: 'kept' });
  await volumes.create({ name: 'gone' });
  await volumes.remove('gone', { force: false });
  store.close();
  const stubborn = ['.unfinished-1', '.removed', 'gone', 'no-volume'];
  // By their paths such files cannot be reached, and the program that could remove them is not there.
  const deep = Array(15).fill('x'.repeat(200)).join('/');
  const aside = join(root, 'aside');
  for (const name of stubborn) {
    mkdirSync(join(root, 'volumes', name, deep), { recursive: true });
    mkdirSync(join(aside, deep), { recursive: true });
    renameSync(aside, join(root, 'volumes', name, deep, 'more'));
  }
  try {
    await open(openTrees(createHelper('/nowhere/berth-native')));
    expect((await volumes.list()).map(({ Name }) => Name)).toEqual(['kept']);
    expect(readdirSync(join(root, 'volumes')).sort()).toEqual([...stubborn, 'kept'].sort());
    store.close();
    await open();
    expect(readdirSync(join(root, 'volumes')).sort()).toEqual(['.removed', 'kept']);
  } finally {
    for (const name of stubborn) await ownTrees.remove(join(root, 'volumes', name));
  }
});

test('one that cannot be recorded leaves no folder', async () => {
  const { flush } = store;
  store.flush = () => Promise.reject(new Error('the disk is full'));
  const all = Array.from({ length: 100 }, (_, index) => volumes.create({ name: `full${index}` }));
  for (const one of await Promise.allSettled(all)) expect(one.status).toBe('rejected');
  store.flush = flush;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(readdirSync(join(root, 'volumes')).filter((name) => name.startsWith('full'))).toEqual([]);
  expect(await volumes.list()).toEqual([]);
});

test('one in use stays', async () => {
  await volumes.create({ name: 'used' });
  users['used'] = ['c1'];
  await expect(volumes.remove('used', { force: true })).rejects.toMatchObject({
    kind: 'conflict',
    message: 'remove used: volume is in use - [c1]',
  });
  await expect(volumes.remove('nope', { force: false })).rejects.toMatchObject({ kind: 'not-found' });
  await volumes.remove('nope', { force: true });
});

test.each([
  [
    { driver: 'x', name: 'ab' },
    'not-found',
    'create ab: error looking up volume plugin x: plugin "x" not found',
  ],
  [
    { name: 'x' },
    'invalid-parameter',
    'create x: volume name is too short, names should be at least two alphanumeric characters',
  ],
  [{ name: 'ab', options: { x: 'y' } }, 'invalid-parameter', 'create ab: invalid option: "x"'],
  [
    { name: 'ab', options: { type: 'y' } },
    'invalid-parameter',
    'create ab: missing required option: "device"',
  ],
])('refuses %j', async (options, kind, message) => {
  await expect(volumes.create(options)).rejects.toMatchObject({ kind, message });
  expect(await volumes.list()).toEqual([]);
});

test('lists by filters', async () => {
  await volumes.create({ name: 'one', labels: { a: '1' } });
  await volumes.create({ name: 'two' });
  users['two'] = ['c'];
  const names = async (filters: Record<string, string[]>) =>
    (await volumes.list(filters)).map(({ Name }) => Name);
  expect(await names({})).toEqual(['one', 'two']);
  expect(await names({ name: ['tw'] })).toEqual(['two']);
  expect(await names({ label: ['a=1'] })).toEqual(['one']);
  expect(await names({ label: ['a=2'] })).toEqual([]);
  expect(await names({ dangling: ['true'] })).toEqual(['one']);
  expect(await names({ dangling: ['0'] })).toEqual(['two']);
  expect(await names({ driver: ['nfs'] })).toEqual([]);
  await expect(volumes.list({ x: ['y'] })).rejects.toThrow("invalid filter 'x'");
});

test('prune takes anonymous volumes, or all', async () => {
  const { volume } = await volumes.create({});
  await volumes.create({ name: 'named' });
  expect((await volumes.prune({})).VolumesDeleted).toEqual([volume.Name]);
  expect((await volumes.prune({})).VolumesDeleted).toEqual([]);
  // One with options is data from elsewhere.
  await volumes.create({ name: 'ram', options: { type: 'tmpfs', device: 'tmpfs' } });
  expect((await volumes.prune({ all: ['true'] })).VolumesDeleted).toEqual(['named']);
  await volumes.remove('ram', { force: false });
});

test('a volume with mount options is mounted while it is used', async () => {
  const { volume } = await volumes.create({
    name: 'ram',
    options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' },
  });
  const mounted = () => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${volume.Mountpoint} `);
  await volumes.mount('ram', 'owner');
  await volumes.mount('ram', 'other');
  expect(mounted()).toBe(true);
  await volumes.unmount('ram', 'other');
  expect(mounted()).toBe(true);
  await volumes.unmount('ram', 'owner');
  expect(mounted()).toBe(false);
  await volumes.mount('ram', 'gone');
  store.close();
  await open(); // a daemon that knows of nobody who uses it
  expect(mounted()).toBe(false);
});

test('a size of 0 is no limit, and a volume with it is one of files', async () => {
  await volumes.create({ name: 'unlimited', options: { size: '0' } });
  await volumes.mount('unlimited', 'owner');
  expect(await volumes.needsCopyUp('unlimited')).toBe(true);
  await volumes.unmount('unlimited', 'owner');
  const limited = volumes.create({ name: 'limited', options: { size: '1m' } });
  await expect(limited).rejects.toThrow('quota size requested but no quota support');
});

test("a mount that fails is told in the kernel's words, without the password", async () => {
  await volumes.create({
    name: 'gone',
    options: { type: 'none', device: '/no/such/folder', o: 'bind,password=secret' },
  });
  await expect(volumes.mount('gone', 'owner')).rejects.toThrow(
    /, flags: 0x1000, data: password=\*{8}: no such file or directory$/,
  );
});

test('the name of a server of NFS is looked up, which the kernel does not do', async () => {
  await volumes.create({ name: 'far', options: { type: 'nfs', device: ':/x', o: 'addr=nosuch.invalid,ro' } });
  await expect(volumes.mount('far', 'owner')).rejects.toThrow(
    /error resolving passed in network volume address: lookup nosuch\.invalid.*: (no such host|server misbehaving)$/,
  );
  await volumes.create({ name: 'near', options: { type: 'nfs', device: ':/x', o: 'ro,addr=localhost' } });
  // What is mounted then depends on the machine; without a server it is refused.
  await expect(volumes.mount('near', 'owner')).rejects.toThrow(/data: addr=(127\.0\.0\.1|::1)/);
});

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { buildkit, GrpcClient, GrpcServer, method, packetType } from '@berth/grpc';
import { Tree } from '../../tree/tree.ts';
import { receiveTree } from './receive.ts';
import { Remembered, type RememberedFile } from './remembered.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-receive-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A client with some files, and the numbers of those that were asked for. */
function clientWith(files: Record<string, string>, ends?: 'names' | 'a file') {
  const asked: string[] = [];
  const names = Object.keys(files);
  let finished = 0;
  const server = new GrpcServer({
    '/moby.filesync.v1.FileSync/DiffCopy': method('Packet', 'Packet', async (call) => {
      for (const path of names)
        await call.send({
          type: packetType.stat,
          stat: { path, mode: 0o644, size: files[path]!.length, modTime: 1e18 },
        });
      if (ends === 'names') return undefined;
      await call.send({ type: packetType.stat });
      for await (const packet of call.requests) {
        if (packet.type === packetType.fin) {
          finished++;
          await call.send({ type: packetType.fin });
          return undefined;
        }
        const path = names[packet.ID]!;
        asked.push(path);
        if (ends === 'a file') {
          await call.send({ type: packetType.fin });
          return undefined;
        }
        await call.send({ type: packetType.data, ID: packet.ID, data: Buffer.from(files[path]!) });
        await call.send({ type: packetType.data, ID: packet.ID });
      }
      return undefined;
    }),
  });
  const [near, far] = duplexPair();
  void server.accept(far);
  const client = new GrpcClient(near, buildkit);
  return { client, asked, finished: () => finished, close: () => client.destroy() };
}

const wanted = { name: 'context', signal: new AbortController().signal };
const mapOf = (files: readonly RememberedFile[]) => new Map(files.map((file) => [file.path, file]));
let made = 0;
const trees: Tree[] = [];
async function newTree(): Promise<Tree> {
  const tree = await Tree.create(join(folder, `tree${made++}`));
  trees.push(tree);
  return tree;
}
afterEach(async () => {
  for (const tree of trees.splice(0)) await tree.close();
});
const textOf = async (tree: Tree, path: string) => (await tree.readAll(tree.entries.get(path)!)).toString();

test('a file that looks as before is not asked for until one is read, then all are', async () => {
  const first = await newTree();
  const before = clientWith({ a: 'one', b: 'two' });
  const known = mapOf(await receiveTree(before.client, first, wanted));
  expect(before.asked.sort()).toEqual(['a', 'b']);

  const again = clientWith({ a: 'one', b: 'two', c: 'three' });
  const tree = await newTree();
  const files = await receiveTree(again.client, tree, { ...wanted, known });
  expect(again.asked).toEqual(['c']);
  expect(files.map(({ path, digest }) => [path, digest])).toEqual([
    ...[...known.values()].map(({ path, digest }) => [path, digest]),
    ['c', tree.entries.get('c')!.digest],
  ]);
  // Nothing tells the client to end while its files may be wanted.
  expect(again.finished()).toBe(0);
  expect(await textOf(tree, 'b')).toBe('two');
  expect(await textOf(tree, 'a')).toBe('one');
  expect(again.asked.sort()).toEqual(['a', 'b', 'c']);
  before.close();
  again.close();
});

test('bytes that are not those that were known are told of, and the file is named', async () => {
  const before = clientWith({ a: 'one' });
  const known = mapOf(await receiveTree(before.client, await newTree(), wanted));
  const after = clientWith({ a: 'two' });
  const tree = await newTree();
  const onChanged = jest.fn();
  await receiveTree(after.client, tree, { ...wanted, known, onChanged });
  await expect(textOf(tree, 'a')).rejects.toThrow(/^a has other bytes than at the last build/);
  expect(onChanged).toHaveBeenCalled();
  before.close();
  after.close();
});

test('known files of a client that has gone fail when they are read', async () => {
  const before = clientWith({ a: 'one', b: 'two' });
  const known = mapOf(await receiveTree(before.client, await newTree(), wanted));
  const after = clientWith({ a: 'one', b: 'two' });
  const tree = await newTree();
  await receiveTree(after.client, tree, { ...wanted, known });
  after.close();
  await expect(textOf(tree, 'a')).rejects.toThrow(/^the client ended its session/);
  before.close();
});

test('a client that ends too early fails the transfer', async () => {
  for (const after of ['names', 'a file'] as const) {
    const early = clientWith({ a: 'one', b: 'two' }, after);
    const tree = await newTree();
    await expect(receiveTree(early.client, tree, wanted)).rejects.toThrow(
      'the client ended before all of its files had come',
    );
    early.close();
  }
});

test('a list that is too long is cut, and none is written again without news', async () => {
  const root = join(folder, 'long');
  const remembered = new Remembered(root);
  const files = Array.from({ length: 3000 }, (_, n) => ({
    path: `${n}${'x'.repeat(4000)}`,
    look: '1 1 1 0 0',
    digest: 'd'.repeat(64),
  }));
  await remembered.save('key', 'context', new Map(), files);
  const kept = await remembered.load('key', 'context');
  expect(kept.size).toBeGreaterThan(1900);
  expect(kept.size).toBeLessThan(2200);
  const few = files.slice(0, 3);
  await remembered.save('few', 'context', new Map(), few);
  const before = readdirSync(root).map((name) => statSync(join(root, name)).ino);
  await remembered.save('few', 'context', mapOf(few), few);
  expect(readdirSync(root).map((name) => statSync(join(root, name)).ino)).toEqual(before);
});

test('digests are remembered by key and folder; none without a key; the oldest folders go', async () => {
  const remembered = new Remembered(join(folder, 'contexts'));
  const files = [{ path: 'ü x', look: '3 1 420 0 0', digest: 'd'.repeat(64) }];
  await remembered.save('key', 'context', new Map(), files);
  expect([...(await remembered.load('key', 'context')).values()]).toEqual(files);
  expect((await remembered.load('other', 'context')).size).toBe(0);
  await remembered.save('', 'context', new Map(), files);
  expect(readdirSync(join(folder, 'contexts'))).toHaveLength(1);
  for (let n = 0; n < 70; n++) await remembered.save(`key ${n}`, 'context', new Map(), files);
  expect(readdirSync(join(folder, 'contexts'))).toHaveLength(64);
  await remembered.forget('key 69', 'context');
  expect((await remembered.load('key 69', 'context')).size).toBe(0);
});

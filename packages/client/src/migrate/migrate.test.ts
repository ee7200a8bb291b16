import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readBolt } from './bolt.ts';
import { DockerRoot } from './docker-root.ts';
import { layerTar, tarSize } from './layer-tar.ts';

// Data roots that are damaged, or were made by somebody who means no good.
const folder = mkdtempSync(join(tmpdir(), 'berth-migrate-'));
const write = (name: string, bytes: string | Buffer): string => {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return file;
};
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PAGE = 4096;
/** A database of bolt whose pages from 2 on are these; the first of them is its root. */
function bolt(name: string, ...pages: Buffer[]): string {
  const meta = Buffer.alloc(PAGE);
  meta.writeUInt32LE(0xed0cdaed, 16);
  meta.writeUInt32LE(PAGE, 24);
  meta.writeBigUInt64LE(2n, 32);
  return write(name, Buffer.concat([meta, Buffer.alloc(PAGE), ...pages]));
}
/** A branch page with elements that lead to these pages. */
function branch(...to: number[]): Buffer {
  const page = Buffer.alloc(PAGE);
  page.writeUInt16LE(1, 8);
  page.writeUInt16LE(to.length, 10);
  for (const [index, id] of to.entries()) page.writeBigUInt64LE(BigInt(id), 16 + index * 16 + 8);
  return page;
}
/** A leaf page with one value. */
function leaf(key: string, value: string): Buffer {
  const page = Buffer.alloc(PAGE);
  page.writeUInt16LE(2, 8);
  page.writeUInt16LE(1, 10);
  page.writeUInt32LE(16, 20);
  page.writeUInt32LE(key.length, 24);
  page.writeUInt32LE(value.length, 28);
  page.write(key + value, 32);
  return page;
}

test('a database whose pages lead back to each other is damaged', () => {
  const good = readBolt(bolt('good', branch(3, 4), leaf('a', '1'), leaf('b', '2')));
  expect(good.map(({ path, value }) => [path, value.toString()])).toEqual([
    [['a'], '1'],
    [['b'], '2'],
  ]);
  expect(() => readBolt(bolt('loop', branch(...Array<number>(200).fill(2))))).toThrow(/is damaged/);
  expect(() =>
    readBolt(bolt('twice', branch(...Array<number>(200).fill(3)), leaf('a', 'x'.repeat(1000)))),
  ).toThrow(/is damaged/);
  const beyond = leaf('a', '1');
  beyond.writeUInt32LE(0xffffffff, 28);
  expect(() => readBolt(bolt('beyond', beyond))).toThrow(/is damaged/);
});

test('the record of a layer is read in pieces, and a line without an end not at all', async () => {
  const line = (record: object) => `${JSON.stringify(record)}\n`;
  const payload = Buffer.alloc(70_000, 'h').toString('base64');
  const lines =
    line({ type: 2, payload }) + line({ type: 1, name: 'f', size: 3 }) + line({ type: 2, payload });
  const record = write('record', gzipSync(lines));
  write('layer/f', 'abc');
  expect(await tarSize(record)).toBe(140_003);
  const tar: Buffer[] = [];
  for await (const bytes of layerTar(join(folder, 'layer'), record)) tar.push(bytes);
  expect(Buffer.concat(tar).toString()).toBe(`${'h'.repeat(70_000)}abc${'h'.repeat(70_000)}`);
  await expect(tarSize(write('bomb', gzipSync(Buffer.alloc(64 << 20))))).rejects.toThrow(/is damaged/);
});

test('names that lead elsewhere and layers that stand on themselves are left out', () => {
  const id = 'a'.repeat(64);
  const chain = (name: string) => `image/overlay2/layerdb/sha256/${name}`;
  const mount = (of: string) => `image/overlay2/layerdb/mounts/${of}`;
  write('volumes/good/_data/f', '');
  bolt('volumes/metadata.db', leaf('volumes', 'no bucket'));
  for (const [name, parent] of Object.entries({ [id]: 'b', ['b'.repeat(64)]: 'a' })) {
    write(`${chain(name)}/cache-id`, 'c'.repeat(64));
    write(`${chain(name)}/diff`, `sha256:${name}`);
    write(`${chain(name)}/parent`, `sha256:${parent.repeat(64)}`);
  }
  write(`${chain('c'.repeat(64))}/cache-id`, '../../../etc');
  for (const container of ['1', '2'].map((digit) => digit.repeat(64))) {
    write(`containers/${container}/config.v2.json`, JSON.stringify({ ID: container, Driver: 'overlay2' }));
    write(`containers/${container}/hostconfig.json`, '{}');
    write(`${mount(container)}/init-id`, 'd'.repeat(64));
  }
  write(`${mount('1'.repeat(64))}/mount-id`, 'e'.repeat(64));
  write(`${mount('1'.repeat(64))}/parent`, `sha256:${id}`);
  write(`${mount('2'.repeat(64))}/mount-id`, '../../..');
  const told: string[] = [];
  const root = new DockerRoot(folder, '', (what, why) => told.push(`${what}: ${why}`));
  expect(root.containers()).toEqual([]);
  expect(told).toEqual([
    expect.stringMatching(/^layer c{12}: .*cache-id is damaged: it holds no name/),
    expect.stringMatching(/^container 1{12}: its layer a{64} stands on itself/),
    expect.stringMatching(/^container 2{12}: .*mount-id is damaged: it holds no name/),
  ]);
  expect(root.volumes().map(({ Name }) => Name)).toEqual(['good']);
});

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Header, pack } from 'tar-stream';
import { packPath } from './pack.ts';
import { planCopy, renamed, splitEnd, splitTarget } from './paths.ts';
import { unpack } from './unpack.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-archive-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const archive = (...entries: [Partial<Header> & { name: string }, string?][]): AsyncIterable<Buffer> => {
  const tar = pack();
  for (const [header, text] of entries) tar.entry(header, text ?? '');
  tar.finalize();
  return tar as AsyncIterable<Buffer>;
};
const same = (name: string): string => name;

test('a tree goes through an archive and comes out as it was', async () => {
  const source = join(folder, 'source');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'sub/file'), 'text', { mode: 0o640 });
  symlinkSync('sub/file', join(source, 'link'));
  const target = join(folder, 'target');
  mkdirSync(target);
  await unpack(packPath(folder, 'source', 'copy'), target, same);
  expect(readFileSync(join(target, 'copy/link'), 'utf8')).toBe('text');
  expect(lstatSync(join(target, 'copy/sub/file')).mode & 0o777).toBe(0o640);
  expect(lstatSync(join(target, 'copy/link')).isSymbolicLink()).toBe(true);
});

test('a hostile archive reaches nothing outside its folder', async () => {
  const target = join(folder, 'target');
  const outside = join(folder, 'outside');
  mkdirSync(target);
  mkdirSync(outside);
  const hostile = [
    archive([{ name: '../outside/a' }, 'x']),
    archive([{ name: 'link', type: 'symlink', linkname: outside }], [{ name: 'link/b' }, 'x']),
    archive([{ name: 'hard', type: 'link', linkname: '../outside/secret' }]),
  ];
  writeFileSync(join(outside, 'secret'), 'secret');
  for (const body of hostile) await expect(unpack(body, target, same)).rejects.toThrow(/leads (out|through)/);
  await unpack(archive([{ name: '/absolute' }, 'x']), target, same);
  expect(readFileSync(join(target, 'absolute'), 'utf8')).toBe('x');
  // A link that the archive itself replaced by a file is a file.
  await unpack(
    archive([{ name: 'l', type: 'symlink', linkname: join(outside, 'c') }], [{ name: 'l' }, 'x']),
    target,
    same,
  );
  expect(
    existsSync(join(outside, 'a')) || existsSync(join(outside, 'b')) || existsSync(join(outside, 'c')),
  ).toBe(false);
});

test('a folder is not overwritten by a file, nor a file by a folder', async () => {
  mkdirSync(join(folder, 'd'));
  writeFileSync(join(folder, 'f'), '');
  await expect(unpack(archive([{ name: 'd' }, 'x']), folder, same)).rejects.toThrow(
    /cannot overwrite directory/,
  );
  await expect(unpack(archive([{ name: 'f/', type: 'directory' }]), folder, same)).rejects.toThrow(
    /cannot overwrite non-directory/,
  );
});

test('names and places of copies', () => {
  expect([splitEnd('/a/b'), splitEnd('/a/b/'), splitEnd('/a/b/.')]).toEqual([
    ['/a', 'b'],
    ['/a', 'b'],
    ['/a/b', '.'],
  ]);
  const file = { path: '/a/f', exists: true, isFolder: false };
  const tree = { path: '/a/d', exists: true, isFolder: true };
  const missing = { path: '/x/new', exists: false, isFolder: false };
  expect(planCopy(file, { ...missing, path: '/x', exists: true, isFolder: true })).toEqual({ folder: '/x' });
  expect(planCopy(tree, missing)).toEqual({ folder: '/x', from: 'd', to: 'new' });
  expect(() => planCopy(tree, { ...missing, exists: true })).toThrow('cannot copy directory');
  expect(() => planCopy(file, { ...missing, path: '/x/new/' })).toThrow('no such directory');
  expect([renamed('d/e', 'd', 'new'), renamed('de', 'd', 'new')]).toEqual(['new/e', 'de']);
  expect([splitTarget('web:/x'), splitTarget('./a:b'), splitTarget('/a:b'), splitTarget('-')]).toEqual([
    ['web', '/x'],
    ['', './a:b'],
    ['', '/a:b'],
    ['', '-'],
  ]);
});

import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import { type ContextTar, folderTar } from './context.ts';
import { folderSource } from './source.ts';
import { stdinContext } from './stdin.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-context-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Entry {
  type: string | null | undefined;
  link?: string | null;
  text: string;
}

async function entriesOf({ body }: ContextTar): Promise<Record<string, Entry>> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const reader = extract();
  reader.end(Buffer.concat(chunks));
  const found: Record<string, Entry> = {};
  for await (const entry of reader) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part as Buffer);
    const { name, type, linkname, uid } = entry.header;
    expect(uid).toBe(0);
    found[name] = { type, ...(linkname ? { link: linkname } : {}), text: Buffer.concat(parts).toString() };
  }
  return found;
}

const noInput = (): Buffer => Buffer.alloc(0);

describe('a folder as context', () => {
  const path = join(folder, 'ctx');
  beforeAll(() => {
    mkdirSync(join(path, 'src'), { recursive: true });
    writeFileSync(join(path, 'Dockerfile'), 'FROM scratch\n');
    writeFileSync(join(path, 'src/a'), 'A');
    writeFileSync(join(path, 'src/b.log'), 'B');
    linkSync(join(path, 'src/a'), join(path, 'src/same'));
    symlinkSync('a', join(path, 'src/link'));
    writeFileSync(join(path, 'big'), Buffer.alloc(3 << 20, 'x'));
    writeFileSync(join(path, '.dockerignore'), '**/*.log\nDockerfile\n.dockerignore\n');
    writeFileSync(join(folder, 'Other'), 'FROM other\n');
  });

  test('holds what is not ignored, links as links, and the Dockerfile in any case', async () => {
    const tar = folderTar(folderSource(path, '', noInput));
    expect(tar.dockerfile).toBe('Dockerfile');
    const entries = await entriesOf(tar);
    expect(Object.keys(entries)).toEqual([
      '.dockerignore',
      'Dockerfile',
      'big',
      'src/',
      'src/a',
      'src/link',
      'src/same',
    ]);
    expect(entries['src/a']!.text).toBe('A');
    expect(entries['src/link']).toMatchObject({ type: 'symlink', link: 'a' });
    expect(entries['src/same']).toMatchObject({ type: 'link', link: 'src/a' });
    expect(entries['big']!.text.length).toBe(3 << 20);
  });

  test('a Dockerfile from elsewhere comes along under a name of its own', async () => {
    const tar = folderTar(folderSource(path, join(folder, 'Other'), noInput));
    expect(tar.dockerfile).toMatch(/^\.dockerfile\.[0-9a-f]{20}$/);
    const entries = await entriesOf(tar);
    expect(entries[tar.dockerfile]!.text).toBe('FROM other\n');
    expect(entries['.dockerignore']!.text).toContain(`${tar.dockerfile}\n`);
    expect(entries['Dockerfile']).toBeUndefined();
  });

  test('what is missing is named as Docker names it', () => {
    expect(() => folderSource(join(folder, 'nope'), '', noInput)).toThrow(
      `unable to prepare context: path "${folder}/nope" not found`,
    );
    expect(() => folderSource(path, `${folder}/nope`, noInput)).toThrow(
      `unable to evaluate symlinks in Dockerfile path: lstat ${folder}/nope: no such file or directory`,
    );
  });
});

test('standard input is a tar, or the text of a Dockerfile', async () => {
  const text = await stdinContext(
    (async function* () {
      yield Buffer.from('FROM scr');
      yield Buffer.from('atch\n');
    })(),
    '',
  );
  expect((await entriesOf(text))['Dockerfile']!.text).toBe('FROM scratch\n');

  const inner = folderTar(folderSource(join(folder, 'ctx'), '', noInput));
  const tar = await stdinContext(inner.body, 'src/a');
  expect(tar.dockerfile).toBe('src/a');
  expect(Object.keys(await entriesOf(tar))).toContain('src/link');
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchThrough } from '../base/fetch.ts';
import { remoteContext } from './remote.ts';
import { Tree } from './tree/tree.ts';

let folder: string;
let server: Server;
let url: string;
let first: string;

/** A repository of two commits behind a server of plain files. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-remote-'));
  const work = join(folder, 'work');
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', work, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      encoding: 'utf8',
    });
  execFileSync('git', ['init', '-q', '-b', 'main', work]);
  for (const text of ['one', 'two']) {
    writeFileSync(join(work, 'file'), text);
    git('add', 'file');
    git('commit', '-q', '-m', text);
  }
  first = git('rev-parse', 'HEAD~1').trim();
  execFileSync('git', ['clone', '-q', '--bare', work, join(folder, 'repo.git')]);
  execFileSync('git', ['-C', join(folder, 'repo.git'), 'update-server-info']);
  server = createServer(({ url: path = '' }, response) => {
    try {
      response.end(readFileSync(join(folder, new URL(path, 'http://x').pathname)));
    } catch {
      response.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo.git`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function fileOf(remote: string): Promise<string> {
  const tree = await Tree.create(join(folder, `tree-${Math.random()}`));
  try {
    await remoteContext(remote, tree, folder, {
      fetch: fetchThrough({ httpProxy: '', httpsProxy: '', noProxy: '' }),
      dockerfile: 'Dockerfile',
      signal: AbortSignal.timeout(30_000),
    });
    return (await tree.readAll(tree.entries.get('file')!)).toString();
  } finally {
    await tree.close();
  }
}

test.each([
  ['the newest commit', () => url, 'two'],
  ['a branch', () => `${url}#main`, 'two'],
  ['a commit by its hash', () => `${url}#${first}`, 'one'],
])('a repository that is only files behind HTTP gives %s', async (_, remote, content) => {
  expect(await fileOf(remote())).toBe(content);
});

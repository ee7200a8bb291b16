import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BuildKitClient,
  buildkit,
  type Call,
  GrpcClient,
  GrpcServer,
  goMode,
  type Message,
  method,
  packetType,
  type Sent,
} from '@berth/grpc';
import { receiveFolder } from './receive.ts';
import { sendFolder } from './sync.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A builder on one end of a socket, what answers it on the other. */
async function builder(
  handle: (call: Call<'Packet', 'Packet'>) => Promise<undefined>,
): Promise<{ client: BuildKitClient; close: () => void }> {
  const path = join(folder, '.socket');
  const accepted = new Promise<Socket>((resolve) => {
    const server = createServer((socket) => {
      server.close();
      resolve(socket);
    }).listen(path);
  });
  const client = new GrpcClient(connect(path), buildkit);
  const served = await accepted;
  void new GrpcServer({ '/files': method('Packet', 'Packet', handle) }).accept(served);
  return { client, close: () => served.destroy() };
}

/** Asks for a folder and gives the paths it was told of, and the text of the files. */
async function asked(
  metadata: Record<string, string | string[]>,
): Promise<{ paths: string[]; texts: Record<string, string> }> {
  const context = join(folder, 'context');
  const { client, close } = await builder((call) => sendFolder(call, { context }));
  const call = client.call('/files', 'Packet', 'Packet', { 'dir-name': 'context', ...metadata });
  const stats: Array<Message<'Stat'>> = [];
  const texts: Record<string, string> = {};
  let open = 0;
  try {
    for await (const packet of call.responses) {
      if (packet.type === packetType.error) throw new Error(String(packet.data));
      if (packet.type === packetType.fin) {
        call.end();
        break;
      }
      if (packet.type === packetType.data) {
        const path = stats[packet.ID]!.path!;
        texts[path] = (texts[path] ?? '') + packet.data;
        if (packet.data.length === 0 && --open === 0) await call.send({ type: packetType.fin });
      } else if (packet.stat?.path) stats.push(packet.stat);
      else {
        for (const [ID, { mode, linkname }] of stats.entries())
          if (mode < 2 ** 20 && linkname === '') {
            open++;
            await call.send({ type: packetType.request, ID });
          }
        if (open === 0) await call.send({ type: packetType.fin });
      }
    }
  } finally {
    close();
  }
  return { paths: stats.map(({ path }) => path), texts };
}

describe('a context is sent', () => {
  beforeEach(() => {
    const context = join(folder, 'context');
    for (const path of ['a', 'a/deep', 'b']) mkdirSync(join(context, path), { recursive: true });
    for (const path of ['a/deep/file', 'a/other', 'a.txt', 'b/x.log', 'b/y.log', 'plain'])
      writeFileSync(join(context, path), `text of ${path}`);
    symlinkSync('/b/../a/deep', join(context, 'link'));
    symlinkSync('../../../../etc', join(context, 'out'));
    linkSync(join(context, 'plain'), join(context, 'same'));
  });

  test('in the order of its bytes, hard links told as such', async () => {
    const { paths, texts } = await asked({});
    expect(paths).toEqual([
      'a',
      'a/deep',
      'a/deep/file',
      'a/other',
      'a.txt',
      'b',
      'b/x.log',
      'b/y.log',
      'link',
      'out',
      'plain',
      'same',
    ]);
    expect(texts['a/deep/file']).toBe('text of a/deep/file');
    expect(texts['same']).toBeUndefined();
  });

  test.each<[string, Record<string, string | string[]>, string[]]>([
    [
      'patterns with commas stay apart',
      { 'exclude-patterns': ['a, b', 'a*', 'b', 'out', 'link'] },
      ['plain', 'same'],
    ],
    ['an exception brings its folder along', { 'exclude-patterns': ['*', '!b/y.log'] }, ['b', 'b/y.log']],
    [
      'what is included, with the folders above',
      { 'include-patterns': ['a/deep/*'] },
      ['a', 'a/deep', 'a/deep/file'],
    ],
    [
      'a followed link brings its target',
      { followpaths: ['link/file'] },
      ['a', 'a/deep', 'a/deep/file', 'link'],
    ],
    ['a wildcard is followed', { followpaths: ['b/*.log'] }, ['b', 'b/x.log', 'b/y.log']],
    ['a link out of the folder leads to nothing', { followpaths: ['out/passwd'] }, ['out']],
    ['encoded patterns', { 'include-patterns': ['%70lain'], 'include-patterns-encoded': '1' }, ['plain']],
  ])('%s', async (_name, metadata, expected) => {
    expect((await asked(metadata)).paths).toEqual(expected);
  });

  test('more patterns than Node takes pairs of metadata by itself', async () => {
    const many = Array.from({ length: 500 }, (_, number) => `none-${number}`);
    expect((await asked({ 'exclude-patterns': [...many, 'a*', 'b', 'link', 'out'] })).paths).toEqual([
      'plain',
      'same',
    ]);
  });

  test('no other folder can be had', async () => {
    await expect(asked({ 'dir-name': '/etc' })).rejects.toThrow('no access allowed to dir "/etc"');
    await expect(asked({ 'dir-name': '__proto__' })).rejects.toThrow('no access allowed');
  });
});

describe('a result is received', () => {
  /** Sends files as a builder does; the bytes of each are its path. */
  async function sent(stats: Array<Sent<'Stat'>>): Promise<void> {
    const { client, close } = await builder((call) => receiveFolder(call, join(folder, 'result')));
    const call = client.call('/files', 'Packet', 'Packet');
    try {
      for (const stat of stats) await call.send({ type: packetType.stat, stat: { modTime: 1e18, ...stat } });
      await call.send({ type: packetType.stat });
      for await (const packet of call.responses) {
        if (packet.type === packetType.request) {
          await call.send({
            type: packetType.data,
            ID: packet.ID,
            data: Buffer.from(stats[packet.ID]!.path!),
          });
          await call.send({ type: packetType.data, ID: packet.ID });
        } else if (packet.type === packetType.fin) {
          await call.send({ type: packetType.fin });
          call.end();
        }
      }
    } finally {
      close();
    }
  }

  test('with modes, links and times', async () => {
    await sent([
      { path: 'd', mode: goMode.directory + 0o750 },
      { path: 'd/f', mode: 0o755 + goMode.setuid },
      { path: 'd/hard', mode: 0o755, linkname: 'd/f' },
      { path: 'd/soft', mode: goMode.symlink + 0o777, linkname: 'f' },
    ]);
    const at = (path: string) => join(folder, 'result', path);
    expect(readFileSync(at('d/soft'), 'utf8')).toBe('d/f');
    expect(statSync(at('d/f')).mode & 0o7777).toBe(0o4755);
    expect(statSync(at('d/hard')).ino).toBe(statSync(at('d/f')).ino);
    expect(statSync(at('d')).mode & 0o7777).toBe(0o750);
    expect(statSync(at('d')).mtimeMs).toBe(1e12);
  });

  test.each([['../escape'], ['/escape'], ['a/../../escape'], ['..']])('not to %s', async (path) => {
    await expect(sent([{ path, mode: 0o644 }])).rejects.toThrow('leads out of the folder');
  });

  test('not through a link of its own, nor into one that is there', async () => {
    mkdirSync(join(folder, 'outside'));
    const link = { path: 'l', mode: goMode.symlink + 0o777, linkname: '../outside' };
    await expect(sent([link, { path: 'l/f', mode: 0o644 }])).rejects.toThrow('leads through the link');
    // The link itself gives way to a file of its name.
    await sent([{ path: 'l', mode: 0o644 }]);
    expect(statSync(join(folder, 'result/l')).isFile()).toBe(true);
    expect(existsSync(join(folder, 'outside/f'))).toBe(false);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildkit,
  GrpcClient,
  GrpcError,
  GrpcServer,
  goPermissions,
  type Method,
  method,
  unixPermissions,
} from '@berth/grpc';
import { parseMount } from '../../../dockerfile/mounts.ts';
import { Tree } from '../../tree/tree.ts';
import { Session } from './session.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-session-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** Two ends of a connection. */
async function pair(): Promise<[Socket, Socket]> {
  const path = join(folder, `s${count++}`);
  const accepted = new Promise<Socket>((resolve) => {
    const server = createServer((socket) => {
      server.close();
      resolve(socket);
    }).listen(path, () => undefined);
  });
  const client = connect(path);
  return [client, await accepted];
}

async function open(methods: Record<string, Method>): Promise<{ client: Socket; close: () => void }> {
  const [client, server] = await pair();
  void new GrpcServer(methods).accept(server);
  return { client, close: () => server.destroy() };
}

describe('gRPC on a given connection', () => {
  test('unary calls, errors with their text, unknown methods', async () => {
    const { client, close } = await open({
      '/a/Echo': method('BytesMessage', 'BytesMessage', async (call) => {
        for await (const { data } of call.requests) {
          if (data.toString() === 'bad') throw new GrpcError(5, 'nö: 100% missing');
          return { data: Buffer.concat([data, Buffer.from('!')]) };
        }
        return undefined;
      }),
    });
    const grpc = new GrpcClient(client, buildkit);
    expect(
      (
        await grpc.unary('/a/Echo', 'BytesMessage', 'BytesMessage', { data: Buffer.from('hi') })
      ).data.toString(),
    ).toBe('hi!');
    await expect(
      grpc.unary('/a/Echo', 'BytesMessage', 'BytesMessage', { data: Buffer.from('bad') }),
    ).rejects.toMatchObject({ code: 5, message: 'nö: 100% missing' });
    await expect(
      grpc.unary('/a/Nope', 'BytesMessage', 'BytesMessage', { data: Buffer.from('x') }),
    ).rejects.toMatchObject({ code: 12 });
    const large = Buffer.alloc(3 << 20, 'x');
    expect((await grpc.unary('/a/Echo', 'BytesMessage', 'BytesMessage', { data: large })).data.length).toBe(
      large.length + 1,
    );
    grpc.close();
    close();
  });

  test('files of a client: names first, then the bytes that are asked for', async () => {
    const files: Record<string, string> = { a: 'first', 'd/b': 'x'.repeat(100_000), empty: '' };
    const stats = [
      { path: 'a', mode: 0o644, size: 5, modTime: 1e18 },
      { path: 'd', mode: 2 ** 31 + 0o755 },
      { path: 'd/b', mode: 2 ** 23 + 0o755, size: 100_000, modTime: 1e18 },
      { path: 'empty', mode: 0o600, size: 0 },
      { path: 'h', mode: 0o644, size: 5, linkname: 'a' },
      { path: 'l', mode: 2 ** 27 + 0o777, linkname: 'd/b' },
    ];
    const { client, close } = await open({
      '/moby.filesync.v1.FileSync/DiffCopy': method('Packet', 'Packet', async (call) => {
        expect(call.metadata['dir-name']).toBe('context');
        for (const stat of stats) await call.send({ type: 0, stat });
        await call.send({ type: 0 });
        for await (const packet of call.requests) {
          if (packet.type === 3) {
            await call.send({ type: 3 });
            return undefined;
          }
          const bytes = Buffer.from(files[stats[packet.ID]!.path]!);
          for (let at = 0; at < bytes.length; at += 30_000)
            await call.send({ type: 2, ID: packet.ID, data: bytes.subarray(at, at + 30_000) });
          await call.send({ type: 2, ID: packet.ID });
        }
        return undefined;
      }),
    });
    const session = new Session('x', client, ['/moby.filesync.v1.FileSync/DiffCopy']);
    const tree = await Tree.create(join(folder, 'pack'));
    await session.files(tree, { name: 'context', signal: new AbortController().signal });
    expect([...tree.entries.keys()].sort()).toEqual(['a', 'd', 'd/b', 'empty', 'h', 'l']);
    expect((await tree.readAll(tree.entries.get('d/b')!)).length).toBe(100_000);
    expect((await tree.readAll(tree.entries.get('h')!)).toString()).toBe('first');
    expect(tree.entries.get('d/b')!.mode).toBe(0o4755);
    expect(tree.resolve('l')).toEqual({ path: 'd/b', escapes: false });
    await tree.close();
    session.close();
    close();
  });
});

test('modes go to Go and back', () => {
  for (const mode of [0o644, 0o755, 0o4755, 0o2770, 0o1777, 0o7777])
    expect(unixPermissions(goPermissions(mode))).toBe(mode);
});

test('mount options', () => {
  expect(parseMount('type=cache,target=/root/.cache,id=x,sharing=locked', '/')).toMatchObject({
    type: 'cache',
    target: '/root/.cache',
    id: 'x',
    sharing: 'locked',
    readonly: false,
  });
  expect(parseMount('target=/in,from=base,source=/x', '/w')).toMatchObject({
    type: 'bind',
    from: 'base',
    readonly: true,
  });
  expect(parseMount('type=secret,id=key', '/')).toMatchObject({ target: '/run/secrets/key', mode: 0o400 });
  expect(() => parseMount('type=nope,target=/x', '/')).toThrow('unsupported mount type "nope"');
  expect(() => parseMount('type=tmpfs', '/')).toThrow('invalid mount target "/"');
});

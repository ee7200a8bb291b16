import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { GenericContainer, Wait } from 'testcontainers';
import { TestDaemon, until } from '../support/daemon.ts';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

describe('dockerode', () => {
  const client = () => new Docker({ socketPath: daemon.socket });

  test('create, attach, start, wait, logs, inspect, remove', async () => {
    const docker = client();
    const container = await docker.createContainer({
      Image: 'bb',
      Cmd: ['sh', '-c', 'read line; echo got $line; echo err >&2; exit 3'],
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: { NetworkMode: 'none' },
    });
    const stream = await container.attach({
      stream: true,
      stdin: true,
      stdout: true,
      stderr: true,
      hijack: true,
    });
    const out: Buffer[] = [];
    const { PassThrough } = await import('node:stream');
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    stdout.on('data', (chunk) => out.push(chunk));
    stderr.on('data', (chunk) => out.push(chunk));
    container.modem.demuxStream(stream, stdout, stderr);
    await container.start();
    stream.write('hello\n');
    stream.end();
    const { StatusCode } = await container.wait();
    expect(StatusCode).toBe(3);
    await until('the output', () => Buffer.concat(out).toString().includes('err'));
    expect(Buffer.concat(out).toString()).toContain('got hello');
    const logs = (await container.logs({ stdout: true, stderr: true })) as unknown as Buffer;
    expect(logs.toString()).toContain('got hello');
    expect((await container.inspect()).State.ExitCode).toBe(3);
    await container.remove();
  });

  test('exec with output', async () => {
    const docker = client();
    const container = docker.getContainer(
      await daemon.box(['sleep', '60'], { HostConfig: { NetworkMode: 'none' } }),
    );
    const exec = await container.exec({
      Cmd: ['sh', '-c', 'echo in-exec; exit 4'],
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: true, stdin: false });
    const parts: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => parts.push(chunk));
    await new Promise((resolve) => stream.on('end', resolve));
    expect(Buffer.concat(parts).toString()).toContain('in-exec');
    expect((await exec.inspect()).ExitCode).toBe(4);
    await container.remove({ force: true });
  });

  test('a build by BuildKit, the context in the request', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-e2e-build-'));
    try {
      writeFileSync(
        join(folder, 'Dockerfile'),
        [
          'FROM bb AS made',
          'RUN --mount=type=tmpfs,target=/t mkdir -p -m 700 /a/b && echo made >/a/b/c',
          'FROM bb',
          'COPY --from=made --parents /a/./b/* /kept/',
          'RUN test $(stat -c %a /kept/b) = 700 -a $(cat /kept/b/c) = made',
          // With cgroup v2 (one line) the namespace hides it.
          'RUN grep -qE "[0-9a-f]{64}" /proc/self/cgroup || test $(wc -l </proc/self/cgroup) = 1',
        ].join('\n'),
      );
      const docker = client();
      const context = { context: folder, src: ['Dockerfile'] };
      // The client's types do not know the member that asks for BuildKit.
      const options = {
        version: '2',
        t: 'by-buildkit',
        pull: false,
      } as Docker.ImageBuildOptions;
      const stream = await docker.buildImage(context, options);
      const lines = await new Promise<Array<{ id?: string; aux?: { ID: string } }>>((resolve, reject) =>
        docker.modem.followProgress(stream, (error, all) => (error ? reject(error) : resolve(all))),
      );
      const { Id } = await docker.getImage('by-buildkit').inspect();
      expect(lines.find(({ id }) => id === 'moby.image.id')?.aux?.ID).toBe(Id);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('builds by the classic builder: PATH, the order of ports, and a container that stays', async () => {
    const docker = client();
    const build = async (lines: string[], options: Docker.ImageBuildOptions = {}) => {
      const folder = mkdtempSync(join(tmpdir(), 'berth-e2e-build-'));
      try {
        writeFileSync(join(folder, 'Dockerfile'), lines.join('\n'));
        const stream = await docker.buildImage({ context: folder, src: ['Dockerfile'] }, options);
        const all = await new Promise<Array<{ aux?: { ID: string } }>>((resolve, reject) =>
          docker.modem.followProgress(stream, (error, every) => (error ? reject(error) : resolve(every))),
        );
        return all.find(({ aux }) => aux)!.aux!.ID;
      } finally {
        rmSync(folder, { recursive: true });
      }
    };
    const ported = await build(['FROM scratch', 'EXPOSE 80 2375']);
    expect(await build(['FROM scratch', 'EXPOSE 2375 80'])).toBe(ported);
    expect((await docker.getImage(ported).inspect()).Config.Env).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ]);
    const before = await docker.listContainers({ all: true });
    await build(['FROM bb', 'RUN echo one'], { nocache: true });
    expect(await docker.listContainers({ all: true })).toHaveLength(before.length);
    await build(['FROM bb', 'RUN echo one'], { nocache: true, rm: false } as Docker.ImageBuildOptions);
    const after = await docker.listContainers({ all: true });
    expect(after).toHaveLength(before.length + 1);
    await docker.getContainer(after[0]!.Id).remove();
  });

  test('an empty folder of a volume takes what the image has at its place', async () => {
    const docker = client();
    await docker.createVolume({ Name: 'parts' });
    const run = async (Cmd: string[], Target: string, VolumeOptions = {}) => {
      const container = await docker.createContainer({
        Image: 'bb',
        Cmd,
        HostConfig: {
          NetworkMode: 'none',
          Mounts: [{ Type: 'volume', Source: 'parts', Target, ReadOnly: false, VolumeOptions } as never],
        },
      });
      await container.start();
      const { StatusCode } = await container.wait();
      await container.remove();
      return StatusCode;
    };
    expect(await run(['mkdir', '/v/programs'], '/v')).toBe(0);
    expect(await run(['/bin/sh', '-c', 'true'], '/bin', { Subpath: 'programs' })).toBe(0);
    expect(await run(['test', '-e', '/v/programs/sh'], '/v')).toBe(0);
    await docker.getVolume('parts').remove();
  });

  test('events and lists', async () => {
    const docker = client();
    const events = await docker.getEvents({ filters: { type: ['container'] } });
    const seen: string[] = [];
    events.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) seen.push(JSON.parse(line).Action);
    });
    const id = await daemon.box(['true'], { HostConfig: { NetworkMode: 'none' } });
    await until('die', () => seen.includes('die'));
    expect(seen.slice(0, 2)).toEqual(['create', 'start']);
    expect((await docker.listContainers({ all: true })).map(({ Id }) => Id)).toContain(id);
    await docker.getContainer(id).remove();
    await until('destroy', () => seen.includes('destroy'));
    (events as unknown as { destroy(): void }).destroy();
  });
});

test('testcontainers starts a server, waits for its port and talks to it', async () => {
  const before = { ...process.env };
  process.env['DOCKER_HOST'] = daemon.host;
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  try {
    const container = await new GenericContainer('bb:latest')
      .withCommand(['sh', '-c', 'mkdir /w; echo hi > /w/index.html; httpd -f -p 8080 -h /w'])
      .withExposedPorts(8080)
      .withWaitStrategy(Wait.forListeningPorts())
      .start();
    const answer = await fetch(`http://${container.getHost()}:${container.getMappedPort(8080)}/`);
    expect(await answer.text()).toBe('hi\n');
    expect((await container.exec(['echo', 'x'])).output).toBe('x\n');
    await container.stop();
  } finally {
    process.env = before;
  }
}, 120_000);

test('each version of the API is served what it had', async () => {
  const id = await daemon.box(['sleep', '60'], { HostConfig: { NetworkMode: 'none' } });
  const get = async (version: number, path: string) =>
    (await daemon.call('GET', `/v1.${version}${path}`)).json;
  const list = `/images/json?manifests=1&filters=${encodeURIComponent('{"reference":["bb"]}')}`;
  expect((await get(46, list))[0].Manifests).toBeUndefined();
  const [listed] = await get(47, list);
  expect(listed.Manifests[0].ImageData.Containers).toEqual([id]);
  expect(listed.Descriptor).toBeUndefined();
  const { Descriptor } = await get(48, '/images/bb/json');
  expect(Descriptor).toEqual(listed.Manifests[0].Descriptor);
  expect((await get(47, `/containers/${id}/json`)).ImageManifestDescriptor).toBeUndefined();
  expect((await get(48, `/containers/${id}/json`)).ImageManifestDescriptor).toMatchObject(Descriptor);
  const platform = encodeURIComponent(JSON.stringify({ os: 'linux', architecture: 's390x' }));
  expect((await get(48, `/images/bb/json?platform=${platform}`)).Id).toBe(listed.Id);
  expect((await get(49, `/images/bb/json?platform=${platform}`)).message).toContain('wanted linux/s390x');
  const removal = await daemon.call('DELETE', `/v1.50/images/bb?platforms=${platform}`);
  expect([removal.status, removal.json.message]).toEqual([400, expect.stringContaining('to force delete')]);
  expect((await get(52, '/system/df?verbose=1')).ImageUsage).toMatchObject({
    ActiveCount: expect.any(Number),
    Items: expect.any(Array),
  });
  const mac = { Image: 'bb', MacAddress: '02:42:00:00:00:01' };
  expect((await daemon.call('POST', '/v1.52/containers/create', mac)).status).toBe(400);
  // A body that is absent is not one that says null.
  const create = async (body?: object | null, version = 52) =>
    (await daemon.call('POST', `/v1.${version}/containers/create`, body)).json.message;
  expect(await create()).toBe('invalid JSON: EOF');
  expect(await create(undefined, 51)).toBe('invalid JSON: got EOF while reading request body');
  const port = { Image: 'bb', HostConfig: { PortBindings: { x: null } } };
  expect(await create(port)).toBe("invalid JSON: invalid port 'x': invalid syntax");
  expect(await create(port, 51)).toBe('invalid port specification: "x"');
  expect((await get(51, `/containers/${id}/json`)).GraphDriver.Name).toBe('overlay2');
  const newest = await get(52, `/containers/${id}/json`);
  expect([newest.GraphDriver, newest.Storage.RootFS.Snapshot.Name]).toEqual([undefined, 'overlayfs']);
  expect(await create(null)).toBe('config cannot be empty in order to create a container');
  const stream = await daemon.call('GET', '/events?since=1&until=2', undefined, {
    accept: 'application/json-seq',
  });
  expect(stream.headers['content-type']).toBe('application/json-seq');
});

// dockerode, the client library that most programs of Node use.
import { createRequire } from 'node:module';
import { type Duplex, PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { tarOf } from '../../support/tar.ts';
import { apart, attached, docker, names } from './docker.ts';
import { images } from './dockerode-images.ts';
import { end, note, refused, step } from './steps.ts';

note('client', createRequire(import.meta.url)('dockerode/package.json').version);

await step('ping', async () => String(await docker.ping()));
await step('version', async () => names(await docker.version()).toSorted());
await step('info', async () => typeof (await docker.info()).Containers);

const box = (options: object = {}) =>
  docker.createContainer({
    Image: 'bb',
    Cmd: ['sleep', '60'],
    HostConfig: { NetworkMode: 'none' },
    ...options,
  });

await step('run', async () => {
  const output = new PassThrough();
  const read = text(output);
  const [result, container] = await docker.run('bb', ['sh', '-c', 'echo ran; exit 3'], output);
  await container.remove();
  return [result, (await read).trim()];
});
await step('attach, start, write, wait', async () => {
  const container = await box({
    Cmd: ['sh', '-c', 'read line; echo got $line; echo err >&2; exit 3'],
    OpenStdin: true,
    StdinOnce: true,
  });
  const stream = await attached(container);
  const read = apart(stream);
  await container.start();
  stream.write('hello\n');
  const ended = await container.wait();
  const state = (await container.inspect()).State;
  await container.remove();
  return [await read, ended, state.ExitCode, state.Status, state.Error];
});
await step('attach on a terminal', async () => {
  const container = await box({ Cmd: ['sh'], Tty: true, OpenStdin: true });
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
  const read = text(stream);
  await container.start();
  await container.resize({ h: 33, w: 99 });
  await sleep(300);
  stream.write('stty size; exit\n');
  const seen = await read;
  await container.remove({ force: true });
  return /33 99/.test(seen);
});
const box1 = await box();
await box1.start();
await step('exec', async () => {
  const exec = await box1.exec({
    Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 4'],
    AttachStdout: true,
    AttachStderr: true,
  });
  const seen = await apart(await exec.start({ Detach: false, Tty: false }));
  const { ID, ContainerID, Pid, ...told } = await exec.inspect();
  return [seen, told, [ID, ContainerID, Pid].map((value) => typeof value)];
});
await step('exec that reads', async () => {
  const exec = await box1.exec({ Cmd: ['wc', '-c'], AttachStdin: true, AttachStdout: true });
  const stream = (await exec.start({ hijack: true, stdin: true })) as Duplex;
  const read = apart(stream);
  stream.end('x'.repeat(100_000));
  return (await read).out.trim();
});
await step('exec on a terminal', async () => {
  const exec = await box1.exec({
    Cmd: ['sh', '-c', 'sleep 0.3; stty size'],
    AttachStdout: true,
    AttachStdin: true,
    Tty: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: true });
  const read = text(stream);
  await exec.resize({ h: 20, w: 70 });
  return (await read).trim();
});
await step('exec in the background', async () => {
  const exec = await box1.exec({ Cmd: ['true'] });
  await exec.start({ Detach: true });
  for (let tries = 0; (await exec.inspect()).Running && tries < 100; tries++) await sleep(20);
  return (await exec.inspect()).ExitCode;
});
await refused('exec of nothing', () => box1.exec({ Cmd: [] }));
await refused('exec of a program that is not there', async () => {
  const exec = await box1.exec({ Cmd: ['nosuch'], AttachStdout: true, AttachStderr: true });
  await exec.start({ Tty: true, Detach: true });
});
await step('put archive', async () => {
  const stream = await box1.putArchive(Readable.from([tarOf({ 'a/b': 'hello' })]), { path: '/tmp' });
  await buffer(stream);
  const read = await box1.getArchive({ path: '/tmp/a/b' });
  return (await buffer(read)).includes('hello');
});
await step('info of an archive', async () => {
  const told = (await box1.infoArchive({ path: '/tmp/a' })) as unknown as { headers: Record<string, string> };
  const { mtime: _, ...stat } = JSON.parse(
    Buffer.from(told.headers['x-docker-container-path-stat'] ?? '', 'base64').toString(),
  );
  return stat;
});
await step('stats once', async () => names(await box1.stats({ stream: false })).toSorted());
await step('stats as a stream', async () => {
  const stream = (await box1.stats({ stream: true })) as NodeJS.ReadableStream & Readable;
  const first = await new Promise<Buffer>((resolve) => stream.once('data', resolve));
  stream.destroy();
  return names(JSON.parse(String(first)).memory_stats).length > 0;
});
await step('top', async () =>
  (await box1.top({ ps_args: '-o pid,args' })).Processes.map((row: string[]) => row[1]),
);
await step('changes', async () =>
  (await box1.changes())
    ?.map(({ Path, Kind }: { Path: string; Kind: number }) => `${Kind} ${Path}`)
    .toSorted(),
);
await step('update', async () => box1.update({ Memory: 67108864, MemorySwap: 67108864, CpuShares: 512 }));
await step('rename', async () => {
  await box1.rename({ name: 'ode1' });
  return (await box1.inspect()).Name;
});
await step('commit', async () =>
  names(await box1.commit({ repo: 'odecommit', tag: '1', changes: 'CMD ["true"]' })),
);
await step('stop by an aborted request', async () => {
  const controller = new AbortController();
  const waiting = box1.wait({ abortSignal: controller.signal, condition: 'removed' });
  setTimeout(() => controller.abort(), 200);
  return waiting.then(
    () => 'ended',
    (error) => error.name,
  );
});
await step('kill', async () => {
  await box1.kill({ signal: 'SIGUSR1' });
  await box1.kill();
  return box1.wait();
});
await refused('start of what is no container', () => docker.getContainer('nosuch').start());
await step('start again, twice', async () => {
  await box1.start();
  return box1.start().then(
    () => 'started',
    (error) => [error.statusCode, error.reason],
  );
});
await step('wait until it is removed', async () => {
  const gone = box1.wait({ condition: 'removed' });
  await sleep(100);
  await box1.remove({ force: true });
  return gone;
});
await step('logs that follow', async () => {
  const container = await box({
    Cmd: ['sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.1; done; echo e >&2'],
  });
  await container.start();
  const stream = await container.logs({ follow: true, stdout: true, stderr: true });
  const seen = await apart(stream);
  const tail = await container.logs({ stdout: true, tail: 1 });
  await container.remove();
  return [seen, String(tail).slice(8)];
});
await step('list with filters', async () => {
  const container = await box({ name: 'odelist', Labels: { of: 'ode' } });
  const [found] = await docker.listContainers({ all: true, filters: { label: ['of=ode'] } });
  await container.remove();
  const { Id, ImageID, Created, ...told } = found!;
  return [told, [Id, ImageID, Created].map((value) => typeof value)];
});
await refused('a body that is none', () => box({ HostConfig: { Memory: 'much' } }));
await refused('too little memory', () => box({ HostConfig: { Memory: 1024 } }));
await refused('an image that is not there', () => box({ Image: 'nosuch' }));

await images();

await step('network', async () => {
  const network = await docker.createNetwork({
    Name: 'odenet',
    Labels: { a: 'b' },
    CheckDuplicate: true,
  } as never);
  const { Id, Created, IPAM, ...told } = await network.inspect();
  const container = await box({ HostConfig: { NetworkMode: 'odenet' }, name: 'odeon' });
  await container.start();
  const inside = Object.values((await network.inspect()).Containers ?? {}).map((endpoint) =>
    names(endpoint as object),
  );
  await network.disconnect({ Container: 'odeon', Force: true });
  const left = names((await container.inspect()).NetworkSettings.Networks);
  await network.connect({ Container: 'odeon', EndpointConfig: { Aliases: ['too'] } });
  const joined = Object.values((await container.inspect()).NetworkSettings.Networks).map(
    ({ Aliases }) => Aliases,
  );
  await container.remove({ force: true });
  await network.remove();
  return [told, typeof Id, typeof Created, IPAM?.Driver, inside, left, joined];
});
await step('volume', async () => {
  const volume = (await docker.createVolume({
    Name: 'odevol',
    Labels: { a: 'b' },
  })) as unknown as Docker.Volume;
  const { CreatedAt, Mountpoint, ...told } = (await volume.inspect()) as Docker.VolumeInspectInfo & {
    CreatedAt: string;
  };
  const listed = (await docker.listVolumes({ filters: { name: ['odevol'] } })).Volumes.length;
  await volume.remove();
  return [told, typeof CreatedAt, typeof Mountpoint, listed];
});
await step('events', async () => {
  const since = Math.floor(Date.now() / 1000);
  const container = await box({ name: 'odeevents' });
  await container.start();
  await container.remove({ force: true });
  const stream = await docker.getEvents({
    since,
    until: Math.floor(Date.now() / 1000) + 1,
    filters: { container: ['odeevents'] },
  });
  return (await text(stream))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).Action);
});
await step('prunes', async () => [
  names(await docker.pruneContainers({ filters: { label: ['nosuch'] } })),
  names(await docker.pruneImages({ filters: { label: { nosuch: true } } })),
  names(await docker.pruneNetworks({ filters: { label: ['nosuch'] } })),
  names(await docker.pruneVolumes({ filters: { label: ['nosuch'] } })),
]);
await step('disk usage', async () => names(await docker.df()));
await refused('a network that is not there', () => docker.getNetwork('nosuch').inspect());
await refused('a volume that is not there', () => docker.getVolume('nosuch').remove());
await refused('a plug-in that is not there', () => docker.getPlugin('nosuch', '').inspect());
end();

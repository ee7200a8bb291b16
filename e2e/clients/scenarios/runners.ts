// The ways in which three runners of CI jobs use an engine, request by request, where the programs themselves are not at hand:
// a job in one container that gets its steps by exec (act), in a container that reads its script from standard input
// (gitlab-runner), and in a container for each step on a shared volume (woodpecker).
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { tarOf } from '../../support/tar.ts';
import { apart, attached, docker } from './docker.ts';
import { end, note, refused, step } from './steps.ts';

note('client', 'by dockerode');

// A job in one container.
const jobNetwork = await docker.createNetwork({ Name: 'act-job', Driver: 'bridge', Scope: 'local' } as never);
const service = await docker.createContainer({
  name: 'act-service',
  Image: 'bb',
  Cmd: ['sh', '-c', 'mkdir /w; echo served > /w/index.html; exec httpd -f -p 80 -h /w'],
  Healthcheck: { Test: ['CMD-SHELL', 'wget -qO- http://127.0.0.1'], Interval: 200_000_000, Retries: 20 },
  HostConfig: { NetworkMode: 'act-job' },
  NetworkingConfig: { EndpointsConfig: { 'act-job': { Aliases: ['site'] } } },
});
await service.start();
await step('act: a service becomes healthy', async () => {
  let status = '';
  for (let tries = 0; tries < 100 && status !== 'healthy'; tries++) {
    status = (await service.inspect()).State.Health?.Status ?? '';
    await sleep(50);
  }
  return status;
});
const job = await docker.createContainer({
  name: 'act-main',
  Image: 'bb',
  Entrypoint: ['tail', '-f', '/dev/null'],
  Cmd: null as never,
  WorkingDir: '/work/it',
  Env: ['RUNNER_TOOL_CACHE=/opt/cache', 'LANG=C.UTF-8'],
  Tty: false,
  HostConfig: {
    Binds: ['act-work:/work/it', 'act-tool:/opt/cache'],
    NetworkMode: 'act-job',
    Privileged: false,
    UsernsMode: '',
    CapAdd: null as never,
  },
  NetworkingConfig: { EndpointsConfig: { 'act-job': { Aliases: ['main'] } } },
} as never);
await job.start();
const run = async (container: Docker.Container, Cmd: string[], more: object = {}) => {
  const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true, ...more });
  const seen = await apart(await exec.start({ Detach: false, Tty: false }));
  return { ...seen, code: (await exec.inspect()).ExitCode };
};
await step('act: its user and groups', async () => [
  (await run(job, ['id', '-u'])).out,
  (await run(job, ['id', '-g'])).out,
]);
await step('act: files for a step', async () => {
  const archive = tarOf({
    'workflow/0': 'echo step $NAME; wget -qO- http://site; echo A=1 >> /var/run/act/workflow/envs',
    'workflow/envs': '',
  });
  await run(job, ['mkdir', '-p', '/var/run/act']);
  await buffer(await job.putArchive(Readable.from([archive]), { path: '/var/run/act' }));
  return run(job, ['sh', '-e', '/var/run/act/workflow/0'], {
    Env: ['NAME=one'],
    WorkingDir: '/work/it',
    User: 'root',
  });
});
await step('act: variables from a file', async () => {
  const archive = await buffer(await job.getArchive({ path: '/var/run/act/workflow/envs' }));
  return archive.includes('A=1\n');
});
await refused('act: a file that is not there', () => job.getArchive({ path: '/var/run/act/nosuch' }));
await refused('act: an archive into a folder that is not there', () =>
  job.putArchive(Readable.from([tarOf({ f: 'x' })]), { path: '/nosuch' }),
);
await step('act: a step that fails', async () =>
  run(job, ['sh', '-e', '-c', 'echo before; false; echo after']),
);
await step(
  'act: the image tells its environment',
  async () => (await docker.getImage('bb').inspect()).Config.Env,
);
await step('act: the end', async () => {
  await Promise.all([job.remove({ force: true, v: true }), service.remove({ force: true, v: true })]);
  const gone = [];
  for (const name of ['act-work', 'act-tool', 'act-none'])
    gone.push(
      await docker
        .getVolume(name)
        .remove({ force: true })
        .then(
          () => 'gone',
          (error) => error.statusCode,
        ),
    );
  await jobNetwork.remove();
  return gone;
});

// Containers that read their script.
const labels = { 'com.gitlab.gitlab-runner.managed': 'true', 'com.gitlab.gitlab-runner.job.id': '7' };
const cache = (await docker.createVolume({
  Name: 'runner-cache',
  Labels: labels,
} as never)) as unknown as Docker.Volume;
const scripted = async (name: string, script: string, more: object = {}) => {
  const container = await docker.createContainer({
    name,
    Image: 'bb',
    Cmd: ['sh'],
    Labels: labels,
    Hostname: 'runner-host',
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
    Tty: false,
    HostConfig: {
      Binds: ['runner-cache:/builds'],
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: {} },
      ...more,
    },
  });
  const stream = await attached(container);
  const seen = apart(stream);
  await container.start();
  stream.end(script);
  const ended = await container.wait({ condition: 'not-running' });
  const { State } = await container.inspect();
  return { container, told: [await seen, ended, State.Status, State.ExitCode, State.OOMKilled] };
};
await step('gitlab-runner: sources, then the build', async () => {
  const first = await scripted('runner-predefined', 'echo cloned > /builds/source; echo fetching >&2\n');
  const second = await scripted('runner-build', 'set -e\ncat /builds/source\nhostname\nexit 9\n');
  await Promise.all([first, second].map(({ container }) => container.remove({ force: true, v: true })));
  return [first.told, second.told];
});
await step('gitlab-runner: a long script', async () => {
  const { container, told } = await scripted(
    'runner-long',
    `${'true # filling\n'.repeat(20_000)}echo all of it\n`,
  );
  await container.remove({ force: true });
  return told;
});
await step('gitlab-runner: the same container for two scripts', async () => {
  const { container } = await scripted('runner-twice', 'echo once > /kept\n');
  const stream = await attached(container);
  const seen = apart(stream);
  await container.start();
  stream.end('cat /kept; echo twice\n');
  const ended = await container.wait();
  await container.remove();
  return [await seen, ended];
});
await step('gitlab-runner: a job that is cancelled', async () => {
  const container = await docker.createContainer({
    name: 'runner-cancelled',
    Image: 'bb',
    Cmd: ['sh', '-c', 'trap "echo asked; exit 5" TERM; while :; do sleep 0.1; done'],
    Labels: labels,
  });
  await container.start();
  await sleep(300);
  const ended = container.wait({ condition: 'not-running' });
  await container.stop({ t: 5 });
  const logs = String(await container.logs({ stdout: true })).slice(8);
  await container.remove({ force: true });
  return [await ended, logs];
});
await step('gitlab-runner: a service and its log', async () => {
  const network = await docker.createNetwork({ Name: 'runner-net', Labels: labels, Options: {} } as never);
  const served = await docker.createContainer({
    name: 'runner-service',
    Image: 'bb',
    Cmd: ['sh', '-c', 'echo listens; exec nc -lk -p 99 -e true'],
    ExposedPorts: { '99/tcp': {} },
    HostConfig: { NetworkMode: 'runner-net' },
    NetworkingConfig: { EndpointsConfig: { 'runner-net': { Aliases: ['db', 'my-db'] } } },
  });
  await served.start();
  const ports = Object.keys((await served.inspect()).Config.ExposedPorts ?? {});
  const { container, told } = await scripted(
    'runner-waits',
    'for i in 1 2 3 4 5 6 7 8 9; do nc -z my-db 99 && echo reached && exit 0; sleep 0.2; done; exit 1\n',
    { NetworkMode: 'runner-net' },
  );
  const logs = String(await served.logs({ stdout: true, timestamps: false })).slice(8);
  await Promise.all([container.remove({ force: true }), served.remove({ force: true, v: true })]);
  await network.remove();
  return [ports, told, logs];
});
await step('gitlab-runner: what is left, by its labels', async () => {
  const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const left = await docker.listContainers({ all: true, filters: { label } });
  const volumes = await docker.listVolumes({ filters: { label } });
  await cache.remove();
  return [left.length, volumes.Volumes.map(({ Name }) => Name)];
});

// A container for each step.
const workspace = (await docker.createVolume({
  Name: 'wp-work',
  Driver: 'local',
})) as unknown as Docker.Volume;
const net = await docker.createNetwork({ Name: 'wp-net', Driver: 'bridge', EnableIPv6: false });
const wpStep = async (name: string, script: string, Image = 'bb') => {
  const container = await docker.createContainer({
    name: `wp_${name}`,
    Image,
    Labels: { wp_step: name, wp_uuid: name },
    Env: [`CI_SCRIPT=${Buffer.from(script).toString('base64')}`, 'HOME=/root', 'SHELL=/bin/sh'],
    Entrypoint: ['/bin/sh', '-c', 'echo $CI_SCRIPT | base64 -d | /bin/sh -e'],
    Cmd: [],
    WorkingDir: '/woodpecker/src',
    AttachStdout: true,
    AttachStderr: true,
    Volumes: { '/woodpecker': {} },
    HostConfig: { Binds: ['wp-work:/woodpecker'], LogConfig: { Type: 'json-file', Config: {} }, Tmpfs: {} },
    NetworkingConfig: { EndpointsConfig: { 'wp-net': { Aliases: [name] } } },
  });
  await container.start();
  const logs = await container.logs({
    follow: true,
    stdout: true,
    stderr: true,
    details: false,
    timestamps: false,
  });
  const seen = apart(logs);
  const ended = await container.wait();
  const { State } = await container.inspect();
  return [await seen, ended, State.ExitCode, State.OOMKilled];
};
await step('woodpecker: two steps share files', async () => [
  await wpStep('build', 'pwd; echo built > made'),
  await wpStep('test', 'cat made; echo on stderr >&2; exit 2'),
]);
await step('woodpecker: the steps go', async () => {
  for (const name of ['build', 'test']) {
    const container = docker.getContainer(`wp_${name}`);
    await container.kill({ signal: '9' }).catch((error) => error.statusCode);
    await container.remove({ v: true, force: true, link: false });
  }
  await refused('woodpecker: one that is gone', () =>
    docker.getContainer('wp_build').remove({ force: true }),
  );
  await workspace.remove({ force: true });
  await net.remove();
  return (await docker.listVolumes()).Volumes.length;
});
await refused('woodpecker: an image that is not there', () => wpStep('missing', 'true', 'nosuch:1'));
end();

// testcontainers for Node, with its reaper: a test's containers, and what is left when the process dies.
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, note, refused, step } from './steps.ts';

/** An image of this Node with the reaper, as the engines have no registry to pull testcontainers' own from. */
function buildReaper(): void {
  const folder = mkdtempSync(join(process.cwd(), 'reaper-'));
  copyFileSync(process.execPath, join(folder, 'node'));
  copyFileSync(join(import.meta.dirname, 'reaper.ts'), join(folder, 'reaper.ts'));
  const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  mkdirSync(join(folder, 'lib'));
  for (const path of libraries) copyFileSync(path, join(folder, 'lib', basename(path)));
  const loader = libraries.find((path) => basename(path).startsWith('ld-'))!;
  writeFileSync(
    join(folder, 'Dockerfile'),
    [
      'FROM bb',
      'COPY node reaper.ts /',
      'COPY lib /lib',
      `RUN mkdir -p $(dirname ${loader}); ln -sf /lib/${basename(loader)} ${loader}`,
      'ENV LD_LIBRARY_PATH=/lib',
      'EXPOSE 8080',
      'CMD ["/node", "--disable-warning=ExperimentalWarning", "/reaper.ts"]',
      '',
    ].join('\n'),
  );
  execFileSync('docker', ['build', '-q', '-t', 'reaper:local', folder], { stdio: 'ignore' });
}

const socket = process.env['DOCKER_HOST']!.replace('unix://', '');
process.env['RYUK_CONTAINER_IMAGE'] = 'reaper:local';
process.env['TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE'] = socket;
process.env['TESTCONTAINERS_HOST_OVERRIDE'] = '127.0.0.1';
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();

if (process.argv[2] === 'child') {
  // A test that is killed in the middle, with what it has started.
  const { GenericContainer, Network } = await import('testcontainers');
  const network = await new Network().start();
  await new GenericContainer('bb')
    .withCommand(['sleep', '600'])
    .withNetwork(network)
    .withLabels({ of: 'child' })
    .start();
  process.kill(process.pid, 'SIGKILL');
}

const { GenericContainer, Network, PullPolicy, Wait, DockerComposeEnvironment } = await import(
  'testcontainers'
);
note('client', createRequire(import.meta.url)('testcontainers/package.json').version);
buildReaper();

const server = ['sh', '-c', 'mkdir /w; echo page > /w/index.html; echo ready; exec httpd -f -p 80 -h /w'];
await step('a service, waited for by its port, log and page', async () => {
  const container = await new GenericContainer('bb')
    .withCommand(server)
    .withExposedPorts(80)
    .withWaitStrategy(
      Wait.forAll([Wait.forListeningPorts(), Wait.forLogMessage('ready'), Wait.forHttp('/index.html', 80)]),
    )
    .start();
  const page = await fetch(`http://${container.getHost()}:${container.getMappedPort(80)}/`);
  const seen = [page.status, await page.text(), typeof container.getFirstMappedPort()];
  await container.stop();
  return seen;
});
await step('the reaper runs', () =>
  docker('ps', '--filter', 'label=org.testcontainers.ryuk=true', '--format', '{{.Image}} {{.State}}'),
);
await step('exec, files in and out, logs', async () => {
  const container = await new GenericContainer('bb')
    .withCommand(['sh', '-c', 'cat /given/f; echo err >&2; exec sleep 600'])
    .withCopyContentToContainer([{ content: 'content\n', target: '/given/f', mode: 0o600 }])
    .withEnvironment({ A: 'b' })
    .withUser('nobody')
    .withWorkingDir('/tmp')
    .withTmpFs({ '/scratch': 'rw,size=1m' })
    .withResourcesQuota({ memory: 0.1, cpu: 0.5 })
    .withUlimits({ nofile: { hard: 64, soft: 32 } })
    .withAddedCapabilities('NET_ADMIN')
    .withDroppedCapabilities('CHOWN')
    .withExtraHosts([{ host: 'far', ipAddress: '192.0.2.1' }])
    .withWaitStrategy(Wait.forLogMessage('err'))
    .start();
  const { output, stdout, stderr, exitCode } = await container.exec(
    ['sh', '-c', 'id -un; pwd; echo $A $B; ulimit -n; exit 3'],
    { env: { B: 'c' }, user: 'root', workingDir: '/' },
  );
  await container.copyContentToContainer([{ content: 'later', target: '/tmp/later' }]);
  const archive = await container.copyArchiveFromContainer('/tmp/later');
  const bytes = (await buffer(archive)).length;
  const lines: string[] = [];
  const logs = await container.logs();
  logs.on('data', (line) => lines.push(String(line).trim()));
  for (let tries = 0; lines.join().length < 10 && tries < 100; tries++) await sleep(50);
  logs.destroy();
  await container.stop({ remove: true });
  return [output, stdout, stderr, exitCode, bytes > 0, lines.toSorted()];
});
await step('a health check', async () => {
  const container = await new GenericContainer('bb')
    .withCommand(['sleep', '600'])
    .withHealthCheck({
      test: ['CMD-SHELL', 'true'],
      interval: 300,
      timeout: 1000,
      retries: 3,
      startPeriod: 100,
    })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  const health = docker('inspect', '-f', '{{.State.Health.Status}}', container.getId());
  await container.stop();
  return health;
});
await step('a command that has ended well', async () => {
  const container = await new GenericContainer('bb')
    .withCommand(['true'])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  await container.stop();
  return 'ended';
});
await refused('a command that fails', () =>
  new GenericContainer('bb').withCommand(['false']).withWaitStrategy(Wait.forOneShotStartup()).start(),
);
await refused('an image that is not there', () =>
  new GenericContainer(`${process.env['REG']}/nosuch:1`).withPullPolicy(PullPolicy.alwaysPull()).start(),
);
await step('an image by build', async () => {
  const folder = mkdtempSync(join(process.cwd(), 'image-'));
  writeFileSync(join(folder, 'Dockerfile'), 'FROM bb\nARG WHO\nRUN echo $WHO > /who\nCMD ["sleep", "600"]\n');
  const image = await GenericContainer.fromDockerfile(folder).withBuildArgs({ WHO: 'me' }).build();
  const container = await image.start();
  const { output } = await container.exec(['cat', '/who']);
  await container.stop();
  return output;
});
await step('two on a network, by an alias', async () => {
  const network = await new Network().start();
  const first = await new GenericContainer('bb')
    .withCommand(server)
    .withNetwork(network)
    .withNetworkAliases('site')
    .withWaitStrategy(Wait.forLogMessage('ready'))
    .start();
  const second = await new GenericContainer('bb').withCommand(['sleep', '600']).withNetwork(network).start();
  const { output } = await second.exec(['wget', '-qO-', 'http://site/index.html']);
  await second.stop();
  await first.stop();
  await network.stop();
  return output;
});
await step('stopped, started again, and restarted', async () => {
  const container = await new GenericContainer('bb').withCommand(server).withExposedPorts(80).start();
  await container.restart({ timeout: 0 });
  const page = await fetch(`http://127.0.0.1:${container.getMappedPort(80)}/`);
  await container.stop();
  return page.status;
});
await step('one that is used again', async () => {
  process.env['TESTCONTAINERS_REUSE_ENABLE'] = 'true';
  const make = () => new GenericContainer('bb').withCommand(['sleep', '600']).withReuse().start();
  const [first, second] = [await make(), await make()];
  const same = first.getId() === second.getId();
  await first.stop();
  return same;
});
await step('commit', async () => {
  const container = await new GenericContainer('bb').withCommand(['sleep', '600']).start();
  await container.exec(['touch', '/made']);
  await container.commit({ repo: 'tccommit', tag: '1', deleteOnExit: true });
  await container.stop();
  return docker('run', '--rm', 'tccommit:1', 'ls', '/made');
});
await step('a project of compose', async () => {
  const folder = mkdtempSync(join(process.cwd(), 'project-'));
  writeFileSync(
    join(folder, 'compose.yaml'),
    `services: { site: { image: bb, command: ${JSON.stringify(server)}, ports: ["80"] } }\n`,
  );
  const environment = await new DockerComposeEnvironment(folder, 'compose.yaml')
    .withWaitStrategy('site-1', Wait.forLogMessage('ready'))
    .up();
  const site = environment.getContainer('site-1');
  const page = await fetch(`http://127.0.0.1:${site.getMappedPort(80)}/index.html`);
  await environment.down();
  return [page.status, await page.text()];
});
await step('what a killed test has left is reaped', async () => {
  const child = spawn(process.execPath, [...process.execArgv, import.meta.filename, 'child'], {
    // Its own session, with its own reaper.
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  const left = () => docker('ps', '-aq', '--filter', 'label=of=child');
  const begun = left() !== '';
  for (let tries = 0; left() !== '' && tries < 200; tries++) await sleep(100);
  return [ended, begun, left()];
});
end();

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { TestDaemon, until } from '../../support/daemon.ts';
import { Registry } from '../../support/registry.ts';

let collector: Server;
let daemon: TestDaemon;
interface Sent {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}
const spans: Sent[] = [];

beforeAll(async () => {
  collector = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { resourceSpans } = JSON.parse(Buffer.concat(parts).toString());
      spans.push(...resourceSpans[0].scopeSpans[0].spans);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  daemon = await TestDaemon.start([
    ...['--metrics-addr', '127.0.0.1:0'],
    ...['--otlp-endpoint', `http://127.0.0.1:${port}`],
  ]);
  await daemon.box(['sleep', '1000'], { HostConfig: { Memory: 64 << 20 } }, 'measured');
});
afterAll(async () => {
  await daemon?.dispose();
  collector.close();
});

test('metrics of engine and containers, in the API and at an address of their own', async () => {
  const { text, headers, status } = await daemon.call('GET', '/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(text).toContain('engine_daemon_container_states_containers{state="running"} 1');
  expect(text).toMatch(/^engine_daemon_container_actions_seconds_count\{action="start"\} 1$/m);
  expect(text).toMatch(
    /^container_spec_memory_limit_bytes\{id="\/docker\/[0-9a-f]{64}",image="bb",name="measured"\} 67108864$/m,
  );
  expect(text).toMatch(/^container_network_receive_bytes_total\{[^}]*interface="eth0"\} \d+$/m);
  const address = /metrics are served.* address=(\S+)/.exec(daemon.log)![1]!;
  const other = await fetch(`http://${address}/metrics`);
  expect(await other.text()).toContain('engine_daemon_engine_info{');
  expect((await fetch(`http://${address}/other`)).status).toBe(404);
});

test('Prometheus takes them', async () => {
  const { text } = await daemon.call('GET', '/metrics');
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(checked).toMatchObject({ status: 0, stderr: '' });
});

test('spans of calls, with the parts of a start below them and a caller above', async () => {
  await daemon.call('GET', '/info', undefined, {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  });
  await until('the spans', () => spans.some(({ name }) => name === 'SystemInfo'));
  const start = spans.find(({ name }) => name === 'ContainerStart')!;
  const below = spans.filter(({ parentSpanId }) => parentSpanId === start.spanId).map(({ name }) => name);
  expect(below.sort()).toEqual(['attach to networks', 'launch', 'prepare mounts']);
  expect(BigInt(start.endTimeUnixNano)).toBeGreaterThan(BigInt(start.startTimeUnixNano));
  expect(spans.find(({ name }) => name === 'SystemInfo')).toMatchObject({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    parentSpanId: 'b7ad6b7169203331',
  });
});

test('SIGUSR1 writes stacks and what is under way to the log', async () => {
  // It does not end at its stop signal.
  const stop = daemon.call('POST', '/containers/measured/stop?t=2');
  await new Promise((resolve) => setTimeout(resolve, 300));
  daemon.process!.kill('SIGUSR1');
  await until('the report', () => /ContainerStop for \d+ ms/.test(daemon.log), 1500);
  await until('its end', () => /native stack/.test(daemon.log));
  expect(daemon.log).toMatch(/native stack/);
  expect(daemon.log).not.toContain('Debugger listening');
  await stop;
});

/** The names of the spans below another, at any depth. */
function below(top: Sent): string[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === top.spanId)
    .flatMap((span) => [span.name, ...below(span)]);
}

test('spans of the parts of a pull and of the steps of a build', async () => {
  const registry = await Registry.start(join(daemon.folder, 'registry'));
  const name = `${registry.host}/bb:1`;
  const context = join(daemon.folder, 'context');
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), `FROM ${name}\nRUN touch /made\n`);
  try {
    for (const args of [
      ['tag', 'bb', name],
      ['push', '-q', name],
      ['rmi', name],
    ])
      daemon.docker(args);
    daemon.docker(['rm', '-f', 'measured']);
    daemon.docker(['rmi', 'bb']);
    daemon.docker(['pull', '-q', name]);
    for (const builder of ['0', '1'])
      daemon.docker(['build', '-q', context], { env: { DOCKER_BUILDKIT: builder } });
  } finally {
    await registry.stop();
  }
  // Clients open a second build after the first, which does nothing.
  const under = (operation: string) => spans.filter((span) => span.name === operation).flatMap(below);
  await until('the spans of the builds', () => under('Solve').includes('[2/2] RUN touch /made'));
  expect(under('ImageCreate').slice(-3)).toEqual(['resolve', 'download layer', 'unpack layer']);
  expect(under('ImageBuild')).toContain('RUN touch /made');
});

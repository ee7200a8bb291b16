import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { sleep, TestDaemon, until } from '../../support/daemon.ts';

// Logs that are sent elsewhere: each line arrives, whatever happens to the daemon and to the receiver, and no container waits.

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start([], {});
});
afterAll(async () => {
  await daemon?.dispose();
});

/** A server that takes lines, and can stop taking them. */
class Receiver {
  /** The bytes that each connection brought. */
  private readonly texts = new Map<Socket, string>();
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private deaf = false;
  port = 0;

  async up(port = this.port): Promise<this> {
    this.server = createTcpServer((socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined);
      if (this.deaf) socket.pause();
      else this.take(socket);
    });
    await new Promise<void>((resolve) => this.server!.listen(port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  private take(socket: Socket): void {
    socket.on('data', (bytes) =>
      this.texts.set(socket, (this.texts.get(socket) ?? '') + bytes.toString('latin1')),
    );
  }

  get text(): string {
    return [...this.texts.values()].join('');
  }

  /** Takes connections from now on and reads nothing of them. */
  ignore(): void {
    this.deaf = true;
  }

  listen(): void {
    this.deaf = false;
    for (const socket of this.sockets) {
      this.take(socket);
      socket.resume();
    }
  }

  async down(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server?.close(resolve) ?? resolve(undefined));
  }

  /** The numbers that `n=NUMBER` lines carry, in the order they came. */
  get numbers(): number[] {
    return [...this.text.matchAll(/n=(\d+)/g)].map(([, number]) => Number(number));
  }
}

const syslogTo = ({ port }: Receiver, more: Record<string, string> = {}) => ({
  Type: 'syslog',
  Config: { 'syslog-address': `tcp://127.0.0.1:${port}`, ...more },
});

async function run(script: string, LogConfig: object, host: object = {}): Promise<string> {
  const body = {
    Image: 'bb',
    Cmd: ['sh', '-c', script],
    HostConfig: { NetworkMode: 'none', LogConfig, ...host },
  };
  const created = await daemon.call('POST', '/containers/create', body);
  expect(created).toMatchObject({ status: 201 });
  const { Id } = created.json;
  const started = await daemon.call('POST', `/containers/${Id}/start`);
  if (started.status !== 204) throw new Error(started.text);
  return Id;
}

const wait = (id: string) => daemon.call('POST', `/containers/${id}/wait`);
const remove = (id: string) => daemon.call('DELETE', `/containers/${id}?force=1`);
const logs = async (id: string) =>
  (await daemon.call('GET', `/containers/${id}/logs?stdout=1`)).text.replace(
    /[\0-\x09\x0b-\x1f]......./gs,
    '',
  );
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
const counting = (last: number, pause = '') =>
  `i=0; while [ $i -lt ${last} ]; do i=$((i+1)); echo n=$i; ${pause} done`;

test('the thread that sends logs is there for as long as there are any', async () => {
  const tasks = `/proc/${daemon.process!.pid}/task`;
  const name = (task: string) => {
    try {
      return readFileSync(join(tasks, task, 'comm'), 'utf8').trim();
    } catch {
      return ''; // a thread that has ended meanwhile
    }
  };
  const names = () => readdirSync(tasks).map(name);
  const gone = () => until('the end of the thread', () => !names().includes('logs'));
  await gone();
  const receiver = await new Receiver().up();
  const id = await run('echo n=1', syslogTo(receiver));
  await wait(id);
  await until('the line', () => receiver.numbers.length === 1);
  expect(names()).toContain('logs');
  await remove(id);
  await gone();
  // Its options are looked at by the thread, which has nothing to send then.
  await expect(run('true', { Type: 'splunk', Config: {} })).rejects.toThrow('splunk-url is expected');
  await gone();
  const again = await run('echo n=2', syslogTo(receiver));
  await wait(again);
  await until('the other line', () => receiver.numbers.length === 2);
  // It waits a while for the next log: containers with such a driver come one after the other.
  const thread = readdirSync(tasks).find((task) => name(task) === 'logs')!;
  await remove(again);
  const soon = await run('echo n=3', syslogTo(receiver));
  expect(name(thread)).toBe('logs');
  await wait(soon);
  await until('the last line', () => receiver.numbers.length === 3);
  await remove(soon);
  await receiver.down();
});

test('a log is sent, read, and gone with its container', async () => {
  const receiver = await new Receiver().up();
  const id = await run('echo n=1; echo n=2 >&2', syslogTo(receiver, { tag: '{{.ImageName}}' }));
  await wait(id);
  await until('both lines', () => receiver.numbers.length === 2);
  expect(
    receiver.text
      .split('\n')
      .map((line) => line.replace(/\[\d+\]|^(<\d+>).*? bb/g, '$1 bb'))
      .sort(),
  ).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^<30> bb.*: n=1/),
      expect.stringMatching(/^<27> bb.*: n=2/),
    ]),
  );
  expect(await logs(id)).toContain('n=1\n');
  expect(existsSync(join(daemon.data, 'logs', id))).toBe(true);
  await remove(id);
  await until('the log to be gone', () => !existsSync(join(daemon.data, 'logs', id)));
  await receiver.down();
});

test('a receiver that is not there fails the start; one that goes holds up nothing and loses nothing', async () => {
  const receiver = await new Receiver().up();
  const config = syslogTo(receiver);
  await receiver.down();
  await expect(run('true', config)).rejects.toThrow(
    `failed to initialize logging driver: dial tcp 127.0.0.1:${receiver.port}: connect: connection refused`,
  );
  await receiver.up();
  const id = await run(`echo n=1; sleep 0.3; ${counting(500)}`, config);
  await until('the first line', () => receiver.numbers.length === 1);
  await receiver.down();
  expect((await wait(id)).json.StatusCode).toBe(0);
  expect((await logs(id)).split('\n').length).toBe(502);
  // Entries that are not sent yet outlive the container.
  await remove(id);
  await receiver.up();
  await until('the other lines', () => receiver.numbers.length >= 501);
  expect(receiver.numbers.slice(1)).toEqual(upTo(500));
  await until('the log to be gone', () => !existsSync(join(daemon.data, 'logs', id)));
  await receiver.down();
});

test('a daemon that is killed loses no line, over rotations', async () => {
  const receiver = await new Receiver().up();
  const id = await run(
    counting(3000, 'usleep 500;'),
    syslogTo(receiver, { 'cache-max-size': '20k', 'cache-max-file': '4' }),
  );
  await until('some lines', () => receiver.numbers.length > 100);
  await daemon.down('SIGKILL');
  await sleep(300);
  await daemon.up();
  await until('some more', () => receiver.numbers.length > 1000);
  await daemon.down('SIGKILL');
  await daemon.up();
  await wait(id);
  await until('the last', () => receiver.numbers.includes(3000));
  // At least once, in order: what was under way may come again.
  expect([...new Set(receiver.numbers)]).toEqual(upTo(3000));
  expect(receiver.numbers.length).toBeLessThan(3000 + 1500);
  expect(readdirSync(join(daemon.data, 'logs', id)).some((name) => name.startsWith('container.log.'))).toBe(
    true,
  );
  await remove(id);
  await receiver.down();
}, 60_000);

test('a receiver that hangs holds up a container only where that is asked for', async () => {
  const receiver = await new Receiver().up();
  receiver.ignore();
  const script = `${counting(3000)}; yes ${'x'.repeat(1000)} | head -n 25000; echo n=3001`;
  const free = await run(script, syslogTo(receiver));
  const bound = await run(script, syslogTo(receiver, { mode: 'blocking' }));
  expect((await wait(free)).json.StatusCode).toBe(0);
  await sleep(500);
  const { json } = await daemon.call('GET', `/containers/${bound}/json`);
  expect(json.State.Status).toBe('running');
  receiver.listen();
  expect((await wait(bound)).json.StatusCode).toBe(0);
  await until('all lines', () => receiver.numbers.filter((number) => number === 3001).length === 2);
  expect(receiver.numbers.length).toBe(2 * 3001);
  await remove(free);
  await remove(bound);
  await receiver.down();
}, 60_000);

test('what may wait is bounded where that is asked for; a copy that is not wanted cannot be read', async () => {
  const receiver = await new Receiver().up();
  const limits = { mode: 'non-blocking', 'max-buffer-size': '8k', 'cache-disabled': 'true' };
  const id = await run(`echo n=0; sleep 0.3; ${counting(2000)}`, syslogTo(receiver, limits));
  await until('the first line', () => receiver.numbers.length === 1);
  await receiver.down();
  await wait(id);
  await sleep(500);
  await receiver.up();
  await until('the last line', () => receiver.numbers.includes(2000));
  const { numbers } = receiver;
  expect(numbers.length).toBeLessThan(300);
  expect(numbers.slice(1)).toEqual(upTo(2000).slice(2001 - numbers.length));
  expect(await daemon.call('GET', `/containers/${id}/logs?stdout=1`)).toMatchObject({
    status: 501,
    json: { message: 'configured logging driver does not support reading' },
  });
  await remove(id);
  await receiver.down();
});

test('batches over HTTP are sent at the end of a run, and again when the server fails', async () => {
  const requests: Array<{ request: IncomingMessage; body: string }> = [];
  let failing = 1;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes) => (body += bytes));
    request.on('end', () => {
      requests.push({ request, body });
      const failed = request.method === 'POST' && failing-- > 0;
      response.writeHead(failed ? 503 : 200).end(failed ? 'busy' : '{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const id = await run('echo one; echo two', {
    Type: 'splunk',
    Config: { 'splunk-url': url, 'splunk-token': 'secret', tag: '' },
  });
  await wait(id);
  await until('the second try', () => requests.length === 3);
  expect(requests.map(({ request }) => request.method)).toEqual(['OPTIONS', 'POST', 'POST']);
  expect(requests[2]!.request.headers.authorization).toBe('Splunk secret');
  expect(requests[2]!.body).toMatch(
    /^\{"event":\{"line":"one","source":"stdout"\},"time":"\d+\.\d{6}","host":"[^"]+"\}\{"event":\{"line":"two",/,
  );
  expect(requests[2]!.body).toBe(requests[1]!.body);
  await remove(id);
  server.close();
});

test('pieces of a long line are told apart', async () => {
  const receiver = await new Receiver().up();
  const id = await run('head -c 20000 /dev/zero | tr "\\0" a; echo; printf rest', {
    Type: 'fluentd',
    Config: { 'fluentd-address': `127.0.0.1:${receiver.port}`, env: 'PATH' },
  });
  await wait(id);
  await until('the rest', () => receiver.text.includes('rest'));
  const pieces = receiver.text
    .match(/partial_(last|ordinal)[\xa0-\xbf](true|false|\d)/g)
    ?.map((text) => text.slice(8));
  expect(pieces?.map((text) => text.replace(/[^a-z0-9]/g, '='))).toEqual([
    ...['ordinal=1', 'last=false', 'ordinal=2', 'last=true', 'ordinal=1', 'last=false'],
  ]);
  expect(receiver.text).toContain('container_name');
  await remove(id);
  await receiver.down();
});

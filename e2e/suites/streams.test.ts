import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { sleep, TestDaemon, until } from '../support/daemon.ts';
import { post, talk } from '../support/raw.ts';

/* Output, input and logs of containers, and the connections that carry them, where one side is slow, gone or at its end. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const none = { HostConfig: { NetworkMode: 'none' } };
const remove = (id: string) => daemon.call('DELETE', `/containers/${id}?force=1&v=1`);

const execOf = async (id: string, config: object) =>
  (await daemon.call('POST', `/containers/${id}/exec`, config)).json.Id as string;

describe('input', () => {
  /** A client that writes without looking, as `cat big | docker exec -i` does; gives its exit code and output. */
  const pour = (args: string[]) =>
    new Promise<{ code: number | null; out: string }>((resolve) => {
      const child = spawn('docker', args, {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, DOCKER_HOST: daemon.host },
      });
      let out = '';
      child.stdout.on('data', (part) => {
        out += part;
      });
      child.stdin.on('error', () => undefined);
      child.stdin.end(Buffer.alloc(3_000_000, 'y\n'));
      child.on('close', (code) => resolve({ code, out }));
    });

  test('a program that ends before it has read its input ends with its own exit code', async () => {
    const id = await daemon.box(['sleep', '100'], none);
    const command = ['sh', '-c', 'head -c 3; echo; echo done; exit 5'];
    for (let round = 0; round < 4; round++) {
      const expected = { code: 5, out: 'y\ny\ndone\n' };
      expect(await pour(['exec', '-i', id, ...command])).toEqual(expected);
      expect(await pour(['run', '-i', '--rm', '--network=none', 'bb', ...command])).toEqual(expected);
    }
    await remove(id);
  });

  test('a client that sends more than is read gets all the output and an end, not a reset', async () => {
    const id = await daemon.box(['sleep', '100'], none);
    for (let round = 0; round < 10; round++) {
      const exec = await execOf(id, {
        AttachStdin: true,
        AttachStdout: true,
        Cmd: ['sh', '-c', 'seq 3000'],
      });
      const answer = await talk(daemon, post(`/exec/${exec}/start`, {}), Buffer.alloc(400_000, 'x'));
      expect(answer.slice(-12)).toContain('3000\n');
    }
    await remove(id);
  });
});

describe('logs', () => {
  /** The sizes of the chunks of a reply's body. */
  function chunksOf(reply: string): number[] {
    const sizes: number[] = [];
    let rest = reply.slice(reply.indexOf('\r\n\r\n') + 4);
    for (;;) {
      const end = rest.indexOf('\r\n');
      const size = Number.parseInt(rest.slice(0, end), 16);
      if (!(size > 0)) break;
      sizes.push(size);
      expect(rest.slice(end + 2 + size, end + 4 + size)).toBe('\r\n');
      rest = rest.slice(end + 4 + size);
    }
    expect(rest).toBe('0\r\n\r\n');
    return sizes;
  }
  const get = (path: string, version = '1.1') =>
    talk(daemon, `GET ${path} HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`);

  test('each entry is a chunk of its own, whatever its length', async () => {
    const lengths = [0, 1, 6, 7, 8, 246, 247, 248, 3000, 4086, 4087, 4088, 16000, 2];
    const script = lengths.map((length) => `head -c ${length} /dev/zero | tr '\\0' x; echo`).join(';');
    for (const Tty of [false, true]) {
      const id = await daemon.box(['sh', '-c', script], { ...none, Tty });
      await daemon.call('POST', `/containers/${id}/wait`);
      const extra = Tty ? 2 : 9; // CR LF; header and LF
      const plain = lengths.map((length) => length + extra);
      expect(chunksOf(await get(`/containers/${id}/logs?stdout=1`))).toEqual(plain);
      expect(chunksOf(await get(`/containers/${id}/logs?stdout=1&timestamps=1`))).toEqual(
        plain.map((size) => size + 31),
      );
      expect(chunksOf(await get(`/containers/${id}/logs?stdout=1&details=1&follow=1`))).toEqual(
        plain.map((size) => size + 1),
      );
      expect(chunksOf(await get(`/containers/${id}/logs?stdout=1&tail=0`))).toEqual([]);
      const old = await get(`/containers/${id}/logs?stdout=1`, '1.0');
      expect(old.length - old.indexOf('\r\n\r\n') - 4).toBe(plain.reduce((sum, size) => sum + size, 0));
      await remove(id);
    }
  });
});

describe('exec', () => {
  test('a second start is told in the stream where one is attached, and by the status where not', async () => {
    const id = await daemon.box(['sleep', '100'], none);
    const exec = await execOf(id, { AttachStdout: true, Cmd: ['sleep', '1'] });
    expect((await daemon.call('POST', `/exec/${exec}/start`, { Detach: true })).status).toBe(200);
    const text = (what: string) => `exec command ${exec} ${what}`;
    for (const what of ['is already running', 'has already run']) {
      await until('the state', async () => {
        const { json } = await daemon.call('GET', `/exec/${exec}/json`);
        return json.Running === (what === 'is already running');
      });
      expect(await talk(daemon, post(`/exec/${exec}/start`, {}))).toMatch(
        new RegExp(`^HTTP/1.1 101 [^]*\r\n\r\n\x01[^]{7}${text(what)}\r\n$`),
      );
      expect(await talk(daemon, post(`/exec/${exec}/start`, { Tty: true }, false))).toMatch(
        new RegExp(`^HTTP/1.1 200 [^]*\r\n\r\n${text(what)}\r\n$`),
      );
      expect(await daemon.call('POST', `/exec/${exec}/start`, { Detach: true })).toMatchObject({
        status: 409,
        json: { message: text(what) },
      });
    }
    await remove(id);
  });
});

test('a published port that nobody listens on accepts and closes', async () => {
  const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: '' }] } };
  const id = await daemon.box(['sleep', '100'], { ExposedPorts: { '80/tcp': {} }, HostConfig });
  const { json } = await daemon.call('GET', `/containers/${id}/json`);
  const bindings = json.NetworkSettings.Ports['80/tcp'] as Array<{ HostIp: string; HostPort: string }>;
  expect(bindings.map(({ HostIp }) => HostIp)).toEqual(['0.0.0.0', '::']);
  for (const { HostIp, HostPort } of bindings) {
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      const socket = connect({ host: HostIp === '::' ? '::1' : '127.0.0.1', port: Number(HostPort) });
      for (const event of ['connect', 'end', 'error']) socket.on(event, () => seen.push(event));
      socket.on('close', () => resolve());
    });
    expect(seen).toEqual(['connect', 'end']);
  }
  await remove(id);
});

test('a container that ends while it is committed becomes an image', async () => {
  for (let round = 0; round < 6; round++) {
    const id = await daemon.box(['sh', '-c', `echo x > /made; sleep 0.0${round}`], none);
    const answer = await daemon.call('POST', `/commit?container=${id}&repo=ended`);
    expect([answer.status, answer.text]).toEqual([201, expect.stringContaining('sha256:')]);
    await remove(id);
  }
  await daemon.call('DELETE', '/images/ended?force=1');
});

test('a log that a client has been promised is read to its end, though its container is removed meanwhile', async () => {
  const ids = await Promise.all(
    Array.from({ length: 24 }, () => daemon.box(['sh', '-c', 'echo said'], none)),
  );
  await Promise.all(ids.map((id) => daemon.call('POST', `/containers/${id}/wait`)));
  // All at once, so that the answers' heads come well before what follows them.
  const read = (id: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(daemon.socket);
      const parts: Buffer[] = [];
      socket.once('data', () => void remove(id));
      socket.on('data', (part) => parts.push(part));
      socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')));
      socket.on('error', reject);
      socket.write(
        `GET /containers/${id}/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      );
    });
  for (const answer of await Promise.all(ids.map(read))) expect(answer).toContain('said\n');
});

describe('output is not sent before the head of its answer is read', () => {
  /** The parts that a client gets which reads some time after it has asked, until `end` stands in one. */
  const late = async (request: string, end: string) => {
    const socket = connect(daemon.socket).pause();
    socket.write(request);
    await sleep(60);
    const parts: string[] = [];
    const ended = new Promise<void>((resolve) => {
      socket.on('data', (part) => {
        parts.push(part.toString('latin1'));
        if (parts.join('').includes(end)) resolve();
      });
      socket.once('close', () => resolve());
    });
    socket.resume();
    await ended;
    socket.destroy();
    return { head: parts[0], output: parts.slice(1).join('') };
  };
  const head = expect.stringMatching(/^HTTP\/1.1 101 .*\r\n\r\n$/s);

  test('of an exec', async () => {
    const id = await daemon.box(['sleep', '100'], none);
    const exec = await execOf(id, { AttachStdout: true, Cmd: ['echo', 'said'] });
    const start = post(`/exec/${exec}/start`, {});
    expect(await late(start, 'said')).toEqual({ head, output: expect.stringContaining('said\n') });
    // The second time only a reason why not comes.
    expect(await late(start, 'run')).toEqual({ head, output: expect.stringContaining('has already run') });
    await remove(id);
  });

  test('of a container that is attached to, its log and what it writes', async () => {
    const id = await daemon.box(['sh', '-c', 'seq 3; while :; do usleep 1000; echo said; done'], none);
    const attached = (query: string) => post(`/containers/${id}/attach?stdout=1&${query}`, {});
    // An attach to the log alone ends with the log as it is; on a busy machine nothing is written yet.
    await until('something in the log', async () =>
      (await daemon.call('GET', `/containers/${id}/logs?stdout=1`)).text.includes('said'),
    );
    for (const query of ['logs=1', 'logs=1&stream=1'])
      expect(await late(attached(query), 'said')).toEqual({ head, output: expect.stringContaining('3\n') });
    expect(await late(attached('stream=1'), 'said')).toEqual({
      head,
      output: expect.stringContaining('said\n'),
    });
    await remove(id);
  });
});

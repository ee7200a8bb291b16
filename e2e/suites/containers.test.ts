import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';
import { tarOf } from '../support/tar.ts';

/* Details of containers that the stock tools and their tests count on. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const none = { HostConfig: { NetworkMode: 'none' } };

/** Sends a request as it is written, ends its own side when asked to, and gives all that comes back. */
function talk(text: string, { end = false, ms = 5000 } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: daemon.socket, allowHalfOpen: true });
    let answer = '';
    socket.setTimeout(ms, () => socket.destroy());
    socket.on('data', (part) => {
      answer += part.toString('latin1');
      // Only when the connection has left HTTP is an end of one's side the end of the input.
      if (end && answer.includes('\r\n\r\n')) socket.end();
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    socket.write(text);
  });
}

const post = (path: string, body: object, head = '') => {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${head}Content-Length: ${text.length}\r\n\r\n${text}`;
};

describe('streams', () => {
  test('an input that ends before the process is there ends for it, too', async () => {
    const id = await daemon.box(['sleep', '60'], none);
    for (let round = 0; round < 5; round++) {
      const exec = await daemon.call('POST', `/containers/${id}/exec`, {
        AttachStdin: true,
        AttachStdout: true,
        Cmd: ['sh', '-c', 'cat && echo over'],
      });
      const start = post(`/exec/${exec.json.Id}/start`, {}, 'Connection: Upgrade\r\nUpgrade: tcp\r\n');
      expect(await talk(start, { end: true })).toContain('over');
    }
    await daemon.call('DELETE', `/containers/${id}?force=1`);
  });

  test('the header Upgrade alone is answered with 101', async () => {
    const id = await daemon.box(['sleep', '60'], none);
    const exec = await daemon.call('POST', `/containers/${id}/exec`, {
      AttachStdout: true,
      Cmd: ['echo', 'said'],
    });
    const answer = await talk(post(`/exec/${exec.json.Id}/start`, {}, 'Upgrade: tcp\r\n'));
    expect(answer).toMatch(/^HTTP\/1.1 101 /);
    expect(answer).toContain('said');
    await daemon.call('DELETE', `/containers/${id}?force=1`);
  });

  test('an exec that was not started goes with the run of its container', async () => {
    const id = await daemon.box(['sleep', '60'], none);
    const exec = await daemon.call('POST', `/containers/${id}/exec`, { Cmd: ['true'] });
    await daemon.call('POST', `/containers/${id}/restart?t=0`);
    const start = await daemon.call('POST', `/exec/${exec.json.Id}/start`, { Detach: true });
    expect(start).toMatchObject({ status: 404, json: { message: `No such exec instance: ${exec.json.Id}` } });
    await daemon.call('DELETE', `/containers/${id}?force=1`);
  });

  test('an attachment ends when the exit code is known', async () => {
    for (let round = 0; round < 15; round++) {
      // One that attached before the start, and one that closes its streams before it ends.
      const command = round % 5 === 0 ? 'exec >&- 2>&-; sleep 0.2; exit 7' : 'echo said; exit 7';
      const body = { Image: 'bb', AttachStdout: true, Cmd: ['sh', '-c', command], ...none };
      const { Id } = (await daemon.call('POST', '/containers/create', body)).json;
      const path = `/containers/${Id}/attach?stream=1&stdout=1&stderr=1`;
      const streams = talk(post(path, {}, 'Connection: Upgrade\r\nUpgrade: tcp\r\n'));
      await sleep(20);
      await daemon.call('POST', `/containers/${Id}/start`);
      await streams;
      const { State } = (await daemon.call('GET', `/containers/${Id}/json`)).json;
      expect(State).toMatchObject({ Status: 'exited', ExitCode: 7 });
      await daemon.call('DELETE', `/containers/${Id}?force=1`);
    }
  });

  test('a WebSocket to no container is not found, whatever else is wrong with it', async () => {
    expect(await daemon.call('GET', '/containers/nosuch/attach/ws')).toMatchObject({ status: 404 });
  });

  test('events up to now are those that are kept', async () => {
    const id = await daemon.box(['true'], none);
    await daemon.call('POST', `/containers/${id}/wait`);
    await daemon.call('DELETE', `/containers/${id}`);
    expect(await actionsOf(id)).toEqual(expect.arrayContaining(['create', 'start', 'die', 'destroy']));
  });
});

/** The actions of the events that are kept of a container. */
async function actionsOf(id: string): Promise<string[]> {
  const { SystemTime } = (await daemon.call('GET', '/info')).json;
  const now = Date.parse(SystemTime) / 1000;
  const filters = encodeURIComponent(JSON.stringify({ container: [id] }));
  const { text } = await daemon.call('GET', `/events?until=${now + 0.001}&filters=${filters}`);
  return text
    .trim()
    .split(/\s*\n/)
    .map((line) => JSON.parse(line).Action);
}

test('a restart that finds another start on its way is told of in the events as any', async () => {
  const { json } = await daemon.call('POST', '/containers/create', {
    Image: 'bb',
    Cmd: ['sleep', '100'],
    ...none,
  });
  const asked = await Promise.all(
    ['start', 'restart?t=0'].map((verb) => daemon.call('POST', `/containers/${json.Id}/${verb}`)),
  );
  expect(asked.map(({ status }) => status)).toEqual([204, 204]);
  expect((await actionsOf(json.Id)).filter((action) => action === 'restart')).toEqual(['restart']);
  await daemon.call('DELETE', `/containers/${json.Id}?force=1`);
});

test('a commit of a container that goes meanwhile is a conflict', async () => {
  const statuses = new Set<number>();
  for (let round = 0; round < 12; round++) {
    const { json } = await daemon.call('POST', '/containers/create', { Image: 'bb', Cmd: ['x'], ...none });
    const committed = daemon.call('POST', `/commit?container=${json.Id}&repo=going&pause=0`);
    await sleep(round / 2);
    await daemon.call('DELETE', `/containers/${json.Id}`);
    statuses.add((await committed).status);
  }
  await daemon.call('DELETE', '/images/going?force=1');
  await daemon.call('POST', '/images/prune');
  expect([...statuses].filter((status) => ![201, 404, 409].includes(status))).toEqual([]);
});

test('a container is found when it is made, and not while it is', async () => {
  const big = tarOf({ 'big/file': Buffer.alloc(60 << 20, 'x') });
  await daemon.call('POST', '/images/create?fromSrc=-&repo=big', big);
  // Its volume gets a copy of what the image has there, which takes a while.
  const body = { Image: 'big', Cmd: ['x'], Volumes: { '/big': {} }, ...none };
  let over = false;
  const created = daemon.call('POST', '/containers/create?name=slow', body).finally(() => {
    over = true;
  });
  const removals: number[] = [];
  while (!over) removals.push((await daemon.call('DELETE', '/containers/slow?force=1')).status);
  expect(removals.length).toBeGreaterThan(3);
  expect((await created).status).toBe(201);
  // The last may have come after it.
  expect(new Set(removals.slice(0, -1))).toEqual(new Set([404]));
  await daemon.call('DELETE', '/containers/slow?v=1');
  expect((await daemon.call('DELETE', '/images/big')).status).toBe(200);
});

describe('environment', () => {
  const run = (...args: string[]) => daemon.docker(['run', '--rm', '--network=none', ...args]).stdout;

  test('an empty HOME is filled in, not doubled', () => {
    expect(run('-e', 'HOME=', 'bb', 'env').match(/^HOME=.*$/gm)).toEqual(['HOME=/root']);
  });

  test('an exec has TERM when it has a terminal, whatever the container has', async () => {
    const id = await daemon.box(['sleep', '60'], { ...none, Tty: true });
    expect(daemon.docker(['exec', id, 'env']).stdout).not.toContain('TERM=');
    await daemon.call('DELETE', `/containers/${id}?force=1`);
  });
});

test('links name a container, through renames of either', async () => {
  const target = await daemon.box(['sleep', '60'], {}, 'linked');
  const parent = await daemon.box(['sleep', '60'], { HostConfig: { Links: ['linked:/db'] } }, 'linking');
  const rename = (id: string, name: string) => daemon.call('POST', `/containers/${id}/rename?name=${name}`);
  await rename(target, 'renamed');
  await rename(parent, 'moved');
  const { json } = await daemon.call('GET', '/containers/json');
  const listed = json.find(({ Id }: { Id: string }) => Id === target);
  expect(listed.Names).toEqual(['/moved/db', '/renamed']);
  expect((await daemon.call('GET', '/containers/moved/db/json')).json.Id).toBe(target);
  const { HostConfig } = (await daemon.call('GET', `/containers/${parent}/json`)).json;
  expect(HostConfig.Links).toEqual(['/renamed:/moved/db']);

  // A container that shares a network is reached where its owner is.
  const shared = await daemon.box(['sleep', '60'], { HostConfig: { NetworkMode: `container:${target}` } });
  const other = await daemon.box(['sleep', '60'], { HostConfig: { Links: [`${shared}:friend`] } });
  expect(daemon.docker(['exec', other, 'cat', '/etc/hosts']).stdout).toContain('\tfriend ');
  for (const id of [other, shared, parent, target]) await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('an update before API version 1.40 says nothing of processes', async () => {
  const id = await daemon.box(['sleep', '60'], { HostConfig: { NetworkMode: 'none', PidsLimit: 30 } });
  const limit = async (version: string) => {
    await daemon.call('POST', `/v${version}/containers/${id}/update`, { PidsLimit: 20 });
    return (await daemon.call('GET', `/containers/${id}/json`)).json.HostConfig.PidsLimit;
  };
  expect([await limit('1.39'), await limit('1.40')]).toEqual([30, 20]);
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test("a build's session speaks one protocol only", async () => {
  const post = (path: string, upgrade: string) => daemon.call('POST', path, undefined, { upgrade });
  const message = 'protocol odd not supported';
  expect(await post('/session', 'odd')).toMatchObject({ status: 400, json: { message } });
  expect(await post('/grpc', 'odd')).toMatchObject({ status: 500, json: { message } });
});

test('a content type that is none, or not of JSON, is told as such', async () => {
  const told = async (type: string) => {
    const headers = { 'content-type': type };
    const answer = await daemon.call('POST', '/containers/create', { Image: 'nosuch' }, headers);
    return `${answer.status} ${answer.json.message}`;
  };
  expect(await told('')).toBe('400 malformed Content-Type header (): mime: no media type');
  expect(await told('json')).toBe("400 unsupported Content-Type header (json): must be 'application/json'");
  expect(await told('application/json; odd')).toBe(
    '400 malformed Content-Type header (application/json; odd): mime: invalid media parameter',
  );
  expect(await told('application/json; charset=utf-8;')).toMatch(/^404 /);
});

test('a container cannot join its own network', () => {
  const { stderr } = daemon.docker(['run', '--name=me', '--net=container:me', 'bb']);
  expect(stderr).toContain('cannot join own network');
  daemon.docker(['rm', 'me']);
});

test("the daemon's debug log names the step of the set-up that a start failed in", async () => {
  const verbose = new TestDaemon(['-D']);
  try {
    await verbose.up();
    await verbose.importBusybox();
    const failed = (...flags: string[]) =>
      verbose.docker(['run', '--rm', '--network=none', ...flags, 'bb', 'true']).status;
    expect(failed('-v', '/tmp:/bin/busybox')).not.toBe(0);
    expect(failed('--sysctl', 'kernel.msgmax=many')).not.toBe(0);
    expect(verbose.log).toMatch(/a container's set-up failed.* step=mounts /);
    expect(verbose.log).toMatch(/a container's set-up failed.* step=sysctls /);
  } finally {
    await verbose.dispose();
  }
});

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, TestDaemon, until } from '../support/daemon.ts';
import { helperOf } from '../support/helpers.ts';
import { outputOf, post, talk } from '../support/raw.ts';

/* Streams, execs and ends when a process is frozen, a helper is killed, or the disk is full. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const none = { HostConfig: { NetworkMode: 'none' } };
const remove = (id: string) => daemon.call('DELETE', `/containers/${id}?force=1&v=1`);
const stateOf = async (id: string) => (await daemon.call('GET', `/containers/${id}/json`)).json.State;
const execOf = async (id: string, config: object) =>
  (await daemon.call('POST', `/containers/${id}/exec`, config)).json.Id as string;

const launcher = () => helperOf(daemon, 'berth-launcher')!;

/** Freezes or thaws the cgroup of a container, as nobody tells the daemon. */
function freeze(pid: number, frozen: boolean): void {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const old = lines.map((line) => /^\d+:freezer:(.*)/.exec(line)?.[1]).find((path) => path !== undefined);
  if (old !== undefined)
    writeFileSync(join('/sys/fs/cgroup/freezer', old, 'freezer.state'), frozen ? 'FROZEN' : 'THAWED');
  else writeFileSync(join('/sys/fs/cgroup', lines[0]!.slice(3), 'cgroup.freeze'), frozen ? '1' : '0');
}

describe('a frozen container', () => {
  const ends: Array<[string, (id: string) => Promise<{ status: number }>, number]> = [
    ['kill', (id) => daemon.call('POST', `/containers/${id}/kill`), 137],
    ['stop', (id) => daemon.call('POST', `/containers/${id}/stop?t=1`), 137],
    ['removal', (id) => remove(id), 0],
  ];
  test.each(ends)('with execs that begin is ended by %s', async (_, end, code) => {
    const id = await daemon.box(['sleep', '1000'], none);
    const { Pid } = await stateOf(id);
    freeze(Pid, true);
    const starts = await Promise.all(
      [true, false, true]
        .map(async (attached) => {
          const exec = await execOf(id, { Cmd: ['true'], AttachStdout: attached, AttachStdin: attached });
          return attached
            ? talk(daemon, post(`/exec/${exec}/start`, {}))
            : daemon.call('POST', `/exec/${exec}/start`, { Detach: true }).then(({ text }) => text);
        })
        .map((started) => ({ started })),
    );
    await sleep(200);
    const began = Date.now();
    expect((await end(id)).status).toBe(204);
    expect(Date.now() - began).toBeLessThan(6000);
    for (const { started } of starts) await started;
    if (code) {
      expect(await stateOf(id)).toMatchObject({ Status: 'exited', ExitCode: code });
      await remove(id);
    }
  });

  test('lets an exec go on when it is thawed', async () => {
    const id = await daemon.box(['sleep', '1000'], none);
    const { Pid } = await stateOf(id);
    freeze(Pid, true);
    const exec = await execOf(id, { Cmd: ['sh', '-c', 'echo done; exit 4'], AttachStdout: true });
    const started = talk(daemon, post(`/exec/${exec}/start`, {}));
    await sleep(200);
    freeze(Pid, false);
    expect(outputOf(await started)).toBe('done\n');
    expect((await daemon.call('GET', `/exec/${exec}/json`)).json.ExitCode).toBe(4);
    await remove(id);
  });

  test('and execs and pauses at once block nothing', async () => {
    const id = await daemon.box(['sleep', '1000'], none);
    let over = false;
    const pauses = (async () => {
      while (!over)
        for (const what of ['pause', 'unpause']) await daemon.call('POST', `/containers/${id}/${what}`);
    })();
    const execs = Array.from({ length: 3 }, async () => {
      for (let round = 0; round < 15; round++) {
        const exec = await daemon.call('POST', `/containers/${id}/exec`, {
          Cmd: ['true'],
          AttachStdout: true,
        });
        if (exec.status === 201) await talk(daemon, post(`/exec/${exec.json.Id}/start`, {}));
      }
    });
    await Promise.all(execs);
    over = true;
    await pauses;
    expect((await remove(id)).status).toBe(204);
  });
});

describe('a paused container', () => {
  const stubborn = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'];
  const obedient = ['sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.1; done'];
  // As dockerd 26.1 tells them.
  const ends: Array<[string, string[], string, string, object?]> = [
    ['kill', ['sleep', '1000'], 'POST kill', 'kill 9, die 137'],
    ['kill TERM', obedient, 'POST kill?signal=TERM', 'kill 15, unpause, die 3'],
    [
      'kill USR2 where TERM stops it',
      obedient,
      'POST kill?signal=USR2',
      'kill 12',
      { StopSignal: 'SIGTERM' },
    ],
    ['stop', obedient, 'POST stop', 'kill 15, unpause, stop, die 3'],
    ['stop that has to kill', stubborn, 'POST stop?t=0', 'kill 15, unpause, kill 9, stop, die 137'],
    ['removal', ['sleep', '1000'], 'DELETE ?force=1', 'kill 9, die 137, destroy'],
  ];
  test.each(ends)('tells of its %s', async (_, command, asked, expected, options = {}) => {
    const id = await daemon.box(command, { ...none, ...options });
    // The shell has to have set its trap.
    await sleep(300);
    await daemon.call('POST', `/containers/${id}/pause`);
    const since = Date.now() / 1000;
    const [method = '', path = ''] = asked.split(' ');
    const answer = await daemon.call(method, `/containers/${id}${path.startsWith('?') ? '' : '/'}${path}`);
    expect(answer.status).toBe(204);
    const filters = encodeURIComponent(JSON.stringify({ container: [id] }));
    const told = async () => {
      const { text } = await daemon.call(
        'GET',
        `/events?since=${since}&until=${Date.now() / 1000}&filters=${filters}`,
      );
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter(({ Action }) => Action !== 'pause')
        .map(({ Action, Actor: { Attributes } }) =>
          [Action, Attributes.signal ?? Attributes.exitCode].filter(Boolean).join(' '),
        )
        .join(', ');
    };
    if (expected.includes('die'))
      await until('its end', async () => (await told()) === expected).catch(() => undefined);
    expect(await told()).toBe(expected);
    await remove(id);
  });
});

describe('without the launcher', () => {
  test('execs that end meanwhile are answered, with their exit codes', async () => {
    const id = await daemon.box(['sleep', '1000'], none);
    for (let round = 0; round < 4; round++) {
      const execs = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          execOf(id, { Cmd: ['sh', '-c', `sleep 0.${index + 1}; exit ${index + 1}`], AttachStdout: true }),
        ),
      );
      const starts = execs.map((exec, index) =>
        index % 2
          ? talk(daemon, post(`/exec/${exec}/start`, {}))
          : daemon.call('POST', `/exec/${exec}/start`, { Detach: true }),
      );
      await sleep(150 + 120 * round);
      process.kill(launcher(), 'SIGKILL');
      await Promise.all(starts);
      for (const [index, exec] of execs.entries()) {
        const ended = async () => (await daemon.call('GET', `/exec/${exec}/json`)).json;
        await until('the end of an exec', async () => (await ended()).Running === false, 10_000);
        expect((await ended()).ExitCode).toBe(index + 1);
      }
    }
    await remove(id);
  });

  test('a container is signalled, stopped and removed', async () => {
    const id = await daemon.box(['sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.1; done'], none);
    process.kill(launcher(), 'SIGKILL');
    expect((await daemon.call('POST', `/containers/${id}/kill?signal=USR2`)).status).toBe(204);
    const other = await daemon.box(['sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.1; done'], none);
    process.kill(launcher(), 'SIGKILL');
    expect((await daemon.call('POST', `/containers/${other}/stop`)).status).toBe(204);
    expect((await stateOf(other)).ExitCode).toBe(3);
    process.kill(launcher(), 'SIGKILL');
    for (const one of [id, other]) expect((await remove(one)).status).toBe(204);
  });
});

describe('logs', () => {
  test('json-file replaces bytes that are not UTF-8 as Docker does, local keeps them', async () => {
    const script = String.raw`printf 'a\377\376b\303\n\000\033[1m<"\\>\n'; printf 'no end\300'`;
    const bytes = Buffer.from('a\xff\xfeb\xc3\n\0\x1b[1m<"\\>\nno end\xc0', 'latin1');
    for (const [Type, expected] of [
      ['local', bytes],
      ['json-file', Buffer.from(bytes.toString('utf8'))],
    ] as const) {
      const id = await daemon.box(['sh', '-c', script], {
        HostConfig: { NetworkMode: 'none', LogConfig: { Type } },
      });
      await daemon.call('POST', `/containers/${id}/wait`);
      const frames = (await daemon.raw('GET', `/containers/${id}/logs?stdout=1`)).body.toString('latin1');
      expect(outputOf(`\r\n\r\n${frames}`)).toBe(expected.toString('latin1'));
      expect(
        (await daemon.raw('GET', `/containers/${id}/logs?stdout=1&details=1&timestamps=1`)).body,
      ).toHaveLength(frames.length + 3 * 32);
      await remove(id);
    }
  });

  test('say where the disk was full how many lines are lost', async () => {
    const small = new TestDaemon();
    const data = join(small.folder, 'data');
    mkdirSync(data, { recursive: true });
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'small', data]).status).toBe(0);
    try {
      await small.up();
      await small.importBusybox();
      const script =
        'i=0; while read x; do j=0; while [ $j -lt 200 ]; do i=$((i+1)); j=$((j+1)); echo line $i of some length; done; done';
      const id = await small.box(['sh', '-c', script], { ...none, OpenStdin: true });
      const client = small.docker(['version']);
      expect(client.status).toBe(0);
      const say = () =>
        spawnSync('docker', ['attach', '--sig-proxy=false', id], {
          input: 'x\n',
          timeout: 3000,
          env: { ...process.env, DOCKER_HOST: small.host },
        });
      const log = async () => {
        const { body } = await small.raw('GET', `/containers/${id}/logs?stdout=1&stderr=1`);
        return outputOf(`\r\n\r\n${body.toString('latin1')}`)
          .split('\n')
          .slice(0, -1);
      };
      say();
      await until('the first lines', async () => (await log()).length === 200);
      writeFileSync(join(data, 'fill'), Buffer.alloc(1 << 20), { flag: 'a' });
      for (let free = true; free; ) {
        try {
          writeFileSync(join(data, 'fill'), Buffer.alloc(1 << 20), { flag: 'a' });
        } catch {
          free = false;
        }
      }
      say();
      await until('the loss in the daemon’s log', () => small.log.includes('lines of output are lost'));
      say();
      await sleep(500);
      rmSync(join(data, 'fill'));
      say();
      await until('the last line', async () => (await log()).at(-1) === 'line 800 of some length');
      const lines = await log();
      const notes = lines.filter((line) => line.startsWith('[berth]'));
      expect(notes).toHaveLength(1);
      const lost = Number(/^\[berth\] (\d+) lines of output are lost here/.exec(notes[0]!)![1]);
      expect(notes[0]).toContain('No space left on device');
      expect(lines.length - 1 + lost).toBe(800);
      // In the place where they are: the lines before and behind follow each other by that number.
      const at = lines.indexOf(notes[0]!);
      const number = (line: string) => Number(/line (\d+) /.exec(line)![1]);
      expect(number(lines[at + 1]!) - number(lines[at - 1]!) - 1).toBe(lost);
    } finally {
      await small.dispose().catch(() => undefined);
      spawnSync('umount', ['-l', data]);
      if (existsSync(small.folder) && readdirSync(small.folder).length >= 0)
        rmSync(small.folder, { recursive: true, force: true });
    }
  });
});

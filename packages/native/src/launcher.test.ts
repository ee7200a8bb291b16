import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LaunchError } from './api.ts';
import {
  entries,
  eventually,
  finish,
  launcher,
  OUTPUT,
  options,
  processRecords,
  SIGKILL,
  SIGTERM,
  sh,
  text,
  until,
} from './testing.ts';

test('a container runs: streams framed as Docker does, a json-file log, an exit code, nothing left', async () => {
  const given = options(sh('busybox hostname; echo wrong >&2; exit 3'), { attach: [OUTPUT] });
  const supervisor = await launcher.start(given);
  const output = await text(supervisor.early[0]!);
  expect(output).toBe('\x01\0\0\0\0\0\0\x07inside\n\x02\0\0\0\0\0\0\x06wrong\n');
  const exit = await supervisor.exited;
  expect(exit).toMatchObject({ code: 3, oomKilled: false });
  expect(Math.abs(Number(BigInt(exit.finishedAt) / 1_000_000n) - Date.now())).toBeLessThan(5000);
  expect(entries(given.log.path)).toMatchObject([
    { log: 'inside\n', stream: 'stdout', time: expect.stringMatching(/^\d{4}-.*Z$/) },
    { log: 'wrong\n', stream: 'stderr' },
  ]);
  await finish(supervisor);
  await eventually(() => !existsSync(given.runFolder));
});

test('a supervisor beside many has no more memory of its own than one beside none', async () => {
  const supervisors = [];
  const own: number[] = [];
  for (let number = 0; number < 25; number++) {
    const supervisor = await launcher.start(options(['busybox', 'sleep', '60']));
    supervisors.push(supervisor);
    const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${supervisor.pid}/status`, 'utf8'))![1];
    const sizes = readFileSync(`/proc/${parent}/smaps_rollup`, 'utf8');
    own.push(Number(/^Private_Dirty:\s+(\d+)/m.exec(sizes)![1]));
  }
  for (const supervisor of supervisors) {
    await supervisor.kill(SIGKILL);
    await finish(supervisor);
  }
  // In KiB. What the launcher keeps for each that runs, four pages, would be 400.
  expect(own.at(-1)! - own[0]!).toBeLessThan(200);
});

test('stdin of a client is the process’s; its end ends the process with stdinOnce', async () => {
  const given = options(['busybox', 'cat'], { openStdin: true, stdinOnce: true, tty: false });
  const supervisor = await launcher.start(given);
  const stream = await supervisor.attach({ stdin: true, stdout: true, stderr: true });
  stream.end('typed\n');
  expect(await text(stream)).toBe('\x01\0\0\0\0\0\0\x06typed\n');
  expect(await finish(supervisor)).toBe(0);
});

test('a signal ends it with 128 and its number', async () => {
  const supervisor = await launcher.start(
    options(sh('trap "exit 7" TERM; echo up; while :; do busybox sleep 0.01; done')),
  );
  const stream = await supervisor.attach(OUTPUT);
  await Promise.race([once(stream, 'data'), sleep(200)]);
  await supervisor.kill(SIGTERM);
  expect(await finish(supervisor)).toBe(7);
  await expect(supervisor.kill(SIGTERM)).rejects.toThrow(LaunchError);
  stream.destroy();

  const other = await launcher.start(options(['busybox', 'sleep', '100']));
  await other.kill(SIGKILL);
  expect(await finish(other)).toBe(137);
});

test('a terminal: raw output, a size that changes, keys that detach', async () => {
  const given = options(sh('while read -r line; do busybox stty size; done'), { tty: true, openStdin: true });
  const supervisor = await launcher.start(given);
  const stream = await supervisor.attach({
    stdin: true,
    stdout: true,
    stderr: true,
    detachKeys: Buffer.from([16, 17]),
  });
  await supervisor.resize(31, 97);
  stream.write('\n');
  expect(await until(stream, '31 97')).toContain('31 97\r\n');
  const events: string[] = [];
  stream.on('detach', () => events.push('detach')).on('end', () => events.push('end'));
  stream.resume();
  stream.write(Buffer.from([16, 17]));
  await once(stream, 'end');
  expect(events).toEqual(['detach', 'end']);
  stream.destroy();
  await supervisor.kill(SIGKILL);
  await finish(supervisor);
});

test('what can’t be run is told with errno: 2 not found, 13 not executable; nothing is left', async () => {
  for (const [name, errno] of [
    ['missing', 2],
    ['/bin/missing', 2],
    ['/bin/plain', 13],
    ['/bin', 21],
  ] as const) {
    const given = options([name]);
    await expect(launcher.start(given)).rejects.toMatchObject({ stage: 'exec', errno });
    expect(existsSync(given.runFolder)).toBe(false);
  }
  await expect(launcher.start(options(['a\0b']))).rejects.toMatchObject({ stage: 'launch', errno: 22 });
});

test('execs: output, exit code, stdin, a terminal, errors, none of the stdio', async () => {
  const supervisor = await launcher.start(options(['busybox', 'sleep', '100']));
  const run = (execId: string, args: string[], more = {}) =>
    supervisor.exec([['id', supervisor.id], ...processRecords(args)], {
      ...OUTPUT,
      execId,
      tty: false,
      ...more,
    });

  const first = await run('a', sh('busybox hostname; exit 5'));
  expect(await text(first.stream!)).toBe('\x01\0\0\0\0\0\0\x07inside\n');
  expect(await first.exited).toBe(5);

  const cat = await run('b', ['busybox', 'cat'], { stdin: true });
  cat.stream!.end('x');
  expect(await text(cat.stream!)).toBe('\x01\0\0\0\0\0\0\x01x');
  expect(await cat.exited).toBe(0);

  const sized = await supervisor.exec(
    [['id', supervisor.id], ['console-size', '11', '22'], ...processRecords(['busybox', 'stty', 'size'])],
    { ...OUTPUT, execId: 's', tty: true },
  );
  expect(await text(sized.stream!)).toBe('11 22\r\n');

  const tty = await run('c', sh('read -r x; busybox stty size; busybox sleep 9'), { stdin: true, tty: true });
  await tty.resize(20, 70);
  tty.stream!.write('\n');
  await until(tty.stream!, '20 70');
  await tty.kill(SIGKILL);
  expect(await tty.exited).toBe(137);
  tty.stream!.destroy();

  const silent = await run('d', sh('exit 9'), { stdout: false, stderr: false });
  expect(silent.stream).toBeNull();
  expect(silent.pid).toBeGreaterThan(0);
  expect(await silent.exited).toBe(9);

  await expect(run('e', ['missing'])).rejects.toMatchObject({ stage: 'exec', errno: 2 });
  await expect(run('f', ['/bin/plain'], { stdout: false, stderr: false })).rejects.toMatchObject({
    errno: 13,
  });

  const last = await run('g', ['busybox', 'sleep', '100']);
  await supervisor.kill(SIGKILL);
  expect(await last.exited).toBe(137);
  await finish(supervisor);
});

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Launcher, nativeProgram, openLauncher } from '@berth/native';
import { parseNetwork } from './config.ts';
import { findPlugin, runPlugin } from './plugin.ts';

// Plugins are programs of others: no call waits for ever for one, and no answer is taken whatever it is.

const folder = mkdtempSync(join(tmpdir(), 'berth-plugins-'));
let launcher: Launcher;
beforeAll(() => {
  launcher = openLauncher({ program: nativeProgram });
});
afterAll(() => {
  launcher.close();
  rmSync(folder, { recursive: true, force: true });
});

function run(script: string, patience?: number): Promise<Record<string, unknown>> {
  writeFileSync(join(folder, 'plugin'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'plugin'), 0o755);
  return runPlugin(launcher, {
    command: 'ADD',
    type: 'plugin',
    folders: [folder],
    config: { name: 'n' },
    environment: {},
    ...(patience && { patience }),
  });
}

/** Whether the process runs whose number a plugin wrote down. */
const runs = () => {
  try {
    const status = readFileSync(`/proc/${readFileSync(join(folder, 'pid'), 'utf8').trim()}/status`, 'utf8');
    return !status.includes('State:\tZ');
  } catch {
    return false;
  }
};
const gone = async () => {
  for (let tries = 0; runs() && tries < 100; tries += 1) await new Promise((next) => setTimeout(next, 20));
  expect(runs()).toBe(false);
};
const child = `sleep 60 & echo $! > ${folder}/pid`;

test('a process that a plugin leaves running with its streams holds nothing up', async () => {
  const began = performance.now();
  expect(await run(`${child}; echo '{"cniVersion":"1.0.0"}'`)).toEqual({ cniVersion: '1.0.0' });
  expect(performance.now() - began).toBeLessThan(5000);
  // It may be what serves the network.
  expect(runs()).toBe(true);
  process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')));
});

test('a plugin that does not end, or writes without end, is killed with what it has started', async () => {
  await expect(run(`${child}; wait`, 300)).rejects.toThrow(
    'failed (add): it did not end in time and was killed',
  );
  await gone();
  await expect(run(`${child}; yes`)).rejects.toThrow('its answer is longer than 1048576 bytes');
  await gone();
});

test.each([
  ['[]', 'its answer is no object'],
  ['null', 'its answer is no object'],
  ['{"ips":5}', 'ips of its answer is not as the specification has it'],
  ['{"ips":[{"address":{}}]}', 'ips of its answer is not'],
  ['{"interfaces":[null]}', 'interfaces of its answer is not'],
  ['{"ip4":"10.0.0.1"}', 'ip4 of its answer is not'],
  ['{"x":', 'its answer is no JSON'],
  [`${'['.repeat(600)}${']'.repeat(600)}`, 'its answer is no JSON (exceeded max depth)'],
])('the answer %.40s is refused', async (answer, why) => {
  await expect(run(`echo '${answer}'`)).rejects.toThrow(why);
});

test('a result, an error and the words of a plugin that wrote neither are told', async () => {
  const result = {
    ips: [{ address: '10.0.0.2/24' }],
    interfaces: [{ name: 'eth0' }],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  expect(await run(`cat > /dev/null; echo '${JSON.stringify(result)}'`)).toEqual(result);
  expect(await run('exit 0')).toEqual({});
  await expect(run(`echo '{"code":1,"msg":"no more","details":"of this"}'; exit 1`)).rejects.toThrow(
    'plugin type="plugin" failed (add): no more; of this',
  );
  await expect(run('echo words >&2; exit 3')).rejects.toThrow('failed (add): words');
  await expect(run('kill -9 $$')).rejects.toThrow('it ended with SIGKILL');
});

test('it runs as a program that the daemon itself started: its mask, no ignored signals, no open files, a session of its own', async () => {
  const script = `set -- /proc/self/fd/*
echo "{\\"mask\\":\\"$(umask)\\",\\"ignored\\":\\"$(grep SigIgn /proc/self/status | cut -f2)\\",\\"open\\":\\"$*\\",\\"own\\":\\"$(cut -d' ' -f6 /proc/$$/stat) $$\\"}"`;
  const { mask, ignored, open, own } = await run(script);
  expect(Number.parseInt(String(mask), 8)).toBe(process.umask());
  expect(ignored).toBe('0'.repeat(16));
  // The script itself and the folder that is read.
  expect(String(open).split(' ').length).toBeLessThanOrEqual(5);
  expect(String(own).split(' ')[0]).toBe(String(own).split(' ')[1]);
});

test('a type is the name of a program in one of the folders', () => {
  mkdirSync(join(folder, 'sub'));
  expect(findPlugin('sub', [folder])).toBeUndefined();
  for (const type of ['..', '.', '', '../x', 'a/b', 5, null, '-x'])
    expect(() => parseNetwork(JSON.stringify({ name: 'n', plugins: [{ type }] }))).toThrow('has no type');
  for (const text of ['null', '5', '{"name":"n","plugins":[null]}'])
    expect(() => parseNetwork(text)).toThrow(/^(it|a plugin) (holds|has) no/);
});

// lazydocker on a terminal: its lists and panels, and what its keys do.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from 'node-pty';
import { end, note, step } from './steps.ts';

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const program = process.env['LAZYDOCKER']!;
note('client', /Version: (\S+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1] ?? '');

docker('network', 'create', 'lazynet');
docker('volume', 'create', 'lazyvolume');
docker(
  ...[
    'run',
    '-d',
    '--name',
    'lazyone',
    '--network',
    'lazynet',
    '-v',
    'lazyvolume:/v',
    '-e',
    'LAZY=variable',
    'bb',
  ],
  ...['sh', '-c', 'while :; do echo a line of its log; sleep 0.5; done'],
);
docker('run', '-d', '--name', 'lazytwo', 'bb', 'sh', '-c', 'exit 3');

const config = join(process.cwd(), 'config');
mkdirSync(config);
// Without this it asks first.
writeFileSync(join(config, 'config.yml'), 'gui: {}\n');
const child = spawn(program, [], {
  cols: 160,
  rows: 50,
  cwd: process.cwd(),
  env: { ...(process.env as Record<string, string>), CONFIG_DIR: config, TERM: 'xterm-256color' },
});
let output = '';
child.onData((text) => {
  output += text;
});

/** Waits until a text stands on the screen that was not there before; its escape sequences count for nothing. */
async function sees(...texts: string[]): Promise<Record<string, boolean>> {
  const plain = () => output.replace(/\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]/g, '');
  for (let tries = 0; tries < 150 && !texts.every((text) => plain().includes(text)); tries++) await sleep(50);
  return Object.fromEntries(texts.map((text) => [text, plain().includes(text)]));
}
/** Presses keys, and forgets what was written before. */
async function press(...keys: string[]): Promise<void> {
  output = '';
  for (const key of keys) {
    child.write(key);
    await sleep(200);
  }
}
/** Waits until the engine has it so. */
async function becomes(wanted: string, ...args: string[]): Promise<string> {
  let seen = '';
  for (let tries = 0; tries < 100; tries++) {
    seen = docker(...args);
    if (seen === wanted) break;
    await sleep(100);
  }
  return seen;
}
const state = ['inspect', '-f', '{{.State.Status}}', 'lazyone'];

await step('lists', () => sees('lazyone', 'lazytwo', 'running', 'exited (3)', 'bb', 'lazyvolume', 'lazynet'));
await step('logs', async () => {
  await press('3');
  return sees('a line of its log');
});
await step('stats', async () => {
  await press(']');
  return sees('CPU', 'Memory', 'PIDs');
});
await step('environment', async () => {
  await press(']');
  return sees('LAZY', 'variable');
});
await step('configuration', async () => {
  await press(']');
  return sees('ID:', 'Command:', 'Mounts:', 'Ports:');
});
await step('top', async () => {
  await press(']');
  return sees('PID', 'sleep');
});
await step('pause and unpause', async () => {
  await press('p');
  const paused = await becomes('paused', ...state);
  await press('p');
  return [paused, await becomes('running', ...state)];
});
await step('restart', async () => {
  const before = docker('inspect', '-f', '{{.State.StartedAt}}', 'lazyone');
  await press('r');
  await sleep(1500);
  for (
    let tries = 0;
    tries < 120 && docker('inspect', '-f', '{{.State.StartedAt}}', 'lazyone') === before;
    tries++
  )
    await sleep(100);
  return docker('inspect', '-f', '{{.State.StartedAt}}', 'lazyone') !== before;
});
await step('stop', async () => {
  await press('s', '\r');
  await sleep(1000);
  return becomes('exited', ...state);
});
await step('start again by restart', async () => {
  await press('r');
  return becomes('running', ...state);
});
await step('images', async () => {
  await press('4');
  return sees('bb');
});
await step('volumes', async () => {
  await press('5');
  return sees('lazyvolume', 'Driver:', 'Mountpoint:');
});
await step('networks', async () => {
  await press('6', 'j', 'j', 'j');
  return sees('Driver:', 'Scope:');
});
await step('its end', async () => {
  const ended = new Promise<number>((resolve) => child.onExit(({ exitCode }) => resolve(exitCode)));
  await press('q');
  return Promise.race([ended, sleep(5000)]);
});
end();

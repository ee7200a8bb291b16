// `npm run kubernetes`: the conformance tests of the Container Runtime Interface. The programs are not part of this project:
// CRITEST names critest of cri-tools, further arguments are passed on to it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, root, run } from './lib.mjs';

if (process.getuid() !== 0) fail('pods are made here: run it as root');
const critest = process.env['CRITEST'] ?? '';
if (!existsSync(critest))
  fail(
    `critest is missing${critest && ` at ${critest}`}: set CRITEST to the path of critest of cri-tools 1.34`,
  );
run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
const folder = mkdtempSync(join(tmpdir(), 'berth-kubernetes-'));
const socket = `unix://${join(folder, 'cri.sock')}`;
const daemon = spawn(
  join(root, 'dist/berthd'),
  [
    '--cri',
    '--cri-socket',
    socket,
    '--data-root',
    join(folder, 'data'),
    '--exec-root',
    join(folder, 'exec'),
  ].concat(['--pidfile', join(folder, 'pid'), '-H', `unix://${join(folder, 'berth.sock')}`]),
  { stdio: 'inherit' },
);
for (let tries = 0; tries < 100 && !existsSync(join(folder, 'cri.sock')); tries += 1) await sleep(100);
const { status } = spawnSync(
  critest,
  ['--runtime-endpoint', socket, '--image-endpoint', socket, ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
const ended = new Promise((resolve) => daemon.once('exit', resolve));
daemon.kill();
await ended;
rmSync(folder, { recursive: true, force: true });
process.exit(status ?? 1);

// Boots the machine, shows what its checks say, ends with their result. Arguments choose checks by name.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { top } from '../support/daemon.ts';
import { debianMachine, projectDisk } from './image.ts';

const MINUTES = 30;
const cache = join(top, 'node_modules/.cache/berth-vm');
mkdirSync(cache, { recursive: true });
const machine = debianMachine(cache);
const folder = mkdtempSync(join(tmpdir(), 'berth-vm-'));
try {
  projectDisk(join(folder, 'berth.ext4'));
  let said = '';
  // The second serial line carries what the checks say.
  const listener = createServer((socket) => {
    socket.on('data', (part) => {
      said += part;
      process.stdout.write(part);
    });
    socket.on('error', () => undefined);
  }).listen(join(folder, 'checks'));
  const only = process.argv.slice(2).join(',');
  const drive = (file: string, rest: string) => ['-drive', `if=virtio,format=raw,file=${file},${rest}`];
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '2048'],
      ...['-display', 'none', '-monitor', 'none', '-no-reboot', '-nic', 'none'],
      ...['-serial', `file:${join(folder, 'console')}`, '-serial', `unix:${join(folder, 'checks')}`],
      ...['-kernel', machine.kernel, '-initrd', machine.initrd],
      ...['-append', `root=/dev/vda rw console=ttyS0 panic=-1 quiet${only ? ` berth.checks=${only}` : ''}`],
      // Writes of the machine are thrown away.
      ...drive(machine.disk, 'snapshot=on'),
      ...drive(join(folder, 'berth.ext4'), 'readonly=on'),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const stop = setTimeout(() => qemu.kill('SIGKILL'), MINUTES * 60_000);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => qemu.kill('SIGKILL'));
  await new Promise((resolve) => qemu.once('exit', resolve));
  clearTimeout(stop);
  listener.close();
  if (!said.includes('checks ended: success')) {
    process.exitCode = 1;
    if (!said.includes('checks ended'))
      process.stderr.write(
        `the checks did not end; the console's last words:\n${readFileSync(join(folder, 'console'), 'utf8').slice(-3000)}\n`,
      );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

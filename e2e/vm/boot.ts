import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from './image.ts';

const MINUTES = 30;

/**
 * Boots a machine with one more disk, shows what its checks say on the second serial line, and returns whether they ended
 * with success. The processor is emulated: virtual machines in virtual machines cannot be relied on. Writes of the
 * machine last until it is switched off.
 */
export async function boot(
  machine: Machine,
  makeDisk: (file: string) => void,
  words: string[],
  reboots = false,
): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-vm-'));
  try {
    makeDisk(join(folder, 'berth.ext4'));
    let said = '';
    const listener = createServer((socket) => {
      socket.on('data', (part) => {
        said += part;
        process.stdout.write(part);
      });
      socket.on('error', () => undefined);
    }).listen(join(folder, 'checks'));
    const drive = (file: string, rest: string) => ['-drive', `if=virtio,format=raw,file=${file},${rest}`];
    const qemu = spawn(
      'qemu-system-x86_64',
      [
        ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '2048'],
        ...['-display', 'none', '-monitor', 'none', '-nic', 'none', ...(reboots ? [] : ['-no-reboot'])],
        ...['-serial', `file:${join(folder, 'console')}`, '-serial', `unix:${join(folder, 'checks')}`],
        ...['-kernel', machine.kernel, '-initrd', machine.initrd],
        ...['-append', ['root=/dev/vda rw console=ttyS0 panic=-1 quiet', ...words].join(' ')],
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
    if (!said.includes('checks ended'))
      process.stderr.write(
        `the checks did not end; the console's last words:\n${readFileSync(join(folder, 'console'), 'utf8').slice(-3000)}\n`,
      );
    return said.includes('checks ended: success');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

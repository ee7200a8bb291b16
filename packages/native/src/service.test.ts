import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notifyManager } from './service.ts';

/** Receives datagrams, which Node cannot, and prints them. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\\0', 1))
s.settimeout(10)
print('bound', flush=True)
for _ in range(2): print(s.recv(200).decode(), flush=True)
`;

test.each(['path', '@abstract'])('a service manager hears of the daemon (%s)', async (kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-notify-'));
  const name = kind === 'path' ? join(folder, 'notify') : `@berth-notify-${process.pid}`;
  const receiver = spawn('python3', ['-c', RECEIVER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let said = '';
    receiver.stdout.on('data', (part) => {
      said += part;
      if (said !== 'bound\n') return;
      expect(notifyManager(name, 'READY=1\nSTATUS=here')).toBe(true);
      expect(notifyManager(name, 'WATCHDOG=1')).toBe(true);
    });
    await new Promise((resolve) => receiver.once('close', resolve));
    expect(said).toBe('bound\nREADY=1\nSTATUS=here\nWATCHDOG=1\n');
    expect(notifyManager(join(folder, 'nobody'), 'READY=1')).toBe(false);
  } finally {
    receiver.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});

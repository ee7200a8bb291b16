import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let cached: Buffer | undefined;

/** A tar of a busybox root: /bin with every applet, passwd and group files with root and nobody. */
export function busyboxTar(): Buffer {
  if (cached) return cached;
  const folder = mkdtempSync(join(tmpdir(), 'berth-busybox-'));
  try {
    chmodSync(folder, 0o755);
    for (const name of ['bin', 'sbin', 'usr', 'etc', 'root', 'tmp', 'var', 'home', 'proc', 'sys', 'dev'])
      mkdirSync(join(folder, name));
    symlinkSync('../bin', join(folder, 'usr/bin'));
    cpSync('/bin/busybox', join(folder, 'bin/busybox'), { dereference: true });
    const applets = spawnSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).stdout.split('\n');
    for (const applet of applets)
      if (applet && applet !== 'busybox') symlinkSync('busybox', join(folder, 'bin', applet));
    writeFileSync(
      join(folder, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
    );
    writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnobody:x:65534:\n');
    cached = spawnSync('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', folder, '-c', '.'], {
      maxBuffer: 1 << 28,
    }).stdout;
    return cached;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

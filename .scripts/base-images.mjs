// Makes the images `busybox` (from the machine's own busybox-static) and `hello-world` (ours), where they are missing.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, root } from './lib.mjs';

/** Fills a folder with a busybox root file system. */
export function busyboxRoot(folder) {
  for (const name of ['bin', 'sbin', 'usr', 'etc', 'root', 'tmp', 'var', 'home', 'proc', 'sys', 'dev'])
    mkdirSync(join(folder, name), { recursive: true });
  for (const name of ['bin', 'sbin']) symlinkSync(`../${name}`, join(folder, 'usr', name));
  cpSync('/bin/busybox', join(folder, 'bin/busybox'), { dereference: true });
  const applets = spawnSync('/bin/busybox', ['--list'], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((name) => name && name !== 'busybox');
  for (const applet of applets) symlinkSync('busybox', join(folder, 'bin', applet));
  writeFileSync(
    join(folder, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
  );
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n');
}

function importFolder(berth, folder, reference, changes) {
  const tar = spawnSync('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', folder, '-c', '.'], {
    maxBuffer: 1 << 28,
  });
  const result = spawnSync(
    berth,
    ['import', ...changes.flatMap((change) => ['-c', change]), '-', reference],
    { input: tar.stdout, encoding: 'utf8' },
  );
  if (result.status !== 0) fail(`berth import ${reference}: ${result.stderr}`);
}

if (process.argv[2]) {
  const berth = process.argv[2];
  const missing = (reference) =>
    spawnSync(berth, ['image', 'inspect', reference], { stdio: 'ignore' }).status !== 0;
  const folder = mkdtempSync(join(tmpdir(), 'berth-base-'));
  try {
    if (missing('busybox')) {
      const rootfs = join(folder, 'busybox');
      mkdirSync(rootfs);
      busyboxRoot(rootfs);
      importFolder(berth, rootfs, 'busybox:latest', [
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'CMD ["sh"]',
      ]);
    }
    if (missing('hello-world')) {
      const rootfs = join(folder, 'hello');
      mkdirSync(rootfs);
      cpSync(join(root, 'packages/native/build/hello'), join(rootfs, 'hello'));
      importFolder(berth, rootfs, 'hello-world:latest', ['CMD ["/hello"]']);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

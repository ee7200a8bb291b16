// Everything from a fresh Debian machine with Node 20 and npm to dist/berthd and dist/berth.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, missingPackages, pinnedNode, root, run } from './lib.mjs';

const lib = (name) => [`/usr/lib/x86_64-linux-gnu/${name}`, `/usr/lib/aarch64-linux-gnu/${name}`];

aptInstall(
  missingPackages({
    gcc: '/usr/bin/gcc',
    make: '/usr/bin/make',
    'libc6-dev': lib('libc.a'),
    'g++': '/usr/bin/g++',
    python3: '/usr/bin/python3',
    libseccomp2: lib('libseccomp.so.2'),
    libnftables1: lib('libnftables.so.1'),
    'ca-certificates': '/etc/ssl/certs/ca-certificates.crt',
    isal: '/usr/bin/igzip',
    'busybox-static': '/bin/busybox',
  }),
);

// The dependencies are installed anew only when the lock file or a manifest changed.
const stamp = join(root, 'node_modules', '.berth-installed');
const wanted = createHash('sha256');
for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
  wanted.update(readFileSync(join(root, file)));
const digest = wanted.digest('hex');
const current = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
if (current !== digest || !existsSync(pinnedNode)) {
  run(
    'npx',
    ['--yes', 'pnpm@10.34.8', 'install', '--frozen-lockfile', '--reporter=append-only', '--silent'],
    {
      env: { ...process.env, CI: 'true' },
    },
  );
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(stamp, digest);
}
run(pinnedNode, [join(root, '.scripts', 'build.mjs')]);

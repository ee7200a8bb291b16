// `npm run package`: dist/packages/berth_VERSION_ARCH.deb and berth-VERSION-ARCH.tar.zst. `-- --version V` gives them another
// version, `-- --deb` makes the first alone, `-- --fast` packs loosely, `-- --reference` writes the reference of the
// configuration into packages/daemon/docs, `-- --test` installs it on a stock Debian (see packages/distribution/README.md).
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aptInstall, fail, missingPackages, pinnedNode, root, run } from './lib.mjs';

const flag = (name) => process.argv.includes(`--${name}`);
// The tables of client and daemon are TypeScript, which the pinned Node reads; defaults in them that name a home shall
// name nobody's.
const HOME_OF_NOBODY = { DOCKER_CERT_PATH: '~/.docker' };
if (process.env.DOCKER_CERT_PATH !== HOME_OF_NOBODY.DOCKER_CERT_PATH) {
  aptInstall(
    missingPackages({
      zstd: '/usr/bin/zstd',
      ...(flag('test') && {
        e2fsprogs: '/usr/sbin/mke2fs',
        mmdebstrap: '/usr/bin/mmdebstrap',
        'qemu-system-x86': '/usr/bin/qemu-system-x86_64',
      }),
    }),
  );
  run(process.execPath, [join(root, '.scripts/setup.mjs')]);
  const script = flag('test') ? join(root, 'e2e/vm/package.ts') : import.meta.filename;
  const { status } = spawnSync(
    pinnedNode,
    ['--disable-warning=ExperimentalWarning', script, ...process.argv.slice(2)],
    { stdio: 'inherit', env: { ...process.env, ...HOME_OF_NOBODY } },
  );
  process.exit(status ?? 1);
}

const value = (name) => (flag(name) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : undefined);
const stated = /VERSION = '([^']+)'/.exec(
  readFileSync(join(root, 'packages/daemon/src/base/version.ts'), 'utf8'),
)[1];
const version = value('version') ?? stated;
if (!/^\d[A-Za-z0-9.+~]*$/.test(version)) fail(`${version} is no version that Debian knows`);

if (flag('reference')) {
  const { configurationReference } = await import('./package/manual.mjs');
  writeFileSync(join(root, 'packages/daemon/docs/configuration.md'), await configurationReference());
  const { rulesPage } = await import('../packages/daemon/src/audit/table.ts');
  writeFileSync(join(root, 'packages/daemon/docs/audit.md'), rulesPage());
  process.exit(0);
}
const { debianTree, tarTree } = await import('./package/tree.mjs');
const { ARCHITECTURE, commitTime, makeDebian } = await import('./package/debian.mjs');
const out = value('out') ?? join(root, 'dist/packages');
mkdirSync(out, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'berth-package-'));
const level = flag('fast') ? 1 : 17;
const made = [];
const megabytes = (file) => `${(statSync(file).size / 1e6).toFixed(1)} MB`;
try {
  process.umask(0o022);
  const tree = join(folder, 'berth');
  await debianTree(tree, version);
  const { stdout } = spawnSync('du', ['-sm', '--apparent-size', tree], { encoding: 'utf8' });
  const deb = join(out, `berth_${version}_${ARCHITECTURE}.deb`);
  makeDebian(tree, version, deb, level);
  made.push(`${deb}: ${megabytes(deb)}, ${stdout.split('\t')[0]} MB installed`);
  if (!flag('deb')) {
    const name = `berth-${version}-${ARCHITECTURE}`;
    await tarTree(join(folder, name), version);
    const tar = join(out, `${name}.tar.zst`);
    run('tar', [
      ...[
        '--sort=name',
        '--owner=0',
        '--group=0',
        '--numeric-owner',
        `--mtime=@${process.env.SOURCE_DATE_EPOCH ?? commitTime()}`,
      ],
      ...['-C', folder, '-I', `zstd -q -T0 -${level}`, '-cf', tar, name],
    ]);
    made.push(`${tar}: ${megabytes(tar)}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const line of made) process.stdout.write(`${line}\n`);

/** The median wall time of runs of a command, in milliseconds. */
function startUp(command, args) {
  const times = Array.from({ length: 11 }, () => {
    const began = performance.now();
    spawnSync(command, args, { stdio: 'ignore' });
    return performance.now() - began;
  });
  return `${times.sort((a, b) => a - b)[5].toFixed(0)} ms`;
}
if (!flag('fast'))
  process.stdout.write(
    `start-up: berth --version ${startUp(join(root, 'dist/berth'), ['--version'])}, berthd --version ${startUp(join(root, 'dist/berthd'), ['--version'])}\n`,
  );

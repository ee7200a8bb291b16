// Installs, upgrades, downgrades, reboots, removes and purges the Debian package on a stock Debian: `npm run package -- --test`.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { top } from '../support/daemon.ts';
import { boot } from './boot.ts';
import { debianMachine, makeDisk } from './image.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-package-'));
try {
  const make = (...args: string[]) => {
    const script = [join(top, '.scripts/package.mjs'), '--fast', '--out', folder, ...args];
    const { status } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...script], {
      stdio: 'inherit',
      env: { ...process.env, DOCKER_CERT_PATH: '~/.docker' },
    });
    if (status !== 0) throw new Error('the package was not made');
  };
  make('--version', '0.1.0');
  make('--deb', '--version', '0.1.1');
  const tar = readdirSync(folder).find((name) => name.includes('.tar.'))!;
  // The machine need not have zstd, whose work dpkg does by itself.
  spawnSync('zstd', ['-q', '-d', '--rm', join(folder, tar), '-o', join(folder, 'berth.tar')]);
  cpSync(join(top, 'e2e/vm/package-checks.sh'), join(folder, 'package-checks.sh'));
  const machine = debianMachine(join(top, 'node_modules/.cache/berth-vm'));
  const disk = (file: string) => makeDisk(file, folder, '500M');
  if (
    !(await boot(
      machine,
      disk,
      ['berth.package', ...(process.argv.includes('--short') ? ['berth.short'] : [])],
      true,
    ))
  )
    process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

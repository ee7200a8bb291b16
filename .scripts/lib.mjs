// Shared by the set-up, build, start and test scripts. Runs on Node 20 and needs nothing installed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The workspace's top folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The pinned Node that npm brought. */
export const pinnedNode = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');

/** Runs a program with this terminal's stdio; ends this process with the program's status when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: 'inherit', cwd: root, ...options });
  if (result.error) fail(`${command}: ${result.error.message}`);
  if (result.status !== 0) {
    fail(
      `${command} ${args.slice(0, 3).join(' ')} failed (${result.signal ?? `exit status ${result.status}`})`,
    );
  }
}

/** Prints a reason and ends with status 1. */
export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** The Debian packages of `wanted` ({package: file that shows it is there}) that are missing here. */
export function missingPackages(wanted) {
  return Object.entries(wanted)
    .filter(([, files]) => ![files].flat().some((file) => existsSync(file)))
    .map(([name]) => name);
}

/** Installs Debian packages with apt-get; ends this process with a clear reason where that can't be. */
export function aptInstall(packages) {
  if (packages.length === 0) return;
  if (process.getuid() !== 0)
    fail(`these Debian packages are missing: ${packages.join(' ')}; run this as root, or install them first`);
  process.stdout.write(`installing Debian packages: ${packages.join(' ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-q'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  // A package that starts a service when installed must not do so here: tests start their own.
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], {
    env: { ...env, RUNLEVEL: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/**
 * Sets the project up, installs the Debian packages that are missing, and runs a program of `e2e` on the pinned Node.
 * @param packages a file of each by its name, as `missingPackages` takes them
 */
export function runSuite(program, packages, args = process.argv.slice(2)) {
  run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
  aptInstall(missingPackages(packages));
  run(pinnedNode, ['--disable-warning=ExperimentalWarning', join(root, 'e2e', program), ...args]);
}

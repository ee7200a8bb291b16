import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { top } from '../support/daemon.ts';

/** The packages of a user's machine, plus those the checks need. */
const PACKAGES = [
  'linux-image-cloud-amd64',
  'systemd',
  'systemd-sysv',
  'udev',
  'dbus',
  'apparmor',
  'busybox-static',
  'crun',
  'curl',
  'docker-cli',
  'iproute2',
  'isal',
  'kmod',
  'libnftables1',
  'libseccomp2',
  'libstdc++6',
  'nftables',
  'passwd',
  'procps',
];

const guest = join(import.meta.dirname, 'guest');
const units = ['berthd.service', 'checks.service', 'package-checks.service'];

/** A machine's disk and what it is booted with. */
export interface Machine {
  kernel: string;
  initrd: string;
  disk: string;
}

function must(command: string, args: string[]): void {
  const result = spawnSync(command, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.error ?? result.status}`);
}

/** Makes a file that is a disk with what a folder has. */
export function makeDisk(file: string, folder: string, size: string): void {
  rmSync(file, { force: true });
  must('/usr/sbin/mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', folder, file, size]);
}

/** The Debian machine; kept, and made anew when its recipe has changed. */
export function debianMachine(cache: string): Machine {
  const recipe = createHash('sha256').update(PACKAGES.join());
  for (const name of readdirSync(guest)) recipe.update(readFileSync(join(guest, name)));
  const folder = join(cache, recipe.digest('hex').slice(0, 12));
  const machine = {
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd.img'),
    disk: join(folder, 'debian.ext4'),
  };
  if (existsSync(folder)) return machine;
  rmSync(cache, { recursive: true, force: true });
  const unfinished = join(cache, 'unfinished');
  mkdirSync(unfinished, { recursive: true });
  const root = mkdtempSync(join(tmpdir(), 'berth-vm-'));
  try {
    process.stdout.write('making the Debian machine (a minute or two, once)\n');
    const tar = join(root, 'debian.tar');
    const paths = ['doc', 'man', 'locale', 'info'].map(
      (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
    );
    must('mmdebstrap', [
      '--quiet',
      '--variant=minbase',
      `--include=${PACKAGES.join()}`,
      ...paths,
      `--customize-hook=copy-in ${units.map((unit) => join(guest, unit)).join(' ')} /etc/systemd/system`,
      `--customize-hook=copy-in ${join(guest, 'fstab')} /etc`,
      '--customize-hook=mkdir -p "$1/opt/berth"; systemctl --root="$1" -q enable checks.service package-checks.service',
      'trixie',
      tar,
    ]);
    const tree = join(root, 'tree');
    mkdirSync(tree);
    must('tar', ['--numeric-owner', '-xpf', tar, '-C', tree]);
    for (const name of readdirSync(join(tree, 'boot'))) {
      const kind = ['vmlinuz', 'initrd.img'].find((known) => name.startsWith(`${known}-`));
      if (kind) cpSync(join(tree, 'boot', name), join(unfinished, kind));
    }
    makeDisk(join(unfinished, 'debian.ext4'), tree, '4G');
    renameSync(unfinished, folder);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return machine;
}

/** Copies the packages of a folder, those of a scope (`@name`) too. */
function copyPackages(from: string, to: string): void {
  for (const name of readdirSync(from))
    if (name.startsWith('@')) copyPackages(join(from, name), join(to, name));
    else cpSync(realpathSync(join(from, name)), join(to, name), { recursive: true });
}

/** A disk with what a user installs (dist, Node, koffi) and the checks; it is /opt/berth there. */
export function projectDisk(file: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'berth-vm-'));
  try {
    const copy = (path: string) =>
      cpSync(join(top, path), join(folder, path), {
        recursive: true,
        filter: (file) => !/\/dist\/(failpoints|packages)$/.test(file),
      });
    for (const path of ['dist', 'e2e/support', 'e2e/vm']) copy(path);
    // The document that answers are held against; it is TypeScript, which Node does not read below node_modules.
    for (const path of ['package.json', 'src', 'generated']) copy(join('packages/api-spec', path));
    for (const path of ['package.json', 'src']) copy(join('packages/grpc', path));
    // The validator, with the packages that it needs: pnpm has them beside, as links that cpSync would copy as links.
    copyPackages(dirname(realpathSync(join(top, 'e2e/node_modules/ajv'))), join(folder, 'node_modules'));
    mkdirSync(join(folder, 'node_modules/@berth'), { recursive: true });
    symlinkSync('../../packages/api-spec', join(folder, 'node_modules/@berth/api-spec'));
    must('cc', [
      ...['-O2', '-static', '-o', join(folder, 'joining-reader')],
      join(top, 'e2e/support/joining-reader.c'),
    ]);
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
    makeDisk(file, folder, '400M');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

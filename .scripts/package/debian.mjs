// The Debian package, made with dpkg-deb.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../lib.mjs';

const source = join(root, 'packages/distribution/debian');

/** Debian's name of this processor. */
export const ARCHITECTURE = { x64: 'amd64', arm64: 'arm64' }[process.arch] ?? process.arch;

/** Packages that Berth runs without: compressing layers fast, reading other archives, builds from git, firewalls by hand. */
const CONTROL = (version, size) => `Package: berth
Version: ${version}
Architecture: ${ARCHITECTURE}
Maintainer: the authors of Berth <berth@localhost>
Installed-Size: ${size}
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6, libnftables1, libseccomp2, passwd, init-system-helpers (>= 1.54~)
Recommends: apparmor, ca-certificates, git, iproute2, isal, nftables, xz-utils, zstd
Suggests: docker-buildx, docker-cli, docker-compose, erofs-utils
Enhances: docker-cli, docker-compose
Section: admin
Priority: optional
Description: container engine that speaks the Docker Engine API
 A root daemon, berthd, owns namespaces, cgroups, image layers and bridge
 networks; a thin client, berth, talks to it over the Docker Engine API, and so
 do docker, docker compose, buildx and whatever else speaks that API.
 .
 Containers live on when the daemon is stopped, upgraded or killed. It stands
 beside docker.io: sockets, data, bridges and firewall tables are its own.
 berth-docker.socket, which is not enabled by itself, serves /run/docker.sock.
`;

/** Kibibytes that the files take, as dpkg counts them. */
function installedSize(folder) {
  const files = globSync('**/*', { cwd: folder, withFileTypes: true }).filter(
    (entry) => !entry.isSymbolicLink(),
  );
  return files.reduce(
    (sum, entry) =>
      sum + (entry.isFile() ? Math.ceil(statSync(join(entry.parentPath, entry.name)).size / 1024) : 1),
    0,
  );
}

/** The check sums that `dpkg --verify` goes by. */
function sums(folder) {
  return globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/DEBIAN'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map(
      (file) =>
        `${createHash('md5').update(readFileSync(file)).digest('hex')}  ${file.slice(folder.length + 1)}\n`,
    )
    .join('');
}

/** Makes the package from a tree; `level` is of zstd, which every dpkg since Debian 12 reads. */
export function makeDebian(folder, version, file, level) {
  const control = join(folder, 'DEBIAN');
  mkdirSync(control);
  for (const script of ['postinst', 'prerm', 'postrm']) {
    copyFileSync(join(source, script), join(control, script));
    chmodSync(join(control, script), 0o755);
  }
  writeFileSync(join(control, 'md5sums'), sums(folder));
  writeFileSync(join(control, 'conffiles'), '/etc/berth/daemon.json\n/etc/default/berth\n');
  writeFileSync(join(control, 'control'), CONTROL(version, installedSize(folder)));
  run('dpkg-deb', ['--root-owner-group', '-Zzstd', `-z${level}`, '--build', folder, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: process.env.SOURCE_DATE_EPOCH ?? commitTime() },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** The time of the last commit, so that the same sources make the same package. */
export function commitTime() {
  const { stdout, status } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' });
  return status === 0 && stdout.trim()
    ? stdout.trim()
    : String(Math.floor(statSync(join(root, 'package.json')).mtimeMs / 1000));
}

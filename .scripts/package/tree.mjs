// The files that are installed, laid out as on a machine: <folder>/usr, <folder>/etc.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fail, pinnedNode, root } from '../lib.mjs';
import { annotatedConfiguration, clientPages, daemonPages } from './manual.mjs';

const source = join(root, 'packages/distribution');

function put(file, content, mode = 0o644) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

/** The files of a build that a file of it names, with all that those name. */
function partsOf(folder, name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const [part] of readFileSync(join(folder, 'lib', name), 'utf8').matchAll(/berthd-[A-Z0-9]{8}\.mjs/g))
    partsOf(folder, part, found);
  return found;
}

/** The program files: dist without what only builds and tests need, its Node without debugging symbols. */
export function programs(folder) {
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, 'dist'), folder, {
    recursive: true,
    filter: (path) =>
      !/\/dist\/(failpoints|packages|ui-pictures)$|\/lib\/(node|\.berth-native|berth-cache)$/.test(path),
  });
  const node = join(folder, 'lib/node');
  const stripped = spawnSync('strip', ['--strip-unneeded', '-o', node, pinnedNode], { stdio: 'inherit' });
  if (stripped.status !== 0) fail('strip (of binutils, which gcc needs too) could not make a smaller Node');
  copyFileSync(join(root, 'dist/lib/berth-native'), join(folder, 'lib/berth-native'));
  spawnSync('strip', [join(folder, 'lib/berth-native')]);
  for (const file of ['lib/node', 'lib/berth-native']) chmodSync(join(folder, file), 0o755);
  copyFileSync(join(source, 'systemd/shutdown.sh'), join(folder, 'shutdown.sh'));
  chmodSync(join(folder, 'shutdown.sh'), 0o755);
  // dist keeps the parts of earlier builds, for daemons that run.
  const wanted = new Set(partsOf(folder, 'berthd.mjs'));
  for (const name of readdirSync(join(folder, 'lib')))
    if (/^berthd-.*\.mjs$/.test(name) && !wanted.has(name)) rmSync(join(folder, 'lib', name));
}

/** Manual pages, compressed as Debian has them; copies of the same time are the same bytes. */
export async function manualPages(folder, version) {
  for (const [name, text] of [...(await clientPages(version)), ...(await daemonPages(version))])
    put(join(folder, `man${name.at(-1)}`, `${name}.gz`), gzipSync(text, { level: 9 }));
}

/** The completion scripts, as the client itself prints them. */
export function completions(share) {
  const print = (shell) => {
    const { status, stdout } = spawnSync(join(root, 'dist/berth'), ['completion', shell], {
      encoding: 'utf8',
    });
    if (status !== 0) fail(`berth completion ${shell} failed`);
    return stdout;
  };
  put(join(share, 'bash-completion/completions/berth'), print('bash'));
  put(join(share, 'zsh/vendor-completions/_berth'), print('zsh'));
  put(join(share, 'fish/vendor_completions.d/berth.fish'), print('fish'));
}

/** The documents for who uses it: the README and each package's. */
export function documents(folder) {
  put(join(folder, 'README.md'), readFileSync(join(root, 'README.md')));
  cpSync(join(root, 'packages/daemon/docs'), join(folder, 'daemon'), { recursive: true });
  cpSync(join(root, 'packages/client/docs'), join(folder, 'client'), { recursive: true });
  put(
    join(folder, 'node-LICENSE.gz'),
    gzipSync(readFileSync(join(root, 'node_modules', `node-linux-${process.arch}`, 'LICENSE')), { level: 9 }),
  );
}

/** The whole tree of the Debian package, but for DEBIAN. */
export async function debianTree(folder, version) {
  programs(join(folder, 'usr/lib/berth'));
  mkdirSync(join(folder, 'usr/bin'), { recursive: true });
  mkdirSync(join(folder, 'usr/sbin'), { recursive: true });
  symlinkSync('../lib/berth/berth', join(folder, 'usr/bin/berth'));
  symlinkSync('../lib/berth/berthd', join(folder, 'usr/sbin/berthd'));
  for (const unit of ['berth.service', 'berth.socket', 'berth-docker.socket'])
    put(join(folder, 'usr/lib/systemd/system', unit), readFileSync(join(source, 'systemd', unit)));
  await manualPages(join(folder, 'usr/share/man'), version);
  completions(join(folder, 'usr/share'));
  documents(join(folder, 'usr/share/doc/berth'));
  put(join(folder, 'usr/share/doc/berth/copyright'), readFileSync(join(source, 'debian/copyright')));
  put(join(folder, 'etc/berth/daemon.json'), await annotatedConfiguration());
  put(join(folder, 'etc/default/berth'), readFileSync(join(source, 'debian/berth.default')));
}

/** The tar for other distributions: one folder with the programs, what belongs to a system, and a script that installs. */
export async function tarTree(folder, version) {
  programs(join(folder, 'lib/berth'));
  await manualPages(join(folder, 'share/man'), version);
  completions(join(folder, 'share'));
  documents(join(folder, 'share/doc/berth'));
  for (const unit of ['berth.service', 'berth.socket', 'berth-docker.socket'])
    put(join(folder, 'systemd', unit), readFileSync(join(source, 'systemd', unit)));
  put(join(folder, 'etc/berth/daemon.json'), await annotatedConfiguration());
  put(join(folder, 'etc/default/berth'), readFileSync(join(source, 'debian/berth.default')));
  put(join(folder, 'LICENSE'), readFileSync(join(root, 'LICENSE')));
  put(join(folder, 'install.sh'), readFileSync(join(source, 'tar/install.sh')), 0o755);
}

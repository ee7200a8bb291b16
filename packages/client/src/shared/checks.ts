import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { humanSize } from '../format/sizes.ts';

/** `fail`: containers will not run; `note`: they will, but slower or with less. */
export type Outcome = 'ok' | 'note' | 'fail';

/** The result of one check of the machine. */
export interface Finding {
  check: string;
  outcome: Outcome;
  found: string;
  /** The advice, when there is something to do. */
  advice?: string;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const finding = (check: string, outcome: Outcome, found: string, advice?: string): Finding => ({
  check,
  outcome,
  found,
  ...(advice && outcome !== 'ok' ? { advice } : {}),
});

/** The kernel's version as a number: 6.12 is 6012. */
function kernelNumber(text: string): number {
  const [major, minor] = text.split('.').map((part) => Number.parseInt(part, 10)) as [number, number];
  return major * 1000 + (minor || 0);
}

function kernel(): Finding {
  const number = kernelNumber(release());
  // clone3 into a cgroup came with 5.7, the file descriptors of the new mount API with 5.2, openat2 with 5.6.
  if (number < 5010) return finding('kernel', 'fail', release(), 'Linux 5.10 or newer is needed');
  return finding('kernel', 'ok', release());
}

function fileSystems(): Finding[] {
  const known = new Set(read('/proc/filesystems').split(/\s+/));
  // A file system that is a kernel module is loaded when it is first mounted, so it may be missing from the list
  // until then.
  const has = (name: string): boolean =>
    known.has(name) || existsSync(`/sys/module/${name}`) || hasModule(name);
  const overlay = has('overlay');
  const erofs = has('erofs');
  return [
    finding(
      'overlay filesystem',
      overlay ? 'ok' : 'fail',
      overlay ? 'the kernel has it' : 'the kernel does not have it',
      'Use a kernel with CONFIG_OVERLAY_FS',
    ),
    finding(
      'EROFS filesystem',
      erofs ? 'ok' : 'note',
      erofs
        ? 'the kernel has it'
        : 'the kernel does not have it: layers are unpacked into folders, which is slower',
      'Use a kernel with CONFIG_EROFS_FS',
    ),
  ];
}

function hasModule(name: string): boolean {
  const list = read(join('/lib/modules', release(), 'modules.dep'));
  return new RegExp(`/${name}\\.ko(\\.\\w+)?:`, 'm').test(list);
}

function namespaces(): Finding {
  const wanted = ['mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'user'];
  const missing = wanted.filter((name) => !existsSync(`/proc/self/ns/${name}`));
  return finding(
    'namespaces',
    missing.length ? 'fail' : 'ok',
    missing.length ? `the kernel lacks ${missing.join(', ')}` : wanted.join(', '),
    'Use a kernel with all namespaces',
  );
}

function cgroups(): Finding[] {
  const mounts = read('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' '));
  const unified = mounts.find(([, path, type]) => type === 'cgroup2' && path === '/sys/fs/cgroup');
  const hierarchies = mounts.filter(([, , type]) => type === 'cgroup');
  const controllers = unified
    ? read('/sys/fs/cgroup/cgroup.controllers').trim().split(' ')
    : hierarchies.flatMap(([, , , options]) => (options ?? '').split(','));
  if (!unified && !hierarchies.length)
    return [finding('cgroups', 'fail', 'none are mounted', 'Mount cgroup2 at /sys/fs/cgroup')];
  const missing = ['cpu', 'cpuset', 'memory', 'pids'].filter((name) => !controllers.includes(name));
  const version = unified
    ? 'version 2'
    : mounts.some(([, , type]) => type === 'cgroup2')
      ? 'version 1, hybrid'
      : 'version 1';
  return [
    finding(
      'cgroups',
      missing.length ? 'note' : 'ok',
      missing.length ? `${version}; no controller for ${missing.join(', ')}` : version,
      'Limits of these will have no effect; enable the controllers (kernel parameter cgroup_enable=memory and the like)',
    ),
  ];
}

function security(): Finding[] {
  const seccomp = existsSync('/proc/sys/kernel/seccomp/actions_avail');
  const library = findLibrary('libseccomp.so.2');
  const users = Number(read('/proc/sys/user/max_user_namespaces') || 0);
  return [
    finding(
      'seccomp',
      seccomp && library ? 'ok' : 'fail',
      !seccomp
        ? 'the kernel does not have it'
        : library
          ? 'kernel and library'
          : 'libseccomp.so.2 is not installed',
      seccomp ? 'Install the package libseccomp2' : 'Use a kernel with CONFIG_SECCOMP_FILTER',
    ),
    finding(
      'user namespaces',
      users > 0 ? 'ok' : 'note',
      users > 0 ? `up to ${users}` : 'switched off: --userns will not work',
      'sysctl -w user.max_user_namespaces=15000',
    ),
  ];
}

const libraryFolders = ['/usr/lib', '/usr/lib64', '/lib', '/lib64', '/usr/local/lib'];

function findLibrary(name: string): boolean {
  const folders = libraryFolders.flatMap((folder) => {
    try {
      const inner = readdirSync(folder, { withFileTypes: true }).filter(({ name: sub }) =>
        sub.includes('-linux-gnu'),
      );
      return [folder, ...inner.map(({ name: sub }) => join(folder, sub))];
    } catch {
      return [];
    }
  });
  return folders.some((folder) => existsSync(join(folder, name)));
}

function network(): Finding[] {
  const forwarding = read('/proc/sys/net/ipv4/ip_forward').trim();
  const library = findLibrary('libnftables.so.1');
  return [
    finding(
      'nftables',
      library ? 'ok' : 'fail',
      library ? 'the library is there' : 'libnftables.so.1 is not installed',
      'Install the package libnftables1',
    ),
    finding(
      'IPv4 forwarding',
      forwarding === '1' ? 'ok' : 'note',
      forwarding === '1' ? 'on' : 'off: the daemon switches it on when it makes a bridge',
    ),
  ];
}

function programs(): Finding {
  const path = (process.env['PATH'] ?? '').split(':').concat('/usr/bin', '/usr/sbin');
  const has = (name: string): boolean =>
    path.some((folder) => {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  const fast = has('igzip');
  return finding(
    'decompression',
    fast ? 'ok' : 'note',
    fast ? 'igzip' : 'igzip is not installed: pulls and loads take longer',
    'Install the package isal',
  );
}

/** The free space of the daemon's folder, when it lies on this machine. */
export function diskSpace(folder: string): Finding {
  try {
    const { bavail, bsize, blocks } = statfsSync(folder);
    const free = bavail * bsize;
    const percent = Math.round((bavail / blocks) * 100);
    return finding(
      'disk space',
      free < 1e9 ? 'note' : 'ok',
      `${humanSize(free, 3)} (${percent}%) free in ${folder}`,
      '"berth system df" shows what takes it, "berth system prune" removes what is unused',
    );
  } catch {
    return finding('disk space', 'note', `${folder} cannot be looked at from here`);
  }
}

/** All that can be said about this machine without a daemon. */
export function machineFindings(): Finding[] {
  return [kernel(), namespaces(), ...cgroups(), ...fileSystems(), ...security(), ...network(), programs()];
}

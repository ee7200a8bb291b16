import { release } from 'node:os';
import { availableCapabilities } from './capabilities.ts';
import type { KernelFeatures } from './features.ts';
import { ACTIONS, ARCHITECTURES, COMPARISONS } from './seccomp/compile.ts';

/** Options of a mount that the container set-up in C knows (its `mount` record). */
const MOUNT_OPTIONS = [
  'bind',
  'idmap',
  'ridmap',
  'rbind',
  'ro',
  'rro',
  'rw',
  'private',
  'rprivate',
  'shared',
  'rshared',
  'slave',
  'rslave',
  'noexec',
  'nosuid',
  'nodev',
];

/**
 * The features of the built-in runtime, as the OCI runtime specification describes a runtime (features.md); clients
 * find them
 * in `Runtimes[*].status` of `/info`. It names what works here, on this kernel, and nothing else.
 */
export function runtimeFeatures(kernel: KernelFeatures, cgroupVersion: 1 | 2): Record<string, unknown> {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  // mount_setattr(2)
  const idMapped = major > 5 || (major === 5 && minor >= 12);
  return {
    ociVersionMin: '1.0.0',
    ociVersionMax: '1.2.0',
    hooks: [],
    mountOptions: MOUNT_OPTIONS.filter((name) => idMapped || !name.endsWith('idmap')).toSorted(),
    linux: {
      namespaces: ['cgroup', 'ipc', 'mount', 'network', 'pid', 'user', 'uts'].filter(
        (name) => name !== 'cgroup' || kernel.cgroupNamespaces,
      ),
      capabilities: availableCapabilities().toSorted(),
      cgroup: {
        v1: cgroupVersion === 1,
        v2: cgroupVersion === 2,
        systemd: false,
        systemdUser: false,
        rdma: false,
      },
      seccomp: {
        enabled: kernel.seccomp,
        ...(kernel.seccomp && {
          actions: Object.keys(ACTIONS).toSorted(),
          operators: Object.keys(COMPARISONS).toSorted(),
          archs: Object.keys(ARCHITECTURES).toSorted(),
        }),
      },
      apparmor: { enabled: kernel.apparmor },
      selinux: { enabled: false },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: idMapped } },
    },
  };
}

// `npm run vm [PATTERN ...]`: the checks of e2e/vm in a virtual machine with a stock Debian 13 kernel, systemd, cgroup v2.
import { join } from 'node:path';
import { aptInstall, fail, missingPackages, pinnedNode, root, run } from './lib.mjs';

if (process.getuid() !== 0) fail('the machine is made from Debian packages: run this as root');
run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
aptInstall(
  missingPackages({
    e2fsprogs: '/usr/sbin/mke2fs',
    mmdebstrap: '/usr/bin/mmdebstrap',
    'qemu-system-x86': '/usr/bin/qemu-system-x86_64',
  }),
);
run(pinnedNode, [
  '--disable-warning=ExperimentalWarning',
  join(root, 'e2e/vm/main.ts'),
  ...process.argv.slice(2),
]);

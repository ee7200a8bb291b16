// `npm run faults -- [--rounds N] [--seed S] [--mode M] [--round R]`: random operations under random faults.
import { join } from 'node:path';
import { aptInstall, fail, missingPackages, pinnedNode, root, run } from './lib.mjs';

if (process.getuid() !== 0) fail('the rig makes containers: run it as root');
run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
aptInstall(
  missingPackages({ e2fsprogs: '/usr/sbin/mke2fs', iproute2: '/usr/bin/ip', nftables: '/usr/sbin/nft' }),
);
run(pinnedNode, [
  '--disable-warning=ExperimentalWarning',
  join(root, 'e2e/faults/main.ts'),
  ...process.argv.slice(2),
]);

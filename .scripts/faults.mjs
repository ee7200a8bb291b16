// `npm run faults | soak | neighbours`: one daemon under random faults, under much use, beside bad neighbours.
import { join } from 'node:path';
import { aptInstall, fail, missingPackages, pinnedNode, root, run } from './lib.mjs';

if (process.getuid() !== 0) fail('the rig makes containers: run it as root');
run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
aptInstall(
  missingPackages({ e2fsprogs: '/usr/sbin/mke2fs', iproute2: '/usr/bin/ip', nftables: '/usr/sbin/nft' }),
);
const [first = '', ...rest] = process.argv.slice(2);
const named = ['soak', 'neighbours'].includes(first);
run(pinnedNode, [
  '--disable-warning=ExperimentalWarning',
  join(root, 'e2e/faults', named ? `${first}.ts` : 'main.ts'),
  ...(named ? rest : process.argv.slice(2)),
]);

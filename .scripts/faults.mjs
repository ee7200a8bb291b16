// `npm run faults | points | soak | neighbours`: one daemon under random faults, hit at each step of an operation, under much
// use, beside bad neighbours.
import { fail, runSuite } from './lib.mjs';

if (process.getuid() !== 0) fail('the rig makes containers: run it as root');
const [first = '', ...rest] = process.argv.slice(2);
const named = ['soak', 'neighbours', 'points'].includes(first);
runSuite(
  `faults/${first === 'points' ? 'points/main' : named ? first : 'main'}.ts`,
  { e2fsprogs: '/usr/sbin/mke2fs', iproute2: '/usr/bin/ip', nftables: '/usr/sbin/nft' },
  named ? rest : process.argv.slice(2),
);

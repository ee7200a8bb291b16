// `npm run kubernetes [SCENARIO ...]`: Kubernetes' programs, named by the environment, on pods of this engine.
import { join } from 'node:path';
import { aptInstall, fail, missingPackages, pinnedNode, root, run } from './lib.mjs';

if (process.getuid() !== 0) fail('pods are made here: run it as root');
run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
aptInstall(
  missingPackages({
    'docker-registry': '/usr/bin/docker-registry',
    'busybox-static': '/bin/busybox',
    iproute2: '/usr/bin/ip',
    mount: '/usr/bin/mount',
    nftables: '/usr/sbin/nft',
  }),
);
run(pinnedNode, [
  '--disable-warning=ExperimentalWarning',
  join(root, 'e2e/kubernetes/main.ts'),
  ...process.argv.slice(2),
]);

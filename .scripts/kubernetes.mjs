// `npm run kubernetes [SCENARIO ...]`: Kubernetes' programs, named by the environment, on pods of this engine.
import { fail, runSuite } from './lib.mjs';

if (process.getuid() !== 0) fail('pods are made here: run it as root');
runSuite('kubernetes/main.ts', {
  'docker-registry': '/usr/bin/docker-registry',
  'busybox-static': '/bin/busybox',
  iproute2: '/usr/bin/ip',
  mount: '/usr/bin/mount',
  nftables: '/usr/sbin/nft',
});

// `npm run bench [name ...]`: Berth beside dockerd; installs what only the benchmarks need.
import { join } from 'node:path';
import { aptInstall, missingPackages, pinnedNode, root, run } from './lib.mjs';

run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
aptInstall(
  missingPackages({
    'docker.io': '/usr/sbin/dockerd',
    'docker-cli': '/usr/bin/docker',
    'docker-registry': '/usr/bin/docker-registry',
    iperf3: '/usr/bin/iperf3',
    mmdebstrap: '/usr/bin/mmdebstrap',
    containerd: '/usr/bin/containerd',
    'containernetworking-plugins': '/usr/lib/cni/bridge',
    crun: '/usr/bin/crun',
  }),
);
run(pinnedNode, [
  '--disable-warning=ExperimentalWarning',
  join(root, 'e2e/bench/main.ts'),
  ...process.argv.slice(2),
]);

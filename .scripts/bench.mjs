// `npm run bench [name ...]`: Berth beside dockerd; installs what only the benchmarks need.
import { runSuite } from './lib.mjs';

runSuite('bench/main.ts', {
  'docker.io': '/usr/sbin/dockerd',
  'docker-cli': '/usr/bin/docker',
  'docker-registry': '/usr/bin/docker-registry',
  iperf3: '/usr/bin/iperf3',
  mmdebstrap: '/usr/bin/mmdebstrap',
  containerd: '/usr/bin/containerd',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  crun: '/usr/bin/crun',
});

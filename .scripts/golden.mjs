// `npm run golden [-- --help]`: Berth beside dockerd, request by request; installs what only that needs.
import { join } from 'node:path';
import { aptInstall, missingPackages, pinnedNode, root, run } from './lib.mjs';

run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
aptInstall(
  missingPackages({
    'docker.io': '/usr/sbin/dockerd',
    'docker-cli': '/usr/bin/docker',
    'docker-compose': '/usr/bin/docker-compose',
    'docker-buildx': '/usr/libexec/docker/cli-plugins/docker-buildx',
    'docker-registry': '/usr/bin/docker-registry',
    jq: '/usr/bin/jq',
  }),
);
run(pinnedNode, [
  '--disable-warning=ExperimentalWarning',
  join(root, 'e2e/golden/main.ts'),
  ...process.argv.slice(2),
]);
